"""Which pruning algorithm to train, by the topometric mixture of the untrained graphs (section 4.3, equation 5).

Each algorithm's networks are measured at initialisation; the metrics that the mask alone determines are scaled among
the candidates and weighted with importances learned from a pool (rank_importance.py). Nothing is trained.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis import recommendation
from sparse_topology.analysis.mixture import ranking_coefficients, weights_for
from sparse_topology.analysis.pool import min_max
from sparse_topology.analysis.recommendation import Scores
from sparse_topology.files import read_json, read_table
from sparse_topology.job import InputError

READS = "metrics"
LEARNED = "importance.csv"


def read_importance(path) -> tuple[dict[tuple[str, str], np.ndarray], list[str]]:
    """({(scenario, value): r [b, p]}, the p metrics) of the metrics that need no trained weights."""
    table = read_table(path, dtype={"value": str})
    table = table[table["mask_only"]]
    metrics = list(dict.fromkeys(table["metric"]))
    draws = [column for column in table.columns if column == "r" or column.startswith("r_")]
    found = {}
    for key, rows in table.groupby(["scenario", "value"]):
        found[key] = rows.set_index("metric").loc[metrics, draws].to_numpy(float).T
    return found, metrics


def read_candidates(networks: list[dict]) -> pd.DataFrame:
    """One row per network: pruning, seed and the normalised topometrics of the unrolled graph."""
    rows = []
    for network in networks:
        row = {"pruning": network["pruning"], "seed": int(network["seed"])}
        for path in network["metrics"].values():
            row |= read_json(path)["encodings"].get("mge", {}).get("normalised", {})
        rows.append(row)
    return pd.DataFrame(rows)


def candidate_scores(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each network's ranking coefficient under each draw, [b, n]: values [n, p], weights [b, p].

    NaN for a network that lacks a metric; the others are scaled among themselves.
    """
    usable = np.isfinite(values).all(1)
    scores = np.full((len(weights), len(values)), np.nan)
    if usable.any():
        scores[:, usable] = ranking_coefficients(min_max(values[usable]), weights[:, None])
    return scores


def basis(cfg: dict, nearest: str, known: bool) -> list[str]:
    source = f"importances at sparsity {nearest}" + (f" and of {cfg['architecture']}" if known else "")
    lines = [
        f"Weights: {source}, of CNNs, not of networks with attention; metrics of the masks alone; nothing was trained."
    ]
    if abs(float(nearest) - float(cfg["sparsity"])) > 1e-9:
        lines.append(f"No importances are known at sparsity {cfg['sparsity']:g}: those of the nearest, {nearest}.")
    return lines


def scores(networks: list[dict], files: dict, cfg: dict) -> Scores:
    found, metrics = read_importance(files["learned"])
    candidates = read_candidates(networks)
    measured = [name for name in metrics if name in candidates and candidates[name].notna().any()]
    if not measured:
        raise InputError(f"metrics: rank needs a family that measures at least one of {', '.join(metrics)}")
    weights, nearest, known = weights_for(found, cfg["architecture"], float(cfg["sparsity"]))
    weights = weights[:, [metrics.index(name) for name in measured]]
    values = candidate_scores(candidates[measured].to_numpy(float), weights)
    return Scores(candidates["pruning"].tolist(), values, basis(cfg, nearest, known))


if __name__ == "__main__":
    recommendation.main(snakemake, scores)
