"""The paper's printed values beside ours, from tables/paper_comparison.csv."""

import pandas as pd

from snn.page import Cell


def key(text) -> str:
    """A printed or a config word without case and punctuation: Resnet-20 and ResNet-20 are one."""
    return "".join(c for c in str(text).lower() if c.isalnum())


def printed_values(comparison: pd.DataFrame | None) -> dict:
    """{(table, model or scenario, row, column): (printed, difference)}; empty without a comparison."""
    if comparison is None:
        return {}
    columns = ["table", "scenario_or_model", "row", "column", "printed", "difference"]
    return {
        (int(table), key(model), key(row), key(column)): (value, difference)
        for table, model, row, column, value, difference in comparison[columns].itertuples(index=False)
        if pd.notna(value)
    }


def signed(difference: float, digits: int) -> str:
    """A difference with its sign; what rounds to nothing has none."""
    text = f"{difference:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def beside(cell: Cell, values: dict, place: tuple, digits: int) -> Cell:
    """The cell with the printed value and ours minus it in small print below, where the paper has one."""
    table, *names = place
    value, difference = values.get((table, *map(key, names)), (None, None))
    if value is not None:
        cell.small = f"{value:.{digits}f}" + (f" ({signed(difference, digits)})" if pd.notna(difference) else "")
    return cell
