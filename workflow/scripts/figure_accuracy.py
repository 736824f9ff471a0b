"""Test accuracy against sparsity, one panel per data set and architecture, one line per pruning algorithm.

The numbers of the paper's Tables 8 to 10, from tables/accuracy.csv. Bars are one standard deviation over the seeds.
"""

import pandas as pd
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator

from sparse_topology.figures import markers, nothing, over_architectures, save
from sparse_topology.files import read_table
from sparse_topology.job import job
from sparse_topology.words import GREY, colours, in_order, printed


def scales(axis, sparsities: list[float]) -> None:
    """Sparsities at equal distances: they are chosen so that each is about half the density of the one before."""
    axis.set_xlim(-0.3, len(sparsities) - 0.7)
    axis.xaxis.set_major_locator(FixedLocator(range(len(sparsities))))
    axis.xaxis.set_major_formatter(FixedFormatter([f"{s:g}" for s in sparsities]))
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))


def draw_panel(axis, rows: pd.DataFrame, sparsities: list[float], looks: dict) -> dict:
    """The lines of one data set and architecture; returns {algorithm: line} for the legend."""
    dense = rows[rows["pruning"] == "dense"]["accuracy_mean"]
    handles = {}
    if len(dense):
        handles["dense"] = axis.axhline(dense.iloc[0], color=GREY, linestyle="--", linewidth=0.7)
    for algorithm, (colour, marker) in looks.items():
        line = rows[rows["pruning"] == algorithm].sort_values("sparsity")
        if not line["accuracy_mean"].notna().any():
            continue
        x = [sparsities.index(s) for s in line["sparsity"]]
        errors = line["accuracy_std"].fillna(0.0)
        handles[algorithm] = axis.errorbar(
            x, line["accuracy_mean"], errors, color=colour, marker=marker, elinewidth=0.5, markeredgewidth=0
        )
    scales(axis, sparsities)
    return handles


def accuracy_figure(table: pd.DataFrame):
    sparse = table[table["pruning"] != "dense"]
    if not sparse["accuracy_mean"].notna().any():
        return nothing("No sparse network has an accuracy.")
    datasets, architectures = in_order(sparse["dataset"]), in_order(sparse["architecture"])
    algorithms, sparsities = in_order(sparse["pruning"]), sorted(set(sparse["sparsity"]))
    colour, marker = colours(algorithms), markers(algorithms)
    looks = {a: (colour[a], marker[a]) for a in algorithms}

    def draw(axis, dataset, architecture):
        rows = table[(table["dataset"] == dataset) & (table["architecture"] == architecture)]
        return draw_panel(axis, rows, sparsities, looks)

    labels = {dataset: f"{printed(dataset)}\naccuracy (%)" for dataset in datasets}
    return over_architectures(labels, architectures, 1.5, draw, ["dense", *algorithms], (8, 4))


def main(table, output) -> None:
    save(accuracy_figure(read_table(table)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
