"""Which topometrics say the same: identities, correlation and variance inflation (a second look at section 4.2.2).

redundancy.csv, one row per encoding and metric: how far the metric is from a function of graph size and component count
that it may be identical to; r2_size, its R^2 on N, E, 1/E; the variance inflation factor among all metrics; its closest
companion. correlation.csv, one row per encoding and pair of metrics: Pearson r over all networks.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import pearson
from sparse_topology.analysis.pool import encodings, min_max, read_pool, topometrics, write_table
from sparse_topology.job import job

COLUMNS = ["encoding", "metric", "networks", "identity", "identity_deviation", "is_identity", "r2_size"]
COLUMNS += ["variance_inflation", "closest", "closest_r"]


def identities(rows: pd.DataFrame, encoding: str) -> dict[str, tuple[str, np.ndarray]]:
    """{metric: (formula, its values)}: what follows from nodes N, edges E and components C on any graph.

    n1 counts a node and its successors, on average 1 + E / N, divided by E; the mean size of C components is N / C,
    divided by N. On the bipartite encodings both hold per layer, so not for the mean over layers.
    """
    if encoding != "mge":
        return {}
    nodes, edges = rows["nodes"].to_numpy(float), rows["edges"].to_numpy(float)
    found = {"n1": ("(1 + E / N) / E", (1 + edges / nodes) / edges)}
    if "components" in rows:
        found["component_size"] = ("1 / components", 1 / rows["components"].to_numpy(float))
    return found


def deviation(values: np.ndarray, formula: np.ndarray) -> float:
    """Largest relative difference."""
    return float(np.max(np.abs(values - formula) / np.maximum(np.abs(formula), np.finfo(float).tiny)))


def explained(target: np.ndarray, others: np.ndarray) -> float:
    """R^2 of the least-squares fit of target [n] on others [n, p] with an intercept; NaN for a constant target."""
    total = ((target - target.mean()) ** 2).sum()
    if total <= 1e-24 * max(1.0, (target**2).sum()):
        return np.nan
    design = np.column_stack([np.ones(len(target)), others])
    coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
    return float(1 - ((target - design @ coefficients) ** 2).sum() / total)


def redundancy_rows(rows: pd.DataFrame, encoding: str, names: list[str]) -> tuple[list[dict], list[dict]]:
    """Lines of both tables for the networks of one encoding that have all metrics."""
    rows = rows[rows["edges"] > 0].dropna(subset=names)
    if len(rows) < 3:
        return [], []
    values = min_max(rows[names].to_numpy(float))
    size = min_max(np.column_stack([rows["nodes"], rows["edges"], 1 / rows["edges"].to_numpy(float)]))
    r = np.array([pearson(values, values[:, j]) for j in range(len(names))])
    formulas = identities(rows, encoding)
    table = []
    for j, name in enumerate(names):
        others = np.delete(values, j, axis=1)
        share = explained(values[:, j], others)
        line = {"encoding": encoding, "metric": name, "networks": len(rows)}
        line["r2_size"] = explained(values[:, j], size)
        # A metric that the others explain entirely has an infinite factor.
        line["variance_inflation"] = 1 / (1 - share) if share < 1 - 1e-12 else np.inf if share == share else np.nan
        strength = np.where(np.arange(len(names)) == j, np.nan, np.abs(r[j]))
        if np.isfinite(strength).any():
            closest = int(np.nanargmax(strength))
            line |= {"closest": names[closest], "closest_r": r[j, closest]}
        if name in formulas:
            formula, expected = formulas[name]
            line |= {"identity": formula, "identity_deviation": deviation(rows[name].to_numpy(float), expected)}
            line["is_identity"] = line["identity_deviation"] < 1e-4
        table.append(line)
    pairs = [
        {"encoding": encoding, "metric": names[i], "other": names[j], "r": r[i, j]}
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    return table, pairs


def main(pool, redundancy, correlation) -> None:
    frame = read_pool(pool)
    table, pairs = [], []
    for encoding in encodings(frame):
        rows = frame[frame["encoding"] == encoding]
        lines, new = redundancy_rows(rows, encoding, topometrics(frame, encoding))
        table.extend(lines)
        pairs.extend(new)
    write_table(pd.DataFrame(table, columns=COLUMNS), redundancy)
    write_table(pd.DataFrame(pairs, columns=["encoding", "metric", "other", "r"]), correlation)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output.redundancy, snakemake.output.correlation)
