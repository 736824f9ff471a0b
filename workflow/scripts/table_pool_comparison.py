"""Recomputed against published: every metric's mean and spread per cell, for the cells that both pools have.

One row per encoding, data set, architecture, algorithm, sparsity and metric. `ratio` is recomputed / published mean;
`z` is their difference in units of the two sample standard deviations over seeds combined.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.design import CELL, LAYER_METRICS
from sparse_topology.analysis.pool import TOPOMETRICS, read_pool, write_table
from sparse_topology.job import job

KEY = ["encoding", *CELL]
MEASURES = ["accuracy", "nodes", "edges", *TOPOMETRICS, *LAYER_METRICS]


def cell_statistics(pool: pd.DataFrame, suffix: str) -> pd.DataFrame:
    """Mean, sample standard deviation and count of every measure per cell, one row per cell and measure."""
    long = pool.melt(id_vars=KEY, value_vars=[m for m in MEASURES if m in pool], var_name="metric")
    statistics = long.groupby([*KEY, "metric"])["value"].agg(mean="mean", std="std", seeds="count")
    return statistics[statistics["seeds"] > 0].add_suffix(suffix)


def comparison_table(recomputed: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    ours, theirs = cell_statistics(recomputed, "_recomputed"), cell_statistics(published, "_published")
    table = ours.join(theirs, how="inner").reset_index()
    mean_ours, mean_theirs = table["mean_recomputed"], table["mean_published"]
    table["ratio"] = mean_ours / mean_theirs.where(mean_theirs != 0)
    combined = np.sqrt(table["std_recomputed"] ** 2 + table["std_published"] ** 2)
    table["z"] = (mean_ours - mean_theirs) / combined.where(combined > 0)
    return table


def main(recomputed, published, output) -> None:
    table = comparison_table(read_pool(recomputed), read_pool(published))
    write_table(table, output)
    print(f"{len(table[KEY].drop_duplicates())} cells in both pools")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.recomputed, snakemake.input.published, snakemake.output[0])
