"""The paper's printed values beside ours, from tables/paper_comparison.csv."""

import pandas as pd

from sparse_topology.report.page import Cell


def key(text) -> str:
    """A printed or a config word without case and punctuation: Resnet-20 and ResNet-20 are one."""
    return "".join(c for c in str(text).lower() if c.isalnum())


def printed_values(comparison: pd.DataFrame | None) -> dict:
    """{(table, model or scenario, row, column): printed value}; empty without a comparison."""
    if comparison is None:
        return {}
    rows = comparison[["table", "scenario_or_model", "row", "column", "printed"]].dropna().itertuples(index=False)
    return {(int(table), key(model), key(row), key(column)): value for table, model, row, column, value in rows}


def differing(comparison: pd.DataFrame | None) -> dict:
    """{(table, model, row, column): (printed value as text, reason)} of the accuracies that do not agree."""
    if comparison is None:
        return {}
    rows = comparison[comparison["table"].isin([8, 9, 10]) & ~comparison["agrees"].astype(bool)]
    found = {}
    for row in rows.itertuples():
        place = (int(row.table), key(row.scenario_or_model), key(row.row), key(row.column))
        value = "*" if pd.isna(row.printed) else f"{row.printed:.1f}"
        found[place] = value, row.note if isinstance(row.note, str) and row.note else "no reason known"
    return found


def signed(difference: float, digits: int) -> str:
    """A difference with its sign; what rounds to nothing has none."""
    text = f"{difference:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def beside(cell: Cell, ours: float, printed: dict, place: tuple, digits: int) -> Cell:
    """The cell with the paper's value and ours minus it in small print below, where the paper has one."""
    table, *names = place
    value = printed.get((table, *map(key, names)))
    if value is not None:
        line = f"paper {value:.{digits}f} ({signed(ours - value, digits)})"
        cell.small = f"{cell.small}\n{line}" if cell.small else line
    return cell
