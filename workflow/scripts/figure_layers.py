"""Ramanujan metrics beside the density of each layer: the paper's Figure 2, from tables/layers.csv.

Every metric as its share of the sum over a network's layers, mean over the algorithms. Where a metric is negative in
some layers the sum is of absolute values: a sum near 0 would blow it up. On the first data set, as the paper shows
CIFAR-10.
"""

from itertools import cycle

import pandas as pd
from matplotlib.ticker import MaxNLocator

from sparse_topology.analysis.design import shared_metrics
from sparse_topology.figures import first_dataset, fitting_width, legend_below, nothing, panels, save
from sparse_topology.files import read_table
from sparse_topology.job import job
from sparse_topology.words import colours, in_order, printed

STYLES = ["-", "--", "-.", ":"]


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """One row per architecture, sparsity and layer: mean over the algorithms of value / sum over layers |value|."""
    values = table[shared_metrics(table)]
    totals = values.abs().groupby([table["architecture"], table["sparsity"], table["pruning"]]).transform("sum")
    scaled = values / totals.where(totals > 0)
    # Layer numbers have gaps where a module has no weights.
    layer = table.groupby("architecture")["layer_id"].rank("dense").rename("layer")
    keys = [table["architecture"], table["sparsity"], layer]
    return scaled.groupby(keys).mean().reset_index()


def profile_figure(table: pd.DataFrame):
    """One panel per architecture and sparsity, one line per metric over the layers."""
    table = first_dataset(table)
    metrics = shared_metrics(table)
    if not table[metrics].notna().any(axis=None):
        return nothing("No layer has a density or a Ramanujan metric.")
    means = shares(table)
    architectures, sparsities = in_order(means["architecture"]), sorted(set(means["sparsity"]))
    width = fitting_width(len(sparsities), 1.4)
    figure, axes = panels(len(architectures), len(sparsities), 1.2, width, sharey="row")
    colour = colours(metrics)
    handles = {}
    for i, architecture in enumerate(architectures):
        for j, sparsity in enumerate(sparsities):
            rows = means[(means["architecture"] == architecture) & (means["sparsity"] == sparsity)]
            for metric, style in zip(metrics, cycle(STYLES), strict=False):
                if rows[metric].notna().any():
                    handles[metric] = axes[i, j].plot(
                        rows["layer"], rows[metric], color=colour[metric], linestyle=style, marker=".", markersize=2
                    )[0]
            axes[i, j].xaxis.set_major_locator(MaxNLocator(4, integer=True))
            axes[i, j].yaxis.set_major_locator(MaxNLocator(4))
            if i == 0:
                axes[i, j].set_title(f"sparsity {sparsity:g}")
        axes[i, 0].set_ylabel(f"{printed(architecture)}\nshare of the sum")
    for axis in axes[-1]:
        axis.set_xlabel("layer")
    order = [name for name in metrics if name in handles]
    legend_below(figure, [handles[name] for name in order], order, 4)
    figure.suptitle(printed(table["dataset"].iloc[0]), size=7)
    return figure


def main(table, output) -> None:
    save(profile_figure(read_table(table)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
