"""The topometric mixture: pruning algorithms ranked by topometrics weighted with their importance (equation 5).

b is a number of bootstrap resamples, the first entry being the estimate itself; p metrics, n networks, k algorithms.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import weighted_pearson
from sparse_topology.analysis.design import NETWORK, RANKED_CELL, SCENARIOS
from sparse_topology.analysis.pool import label, topometrics


def complete_networks(pool: pd.DataFrame, weighted: list[str], encoding: str = "mge") -> tuple[pd.DataFrame, list[str]]:
    """Networks that have every topometric, and the topometrics that the mask alone determines: all but `weighted`.

    The accuracy drop of a cell's networks without some metric still counts in the truth, see `true_drop`.
    """
    names = topometrics(pool, encoding)
    rows = pool[pool["encoding"] == encoding].dropna(subset=[*names, "drop"])
    rows = rows.sort_values([*RANKED_CELL, "seed"], ignore_index=True)
    return rows, [name for name in names if name not in weighted]


def true_drop(pool: pd.DataFrame) -> pd.Series:
    """Mean accuracy drop over the seeds of each cell, of all networks of the pool; rounded so that ties stay ties."""
    return pool.drop_duplicates(NETWORK).groupby(RANKED_CELL)["drop"].mean().round(12)


def cell_resamples(frame: pd.DataFrame, repetitions: int) -> np.ndarray:
    """Weights [1 + repetitions, n]: ones, then whole cells drawn with replacement (their seeds are not independent)."""
    cells = frame.groupby(RANKED_CELL).ngroup().to_numpy()
    count = cells.max() + 1
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=repetitions)
    return np.vstack([np.ones(len(frame)), drawn[:, cells]])


def importances(frame: pd.DataFrame, metrics: list[str], weights: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """{(scenario, value): Pearson r of each metric with the accuracy drop, [b, p]}."""
    values, drop = frame[metrics].to_numpy(float), frame["drop"].to_numpy(float)
    return {
        (scenario, label(value)): weighted_pearson(values[rows], drop[rows], weights[:, rows])
        for scenario, column in SCENARIOS.items()
        for value, rows in frame.groupby(column).indices.items()
    }


def weights_for(importance: dict, architecture: str, sparsity: float) -> tuple[np.ndarray, str, bool]:
    """Weights [b, p] for a target, the sparsity they are from, and whether the architecture is known.

    The Sparsity-Fixed importances of the nearest sparsity and, for an architecture of the pool, its Architecture-Fixed
    ones, averaged metric by metric over those that exist: a metric that is constant in one of the two pools has no r
    there, which is no evidence against it. One without any r has weight 0.
    """
    sparsities = [value for scenario, value in importance if scenario == "sparsity_fixed"]
    nearest = min(sparsities, key=lambda value: (abs(float(value) - float(sparsity)), float(value)))
    own = importance.get(("architecture_fixed", architecture))
    r = np.stack([importance["sparsity_fixed", nearest], *([] if own is None else [own])])
    known = np.isfinite(r)
    return np.where(known, r, 0.0).sum(0) / np.maximum(known.sum(0), 1), nearest, own is not None


def ranking_coefficients(scaled: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Equation 5: min-max scaled topometrics [..., p] times weights [..., p], summed over the metrics: [...].

    The smallest coefficient is predicted to be the best. A metric of weight 0 counts for nothing, also where it has no
    value; without a value of a metric that counts there is no coefficient (NaN).
    """
    return np.where(weights == 0, 0.0, weights * scaled).sum(-1)
