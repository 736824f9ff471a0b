"""Ramanujan metrics beside the density of each layer: the paper's Figures 2 and 5."""

import pandas as pd

from sparse_topology.analysis.design import TABLE_CELL, shared_metrics
from sparse_topology.report import charts, passages
from sparse_topology.report.page import Chart, Heading, Section
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, in_words, menus, printed_columns
from sparse_topology.report.takeaways import repeats_density
from sparse_topology.words import in_order, printed

MEAN = "mean over algorithms"


def layer_chart(inputs: PageInputs, table: pd.DataFrame, metrics: list[str]) -> Chart:
    """Every metric as its share of the sum of absolute values over the layers, and the mean of that over algorithms."""
    totals = table[metrics].abs().groupby([table[name] for name in TABLE_CELL]).transform("sum")
    table = table.assign(**(table[metrics] / totals.where(totals > 0)))
    labels = {"dataset": "data set", "pruning": "algorithm", "sparsity": "sparsity"}
    choices = menus(table, labels)
    if len(set(table["pruning"])) > 1:
        # An algorithm without a value in a layer is left out of that layer's mean, as in the static figure.
        layer = [name for name in [*TABLE_CELL, "layer_id", "layer"] if name != "pruning"]
        means = table.groupby(layer, sort=False)[metrics].mean().reset_index()
        table = pd.concat([table, means.assign(pruning=MEAN)], ignore_index=True)
        choices["pruning"] = ("algorithm", [MEAN, *choices["pruning"][1]])
    frame = printed_columns(table, labels).assign(
        panel=table["architecture"].map(printed),
        layer=table.groupby("architecture")["layer_id"].rank("dense"),
        name=table["layer"],
    )
    frame = frame.join(table[metrics].rename(columns=printed))
    panels = [printed(a) for a in in_order(table["architecture"])]
    return inputs.chart("layers", charts.layers("layers", choices, panels, metrics), frame)


def correlation_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    """r of a Ramanujan metric with the density over the layers: algorithms against sparsities."""
    frame = printed_columns(table, ["dataset", "metric"]).assign(
        panel=table["architecture"].map(printed),
        row=table["pruning"].map(printed),
        column=table["sparsity"].map("{:g}".format),
        r=table["r"],
        layers=table["layers"],
    )
    choices = menus(table, {"metric": "metric", "dataset": "data set"})
    rows = [printed(a) for a in in_order(table["pruning"])]
    columns = [f"{s:g}" for s in sorted(set(table["sparsity"]))]
    panels = [printed(a) for a in in_order(table["architecture"])]
    spec = charts.heatmaps("layer_correlation", rows, columns, panels, choices, "r with the layer density")
    return inputs.chart("layer_correlation", spec, frame)


def section(inputs: PageInputs) -> Section | None:
    table, correlation = inputs.table("layers"), inputs.table("layer_correlation")
    if table is None:
        return None
    part = Section("layers", "Ramanujan metrics and density, layer by layer")
    metrics = [name for name in shared_metrics(table) if table[name].notna().any()]
    if not metrics:
        part.blocks.append(empty("No layer of this study has a density or a Ramanujan metric."))
        return part
    if correlation is not None:
        part.blocks += claim("layers", repeats_density(correlation))
    part.blocks += [layer_chart(inputs, table, metrics), inputs.caption("layers")]
    if correlation is not None and correlation["r"].notna().any():
        title = "Correlation with the density"
        part.blocks += [Heading("layer_correlation", title), correlation_chart(inputs, correlation)]
        part.blocks += [inputs.caption("layer_correlation"), in_words(passages.layers(correlation))]
    return part
