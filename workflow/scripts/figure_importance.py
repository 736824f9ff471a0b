"""Correlation of every topometric with the accuracy drop: the paper's Figures 3 and 4, from tables/importance.csv.

One map per scenario (all networks of one sparsity, all networks of one architecture), one row per topometric.
"""

import pandas as pd

from sparse_topology.analysis.design import SCENARIOS
from sparse_topology.figures import broken, correlation_bar, heatmap, nothing, panels, save
from sparse_topology.files import read_table
from sparse_topology.job import job
from sparse_topology.words import by_group, group_of, in_order, printed

ENCODING = "mge"


def correlations(table: pd.DataFrame, scenario: str, metrics: list[str]) -> pd.DataFrame:
    """r [metric, sparsity or architecture] of one scenario, in printing order."""
    rows = table[table["scenario"] == scenario].assign(value=lambda t: t["value"].astype(str))
    values = set(rows["value"])
    columns = sorted(values, key=float) if scenario == "sparsity_fixed" else in_order(values)
    return rows.pivot_table(index="metric", columns="value", values="r").reindex(index=metrics, columns=columns)


def importance_figure(table: pd.DataFrame):
    table = table[table["encoding"] == ENCODING]
    metrics = by_group(table.loc[table["r"].notna(), "metric"])
    if not metrics:
        return nothing("No topometric has a correlation with the accuracy drop.")
    grids = [correlations(table, scenario, metrics) for scenario in SCENARIOS]
    widths = [len(grid.columns) + 0.5 for grid in grids]
    figure, axes = panels(1, 2, 0.16 * len(metrics) + 0.3, sharey=True, width_ratios=widths)
    groups = [group_of(metric) for metric in metrics]
    for axis, scenario, grid in zip(axes[0], SCENARIOS, grids, strict=True):
        columns = [broken(printed(value)) for value in grid.columns]
        heatmap(axis, grid.to_numpy(float), [printed(m) for m in metrics], columns)
        axis.set_title(printed(scenario))
        for i in range(1, len(metrics)):
            if groups[i] != groups[i - 1]:
                axis.axhline(i, color="white", linewidth=2)
    correlation_bar(figure, axes[0], "r with the accuracy drop")
    return figure


def main(table, output) -> None:
    save(importance_figure(read_table(table)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
