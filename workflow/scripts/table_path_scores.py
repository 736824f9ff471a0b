"""Every network's path score, from the densities of its layers (sparse_topology/analysis/path_score.py):
path_scores.csv.

log_density_sum is the sum over layers of ln((kept + 1) / (weights + 1)); path_score the score with the parameters that
`rank` uses (the smallest is best), comparable within one architecture and data set.
"""

import pandas as pd

from sparse_topology.analysis import path_score
from sparse_topology.analysis.pool import NETWORK, networks, read_pool, write_table
from sparse_topology.job import job


def path_score_table(pool: pd.DataFrame, layers: pd.DataFrame, parameters: pd.DataFrame) -> pd.DataFrame:
    every = networks(pool)
    of = path_score.profile(layers, every.groupby("dataset")["classes"].first().to_dict())
    fitted = parameters.loc[parameters["draw"] == 0, path_score.NAMES].to_numpy(float)[0]
    scores = of.networks.assign(
        log_density_sum=-path_score.path_score(path_score.PARAMETER_FREE, of),
        path_score=path_score.path_score(fitted, of),
    )
    return scores.merge(every[[*NETWORK, "drop"]], how="left", on=NETWORK)


def main(pool, layers, parameters, output) -> None:
    write_table(path_score_table(read_pool(pool), read_pool(layers), pd.read_csv(parameters)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.input.layers, snakemake.params.parameters, snakemake.output[0])
