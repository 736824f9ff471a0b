"""Correlation of the Ramanujan metrics with the layer density: the paper's Figure 5, from tables/layer_correlation.csv.

On the first data set, as the paper shows CIFAR-10.
"""

import pandas as pd

from sparse_topology.figures import correlation_bar, first_dataset, fitting_width, heatmap, nothing, panels, save
from sparse_topology.files import read_table
from sparse_topology.job import job
from sparse_topology.words import in_order, printed


def correlation_figure(table: pd.DataFrame):
    """One map per Ramanujan metric and architecture: algorithms against sparsities."""
    table = first_dataset(table)
    metrics = [name for name in dict.fromkeys(table["metric"]) if table.loc[table["metric"] == name, "r"].notna().any()]
    if not metrics:
        return nothing("No Ramanujan metric has a correlation with the layer density.")
    architectures, algorithms = in_order(table["architecture"]), in_order(table["pruning"])
    sparsities = sorted(set(table["sparsity"]))
    width = fitting_width(len(architectures), 1.7)
    figure, axes = panels(
        len(metrics), len(architectures), 0.15 * len(algorithms) + 0.15, width, sharex=True, sharey=True
    )
    for i, metric in enumerate(metrics):
        for j, architecture in enumerate(architectures):
            part = table[(table["metric"] == metric) & (table["architecture"] == architecture)]
            grid = part.pivot_table(index="pruning", columns="sparsity", values="r")
            grid = grid.reindex(index=algorithms, columns=sparsities)
            heatmap(axes[i, j], grid.to_numpy(float), [printed(a) for a in algorithms], [f"{s:g}" for s in sparsities])
            if i == 0:
                axes[i, j].set_title(printed(architecture))
        axes[i, 0].set_ylabel(printed(metric))
    for axis in axes[-1]:
        axis.set_xlabel("sparsity")
    correlation_bar(figure, axes, "r with the layer density")
    figure.suptitle(printed(table["dataset"].iloc[0]), size=7)
    return figure


def main(table, output) -> None:
    save(correlation_figure(read_table(table)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
