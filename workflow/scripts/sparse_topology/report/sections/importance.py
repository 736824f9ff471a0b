"""Correlation of the topometrics with the accuracy drop (the paper's Figures 3 and 4), and with each other."""

import pandas as pd

from sparse_topology.analysis.design import SCENARIOS
from sparse_topology.report import charts, passages
from sparse_topology.report.page import Cell, Chart, Heading, Pair, Section, Table, number
from sparse_topology.report.sections.inputs import (
    PageInputs,
    claim,
    empty,
    first_encoding,
    in_words,
    printed_columns,
    scenario_columns,
    span,
)
from sparse_topology.report.takeaways import repeated, strongest
from sparse_topology.words import by_group, group_of, printed


def importance_chart(inputs: PageInputs, table: pd.DataFrame, scenario: str, metrics: list[str]) -> Chart:
    rows = table[(table["scenario"] == scenario) & table["metric"].isin(metrics)]
    frame = pd.DataFrame(
        {
            "row": rows["metric"].map(printed),
            "column": rows["value"].map(printed),
            "r": rows["r"],
            "95 % interval": span(rows["low"], rows["high"]),
            "networks": rows["networks"],
            "category": rows["metric"].map(group_of),
        }
    )
    name = f"importance_{scenario}"
    columns = [printed(value) for _, value in scenario_columns(rows)]
    spec = charts.heatmap(name, [printed(m) for m in metrics], columns, list(frame.columns), "r with the accuracy drop")
    return inputs.chart(name, spec, frame)


def redundancy_table(table: pd.DataFrame) -> Table:
    """What each topometric adds to the others."""
    body = []
    for row in table.itertuples():
        line = [Cell(printed(row.encoding)), Cell(printed(row.metric))]
        line += [number(row.r2_size), number(row.variance_inflation, 1)]
        # Both columns are empty where nothing is known.
        line += [Cell(printed(row.closest) if isinstance(row.closest, str) else "–"), number(row.closest_r)]
        body.append([*line, Cell(row.identity if str(row.is_identity) == "True" else "")])
    titles = ["encoding", "topometric", "R² from graph size", "variance inflation", "closest to", "r", "identical to"]
    return Table("redundancy", titles, body, heads=2, csv="redundancy")


def correlation_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    """All pairs of topometrics of the first encoding, both ways round."""
    rows = table[table["encoding"] == first_encoding(table)]
    turned = rows.rename(columns={"metric": "other", "other": "metric"})
    frame = printed_columns(pd.concat([rows, turned]), ["metric", "other"])
    frame = frame.set_axis(["row", "column"], axis=1).assign(r=[*rows["r"], *turned["r"]])
    order = [printed(m) for m in by_group({*rows["metric"], *rows["other"]})]
    hints = ["row", "column", "r"]
    spec = charts.heatmap("metric_correlation", order, order, hints, "r over all networks", numbers=False)
    return inputs.chart("metric_correlation", spec, frame)


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("importance")
    if table is None:
        return None
    part = Section("importance", "Which topometrics go with the drop")
    shown = table[table["encoding"] == first_encoding(table)]
    metrics = by_group(shown.loc[shown["r"].notna(), "metric"])
    if not metrics:
        part.blocks.append(empty("No topometric has a correlation: too few networks, or no variation among them."))
        return part
    part.blocks += claim("importance", strongest(table))
    maps = [[Heading(s, printed(s)), importance_chart(inputs, shown, s, metrics)] for s in SCENARIOS]
    part.blocks += [Pair(maps), inputs.caption("importance"), in_words(passages.importance(table))]
    redundancy, correlation = inputs.table("redundancy"), inputs.table("metric_correlation")
    if redundancy is not None and len(redundancy):
        part.blocks.append(Heading("redundancy", "Which topometrics say the same"))
        part.blocks += [*claim("redundancy", repeated(redundancy)), inputs.caption("redundancy")]
        if correlation is not None and correlation["r"].notna().any():
            part.blocks.append(correlation_chart(inputs, correlation))
        part.blocks += [in_words(passages.redundancy(redundancy)), redundancy_table(redundancy)]
    return part
