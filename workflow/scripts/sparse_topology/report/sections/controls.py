"""Methods against their controls, paired by seed: is it the topology, the layer densities, or the initialisation?"""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Cell, Chart, Heading, Section, Table, number
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, interval_text
from sparse_topology.report.takeaways import controls, estimate
from sparse_topology.words import by_group, in_order, printed


def pair_name(row) -> str:
    return f"{printed(row.control)} − {printed(row.reference)}"


def place_name(row) -> str:
    if row.dataset == "all":
        return "all cells"
    return f"{printed(row.architecture)} on {printed(row.dataset)}, {row.sparsity}"


def drop_chart(inputs: PageInputs, rows: pd.DataFrame) -> Chart:
    """Difference of the accuracy drops, one panel per control, one row per cell."""
    rows = rows.sort_values(
        ["dataset", "architecture", "sparsity"], key=lambda c: c.astype(str) != "all", kind="stable"
    )
    frame = pd.DataFrame(
        {
            "panel": [pair_name(row) for row in rows.itertuples()],
            "row": [place_name(row) for row in rows.itertuples()],
            "value": 100 * rows["difference"],
            "low": 100 * rows["low"],
            "high": 100 * rows["high"],
            "pairs": rows["pairs"],
            "kind": ["all" if row.dataset == "all" else "cell" for row in rows.itertuples()],
        }
    )
    frame["difference"] = [estimate(*v, plus=True) for v in frame[["value", "low", "high"]].itertuples(index=False)]
    order, panels = list(dict.fromkeys(frame["row"])), list(dict.fromkeys(frame["panel"]))
    title = "accuracy drop, control − method (points)"
    return inputs.chart("controls", charts.difference_dots("controls", order, panels, title), frame)


def metric_chart(inputs: PageInputs, rows: pd.DataFrame) -> Chart | None:
    """Change of every topometric in percent of the method's mean, over all cells."""
    rows = rows[rows["reference_mean"] != 0]
    if rows.empty:
        return None
    scale = 100 / rows["reference_mean"].abs()
    frame = pd.DataFrame(
        {
            "panel": [pair_name(row) for row in rows.itertuples()],
            "row": rows["metric"].map(printed),
            "value": rows["difference"] * scale,
            "low": rows["low"] * scale,
            "high": rows["high"] * scale,
            "pairs": rows["pairs"],
            "kind": "all",
        }
    )
    frame["difference"] = [estimate(*v, 1, plus=True) for v in frame[["value", "low", "high"]].itertuples(index=False)]
    order = [printed(name) for name in by_group(rows["metric"])]
    panels = list(dict.fromkeys(frame["panel"]))
    spec = charts.difference_dots("control_metrics", order, panels, "change (% of the method's mean)", log=True)
    return inputs.chart("control_metrics", spec, frame)


def control_table(table: pd.DataFrame) -> Table:
    """Every control and metric over all cells; the drop in points, topometrics as the pool has them."""
    body = []
    for row in table[(table["dataset"] == "all") & (table["pairs"] > 0)].itertuples():
        is_drop = row.metric == "drop"
        scale, digits = (100, 2) if is_drop else (1, None)
        values = [scale * v for v in (row.reference_mean, row.control_mean, row.difference)]
        cells = [number(v, digits) if is_drop else significant(v) for v in values]
        ends = (scale * row.low, scale * row.high)
        if pd.notna(row.low):
            cells[2].small = interval_text(*ends) if is_drop else " to ".join(significant(end).text for end in ends)
        line = [Cell(printed(row.control)), Cell("" if is_drop else printed(row.encoding))]
        line += [Cell(f"{printed(row.metric)} (%)" if is_drop else printed(row.metric)), *cells]
        body.append([*line, number(row.pairs, 0), number(100 * row.control_higher, 0)])
    titles = ["control", "encoding", "measure", "method", "control", "difference", "pairs", "control higher (%)"]
    return Table("controls", titles, body, heads=3, csv="controls")


def significant(value: float) -> Cell:
    """A number to three digits, whatever its size."""
    text = f"{value:.3g}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.2e}"
    return Cell(text.replace("-", "−"), f"{value:.6g}", "n")


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("controls")
    if table is None or table.empty:
        return None
    part = Section("controls", "Is it the topology? Methods against their controls")
    drops = table[(table["metric"] == "drop") & (table["pairs"] > 0)]
    if drops.empty:
        part.blocks.append(empty("No control and its method have an accuracy for the same seed."))
        return part
    part.blocks += [*claim("controls", controls(table)), drop_chart(inputs, drops), inputs.caption("controls")]
    measured = table[(table["metric"] != "drop") & (table["dataset"] == "all") & (table["pairs"] > 0)]
    encoding = next(iter(in_order(measured["encoding"].dropna())), None)
    chart = metric_chart(inputs, measured[measured["encoding"] == encoding]) if encoding else None
    if chart:
        part.blocks += [Heading("control-metrics", f"Topometrics of the {printed(encoding)}"), chart]
    part.blocks.append(control_table(table))
    return part
