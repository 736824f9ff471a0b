"""How masks moved during training: layer densities, and how much of the network was tried."""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Cell, Chart, Heading, Section, Table, number
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, menus, printed_columns
from sparse_topology.report.takeaways import explored, moved
from sparse_topology.words import in_order, printed

KEY = ["dataset", "architecture", "sparsity", "pruning"]


def history_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    """Density of every layer over training, mean over seeds; one panel per method."""
    means = table.groupby([*KEY, "progress", "layer_id", "layer"], sort=False)["density"].mean().reset_index()
    labels = {"dataset": "data set", "architecture": "architecture", "sparsity": "sparsity"}
    last = means.groupby("architecture")["layer_id"].transform("max")
    frame = printed_columns(means, labels).assign(
        panel=means["pruning"].map(printed),
        name=means["layer"],
        training=100 * means["progress"],
        density=means["density"],
        position=means["layer_id"] / last.where(last > 0, 1),
    )
    panels = [printed(word) for word in in_order(means["pruning"])]
    return inputs.chart("mask_history", charts.mask_history("mask_history", menus(means, labels), panels), frame)


def exploration_table(table: pd.DataFrame) -> Table:
    """Means over seeds."""
    columns = ["updates", "changed", "exploration", "start_kept", "zero_kept"]
    means = table.groupby(KEY)[columns].mean().join(table.groupby(KEY).size().rename("seeds"))
    keys = [(d, a, p, s) for d, a, s, p in means.index]
    body = []
    for d, a, p, s in sorted(keys, key=lambda k: (in_order(table["pruning"]).index(k[2]), *map(str, k))):
        row = means.loc[(d, a, s, p)]
        line = [Cell(printed(p)), Cell(f"{printed(a)} on {printed(d)}"), Cell(f"{s:g}"), number(row["seeds"], 0)]
        line += [number(row["updates"], 0), number(row["changed"]), number(100 * row["exploration"], 1)]
        body.append([*line, number(100 * row["start_kept"], 1), number(100 * row["zero_kept"], 1)])
    titles = ["method", "network", "sparsity", "seeds", "updates", "weights changed / kept", "tried (%)"]
    titles += ["first mask left (%)", "kept zeros (%)"]
    return Table("exploration", titles, body, heads=3, csv="exploration")


def section(inputs: PageInputs) -> Section | None:
    history, exploration = inputs.table("mask_history"), inputs.table("exploration")
    if exploration is None or history is None:
        return None
    part = Section("mask-history", "How masks moved during training")
    if exploration.empty:
        part.blocks.append(empty("No network of this study changed its mask during training."))
        return part
    part.blocks += claim("mask-history", explored(exploration))
    part.blocks += [exploration_table(exploration), inputs.caption("exploration")]
    if len(history):
        part.blocks += [Heading("layer-densities", "Layer densities over training")]
        part.blocks += [*claim("layer-densities", moved(history)), history_chart(inputs, history)]
        part.blocks.append(inputs.caption("mask_history"))
    return part
