"""The parameters of the path score that `rank` uses, fitted to a pool: the table workflow/resources/path-score.csv.

Draw 0 is the fit to the whole pool, the others are fits to bootstrap resamples of its (architecture, sparsity, data
set) tasks.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis import path_score
from sparse_topology.analysis.pool import NETWORK, networks, read_pool, write_table
from sparse_topology.job import job

RESAMPLES = 50


def parameter_table(pool: pd.DataFrame, layers: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    every = networks(pool)
    of = path_score.profile(layers, every.groupby("dataset")["classes"].first().to_dict())
    drop = of.networks.merge(every, how="left", on=NETWORK)["drop"].to_numpy(float)
    data = path_score.comparisons(of, drop)
    rng = np.random.default_rng(0)
    fits = [path_score.fit(data)] + [path_score.fit(path_score.resampled(data, rng)) for _ in range(resamples)]
    return pd.DataFrame(fits, columns=path_score.NAMES).rename_axis("draw").reset_index().round(4)


def main(pool, layers, output) -> None:
    write_table(parameter_table(read_pool(pool), read_pool(layers)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.input.layers, snakemake.output[0])
