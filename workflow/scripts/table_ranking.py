"""Ranking the pruning algorithms without training them: the paper's Tables 4, 11 and 12 (section 4.3, equation 5).

Strategies: ours (the topometric mixture; ours_further: with those that the study has and the paper does not) and the
mean over layers of layer density, delta_r, delta_r_imdb, lambda_imsg; `random` is the expectation of a random order.
One row per data set and, as dataset "all", their mean with the standard deviation over data sets; sparsity "average" is
the paper's column Avg. Algorithms whose metric has no value go last or first (`missing`); the paper's cells come out
with first. `default` marks the one that the study asks for.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval
from sparse_topology.analysis.design import MIXTURES, NETWORK, RANKED_CELL, SUBSETS
from sparse_topology.analysis.mixture import importances, ranking_coefficients, weights_for
from sparse_topology.analysis.pool import (
    encodings,
    label,
    layer_metrics,
    min_max,
    networks,
    read_pool,
    topometric_sets,
    write_table,
)
from sparse_topology.analysis.rankings import kendall_tau, mean_rbo, places, random_rbo
from sparse_topology.job import job

COLUMNS = ["subset", "architecture", "sparsity", "dataset", "strategy", "missing", "default", "rbo", "rbo_std"]
COLUMNS += ["rbo_low", "rbo_high", "tau", "lost_points", "algorithms", "datasets", "undefined", "predicted"]
COLUMNS += ["actual", "note"]


def seed_resamples(cells: np.ndarray, repetitions: int) -> np.ndarray:
    """Weights [1 + repetitions, n] over networks sorted by cell (cells [n]): all ones, then draws within each cell.

    Every cell keeps its number of networks, so that no algorithm drops out of a ranking.
    """
    n = len(cells)
    _, start, inverse, size = np.unique(cells, return_index=True, return_inverse=True, return_counts=True)
    uniform = np.random.default_rng(0).random((repetitions, n))
    drawn = start[inverse] + (uniform * size[inverse]).astype(int)
    flat = drawn + n * np.arange(repetitions)[:, None]
    counts = np.bincount(flat.ravel(), minlength=n * repetitions).reshape(repetitions, n)
    return np.vstack([np.ones(n), counts])


def cell_means(values: np.ndarray, weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Weighted mean of values [n] within the cells that begin at `starts`, gaps skipped: [b, cells]."""
    present = np.isfinite(values)
    total = np.add.reduceat(weights * np.where(present, values, 0.0), starts, axis=1)
    count = np.add.reduceat(weights * present, starts, axis=1)
    return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)


def mixture_scores(frame, names: list[str], weights: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Ranking coefficient of every cell, equation 5: [b, cells]; the smallest is predicted to be the best.

    Topometrics are scaled min-max within the architecture and averaged over seeds; their importances are those over all
    networks of the pool, in every bootstrap resample anew.
    """
    importance = importances(frame, names, weights)
    scaled = np.full((len(frame), len(names)), np.nan)
    for rows in frame.groupby("architecture").indices.values():
        scaled[rows] = min_max(frame[names].to_numpy(float)[rows])
    means = np.stack([cell_means(scaled[:, j], weights, starts) for j in range(len(names))], axis=-1)
    first = frame.iloc[starts]
    score = np.empty((len(weights), len(starts)))
    for i, (architecture, sparsity) in enumerate(zip(first["architecture"], first["sparsity"], strict=True)):
        score[:, i] = ranking_coefficients(means[:, i], weights_for(importance, architecture, sparsity)[0])
    return score


def comparison(score: np.ndarray, drop: np.ndarray, largest_first: bool, missing: str) -> dict[str, np.ndarray]:
    """Agreement of the order by score [b, k] with the order by accuracy drop [b, k]: each [b]."""
    predicted, actual = places(score, largest_first, missing), places(drop)
    chosen = np.take_along_axis(drop, predicted.argmin(-1)[:, None], axis=1)[:, 0]
    return {
        "rbo": mean_rbo(predicted, actual),
        "tau": kendall_tau(predicted, actual),
        "lost_points": 100 * (chosen - drop.min(-1)),
    }


def random_order(drop: np.ndarray) -> dict[str, np.ndarray]:
    """What a random order of the k algorithms is expected to reach: each [b]."""
    same = np.ones(len(drop))
    lost = 100 * (drop.mean(-1) - drop.min(-1))
    return {"rbo": random_rbo(drop.shape[1]) * same, "tau": 0 * same, "lost_points": lost}


def order_text(score: np.ndarray, names: list[str], largest_first: bool, missing: str) -> str:
    return " ".join(names[i] for i in np.argsort(places(score, largest_first, missing)))


def ranking_rows(cells: pd.DataFrame, scores: dict[str, np.ndarray], drop: np.ndarray) -> list[dict]:
    """Rows of one (subset, architecture, sparsity): every strategy on each data set, then over all data sets.

    cells: one row per cell with its place in the arrays (`cell`); scores: {strategy: [b, cells]}; drop [b, cells].
    """
    table = []
    variants = [(strategy, missing) for strategy in scores for missing in ("last", "first")] + [("random", "last")]
    for strategy, missing in variants:
        largest = strategy not in MIXTURES
        draws = []
        for dataset, part in cells.groupby("dataset", sort=True):
            part = part.sort_values("pruning")
            index, names = part["cell"].to_numpy(), list(part["pruning"])
            # Without an accuracy there is nothing to compare with.
            known = np.isfinite(drop[:, index]).all(0)
            index, names = index[known], [name for name, kept in zip(names, known, strict=True) if kept]
            if len(names) < 2:
                continue
            truth = drop[:, index]
            entry = {"dataset": dataset, "strategy": strategy, "missing": missing, "algorithms": len(names)}
            entry |= {"datasets": 1, "actual": order_text(truth[0], names, False, "last")}
            if strategy == "random":
                values = random_order(truth)
            else:
                score = scores[strategy][:, index]
                values = comparison(score, truth, largest, missing)
                entry |= {"undefined": int(np.isnan(score[0]).sum())}
                entry |= {"predicted": order_text(score[0], names, largest, missing)}
                if np.isnan(score[0]).all():
                    entry["note"] = "no algorithm has a value: alphabetical order"
            draws.append((entry, values))
            table.append(entry | estimates(values))
        if draws:
            mean = {name: np.mean([values[name] for _, values in draws], axis=0) for name in draws[0][1]}
            per_dataset = [values["rbo"][0] for _, values in draws]
            summary = {"dataset": "all", "strategy": strategy, "missing": missing, "datasets": len(draws)}
            summary["algorithms"] = max(entry["algorithms"] for entry, _ in draws)
            summary["undefined"] = sum(entry.get("undefined", 0) for entry, _ in draws)
            summary["rbo_std"] = np.std(per_dataset, ddof=1) if len(draws) > 1 else np.nan
            table.append(summary | estimates(mean) | {"draws": mean["rbo"]})
    return table


def estimates(values: dict[str, np.ndarray]) -> dict:
    """Point estimates (the first entry) and the bootstrap interval of the RBO (the others)."""
    low, high = interval(values["rbo"][1:]) if len(values["rbo"]) > 1 else (np.nan, np.nan)
    return {name: draws[0] for name, draws in values.items()} | {"rbo_low": float(low), "rbo_high": float(high)}


def average_rows(lines: list[dict]) -> list[dict]:
    """The column Avg: means over sparsities of the rows over all data sets (also of their standard deviations)."""
    frame = pd.DataFrame(line for line in lines if line["dataset"] == "all")
    table = []
    for (subset, architecture, strategy, missing), part in frame.groupby(
        ["subset", "architecture", "strategy", "missing"], sort=False
    ):
        draws = np.mean(list(part["draws"]), axis=0)
        key = {"subset": subset, "architecture": architecture, "strategy": strategy, "missing": missing}
        means = part[["rbo_std", "tau", "lost_points"]].mean().to_dict()
        counts = {"algorithms": part["algorithms"].max(), "datasets": part["datasets"].max()}
        counts["undefined"] = part["undefined"].sum()
        table.append(key | {"sparsity": "average", "dataset": "all"} | estimates({"rbo": draws}) | means | counts)
    return table


def ranking_table(pool: pd.DataFrame, resamples: int, missing: str) -> pd.DataFrame:
    frame = networks(pool)
    encoding = encodings(pool)[0]
    sets = topometric_sets(pool, encoding)
    measured = pool[pool["encoding"] == encoding][[*NETWORK, *max(sets.values(), key=len)]]
    frame = frame.merge(measured, how="left", on=NETWORK).sort_values([*RANKED_CELL, "seed"], ignore_index=True)
    number = frame.groupby(RANKED_CELL, sort=True).ngroup().to_numpy()
    starts = np.unique(number, return_index=True)[1]
    # With one network in every cell there is nothing to draw, and no interval.
    weights = seed_resamples(number, resamples if len(starts) < len(frame) else 0)
    # Equal accuracies stay equal: which of two tied algorithms comes first is decided by name, not by the last bit.
    drop = np.round(cell_means(frame["drop"].to_numpy(float), weights, starts), 12)
    scores = {
        strategy: mixture_scores(frame, names, weights, starts)
        for strategy, names in zip(MIXTURES, sets.values(), strict=False)
        if names
    }
    scores |= {name: cell_means(frame[name].to_numpy(float), weights, starts) for name in layer_metrics(pool)}
    cells = frame.iloc[starts][RANKED_CELL].assign(cell=np.arange(len(starts)))
    lines = []
    for subset, members in SUBSETS.items():
        chosen = cells if members is None else cells[cells["pruning"].isin(members)]
        for (architecture, sparsity), part in chosen.groupby(["architecture", "sparsity"], sort=True):
            key = {"subset": subset, "architecture": architecture, "sparsity": label(sparsity)}
            lines.extend(key | line for line in ranking_rows(part, scores, drop))
    if lines:
        lines.extend(average_rows(lines))
    table = pd.DataFrame(lines, columns=COLUMNS)
    return table.assign(default=(table["missing"] == missing) | (table["strategy"] == "random"))


def main(pool, output, cfg: dict) -> None:
    """cfg: bootstrap resamples, missing (last or first)."""
    write_table(ranking_table(read_pool(pool), cfg["bootstrap"], cfg["missing"]), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output[0], snakemake.params.cfg)
