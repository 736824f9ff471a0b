"""Which topometrics go with the accuracy drop: Pearson r per scenario, the numbers of the paper's Figures 3 and 4.

A positive r means that the drop grows with the metric. low and high are a 95 % bootstrap interval over networks.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval, pearson, resampling_weights, weighted_pearson
from sparse_topology.analysis.pool import encodings, read_pool, scenarios, topometrics, write_table
from sparse_topology.job import job

COLUMNS = ["scenario", "value", "encoding", "metric", "r", "low", "high", "standard_error", "networks"]
COLUMNS += ["mask_only", "note"]


def importance_rows(rows: pd.DataFrame, names: list[str], weighted: list[str], resamples: int) -> list[dict]:
    """r of each metric with the accuracy drop over the networks `rows` of one scenario and encoding."""
    x, y = rows[names].to_numpy(float), rows["drop"].to_numpy(float)
    if not len(y) or not names:
        return []
    r = pearson(x, y)
    draws = weighted_pearson(x, y, resampling_weights(len(y), resamples))
    low, high = interval(draws)
    table = []
    for j, name in enumerate(names):
        counted = int((np.isfinite(x[:, j]) & np.isfinite(y)).sum())
        finite = draws[np.isfinite(draws[:, j]), j]
        table.append(
            {
                "metric": name,
                "r": r[j],
                "low": low[j],
                "high": high[j],
                "standard_error": finite.std() if len(finite) else np.nan,
                "networks": counted,
                "mask_only": name not in weighted,
                "note": "" if np.isfinite(r[j]) else "fewer than three networks, or the metric or the drop is constant",
            }
        )
    return table


def importance_table(pool: pd.DataFrame, weighted: list[str], resamples: int) -> pd.DataFrame:
    table = []
    for scenario, value, rows in scenarios(pool):
        for encoding in encodings(pool):
            part = rows[rows["encoding"] == encoding]
            lines = importance_rows(part, topometrics(pool, encoding), weighted, resamples)
            table.extend({"scenario": scenario, "value": value, "encoding": encoding} | line for line in lines)
    return pd.DataFrame(table, columns=COLUMNS)


def main(pool, output, cfg: dict) -> None:
    """cfg: bootstrap resamples; weighted, the topometrics that depend on the weights."""
    write_table(importance_table(read_pool(pool), cfg["weighted"], cfg["bootstrap"]), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output[0], snakemake.params.cfg)
