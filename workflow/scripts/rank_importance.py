"""The importances that `rank` uses, from a pool: the table workflow/resources/importance.csv.

One row per scenario and topometric of the unrolled graph: Pearson r with the accuracy drop, and the r of bootstrap
resamples of whole cells (r_1, r_2, ...; the same resamples in every row, so that they may be combined across rows).
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.mixture import cell_resamples, complete_networks, importances
from sparse_topology.analysis.pool import read_pool, topometrics, write_table
from sparse_topology.job import job

RESAMPLES = 50


def importance_table(pool: pd.DataFrame, weighted: list[str]) -> pd.DataFrame:
    frame, mask_only = complete_networks(pool, weighted)
    names = topometrics(pool, "mge")
    rows = []
    for (scenario, value), r in importances(frame, names, cell_resamples(frame, RESAMPLES)).items():
        for j, name in enumerate(names):
            row = {"scenario": scenario, "value": value, "metric": name, "mask_only": name in mask_only}
            row |= {"r": r[0, j]} | {f"r_{b}": r[b, j] for b in range(1, len(r))}
            rows.append(row)
    # Four digits are far below the spread of the resamples, and are the same on every machine.
    return pd.DataFrame(rows).round(4).replace({-0.0: 0.0, np.nan: ""})


def main(pool, output, cfg: dict) -> None:
    """cfg: weighted, the topometrics that depend on the weights."""
    write_table(importance_table(read_pool(pool), cfg["weighted"]), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output[0], snakemake.params.cfg)
