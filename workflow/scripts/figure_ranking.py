"""How well each strategy ranks the pruning algorithms: the paper's Tables 4, 11 and 12, from tables/ranking.csv.

Rank-biased overlap with the true order, mean over data sets with its 95 % bootstrap interval; one column of panels per
architecture, one row per set of algorithms.
"""

import pandas as pd

from sparse_topology.analysis.design import strategies
from sparse_topology.figures import markers, nothing, over_architectures, save
from sparse_topology.files import read_table
from sparse_topology.job import job
from sparse_topology.words import GREY, colours, in_order

TITLES = {
    "all": "all algorithms",
    "pruning_at_initialisation": "at initialisation",
    "layerwise_random": "layer-wise random",
}


def over_datasets(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the data sets, algorithms without a value placed as the study asks for."""
    rows = table[(table["dataset"] == "all") & table["default"] & table["rbo"].notna()]
    return rows.assign(sparsity=rows["sparsity"].astype(str))


def draw_panel(axis, rows: pd.DataFrame, sparsities: list[str], looks: dict) -> dict:
    handles = {}
    random = rows[(rows["strategy"] == "random") & (rows["sparsity"] != "average")]
    if len(random):
        handles["random order"] = axis.axhline(random["rbo"].mean(), color=GREY, linestyle="--", linewidth=0.7)
    for k, (strategy, (colour, marker)) in enumerate(looks.items()):
        line = rows[(rows["strategy"] == strategy) & rows["sparsity"].isin(sparsities)]
        line = line.sort_values("sparsity", key=lambda s: s.map(sparsities.index))
        if line.empty:
            continue
        x = [sparsities.index(s) + (k - 2) * 0.1 for s in line["sparsity"]]
        errors = [(line["rbo"] - line["rbo_low"]).clip(lower=0), (line["rbo_high"] - line["rbo"]).clip(lower=0)]
        handles[strategy] = axis.errorbar(
            x, line["rbo"], errors, color=colour, marker=marker, markeredgewidth=0, linewidth=0.5, elinewidth=0.5
        )
    axis.set(xlim=(-0.5, len(sparsities) - 0.5), ylim=(0, 1.04))
    axis.set_xticks(range(len(sparsities)), sparsities)
    return handles


def ranking_figure(table: pd.DataFrame):
    rows = over_datasets(table)
    subsets = [s for s in TITLES if s in set(rows["subset"])]
    architectures = in_order(rows["architecture"])
    sparsities = sorted(set(rows["sparsity"]) - {"average"}, key=float)
    if not (subsets and sparsities):
        return nothing("There are not two pruning algorithms with an accuracy to rank.")
    found = set(rows["strategy"])
    order = strategies(found)[:-1]
    colour, marker = colours(order), markers(order)
    looks = {s: (colour[s], marker[s]) for s in order if s in found}

    def draw(axis, subset, architecture):
        part = rows[(rows["subset"] == subset) & (rows["architecture"] == architecture)]
        return draw_panel(axis, part, sparsities, looks)

    labels = {subset: f"{TITLES[subset]}\nRBO" for subset in subsets}
    names = [*looks, "random order"]
    return over_architectures(labels, architectures, 1.4, draw, names, (6, 3), sharex=True, sharey=True)


def main(table, output) -> None:
    save(ranking_figure(read_table(table)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
