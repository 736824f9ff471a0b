"""How well `rank` works: its procedure on a pool, with what it is to predict left out.

For every (architecture, sparsity, data set) the algorithms are ordered exactly as `rank` does and compared with the
order by accuracy drop. Procedures: leave_one_architecture_out (an architecture that the pool does not know),
leave_one_dataset_out (one that it knows, on a new data set), in_sample (optimistic), constant_order (the algorithms'
mean places in the other architectures at the same sparsity, no topology at all) and random_order.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval, resampling_weights
from sparse_topology.analysis.mixture import (
    CELL,
    complete_networks,
    importances,
    ranking_coefficients,
    true_drop,
    weights_for,
)
from sparse_topology.analysis.pool import label, min_max, read_pool, write_table
from sparse_topology.analysis.rankings import kendall_tau, mean_rbo, places, random_rbo
from sparse_topology.job import job

TASK = CELL[:-1]
MEASURES = ["rbo", "tau", "lost_points", "first_is_best"]
RESAMPLES = 1000


def agreement(score: pd.Series, drop: pd.Series) -> dict[str, float]:
    """Order by score against the order by accuracy drop, both ascending; algorithms without a score go last."""
    drop = drop.sort_index()
    predicted, actual = places(score.reindex(drop.index).to_numpy()), places(drop.to_numpy())
    chosen = drop.iloc[predicted.argmin()]
    return {
        "rbo": float(mean_rbo(predicted, actual)),
        "tau": float(kendall_tau(predicted, actual)),
        "lost_points": 100 * (chosen - drop.min()),
        "first_is_best": float(chosen == drop.min()),
    }


def mixture_score(training: pd.DataFrame, candidates: pd.DataFrame, metrics: list[str]) -> pd.Series:
    """Mean ranking coefficient per algorithm, importances from `training`."""
    first = candidates.iloc[0]
    importance = importances(training, metrics, np.ones((1, len(training))))
    weights, _, _ = weights_for(importance, first["architecture"], first["sparsity"])
    scores = ranking_coefficients(min_max(candidates[metrics].to_numpy(float)), weights[0])
    return pd.Series(scores, index=candidates["pruning"]).groupby(level=0).mean()


def constant_order(drop: pd.Series, task: dict) -> pd.Series | None:
    """Mean place of each algorithm by accuracy drop over the cells of other architectures at the task's sparsity."""
    frame = drop.reset_index()
    others = frame[(frame["sparsity"] == task["sparsity"]) & (frame["architecture"] != task["architecture"])]
    if others.empty:
        return None
    return others.assign(place=others.groupby(TASK)["drop"].rank()).groupby("pruning")["place"].mean()


def random_agreement(drop: pd.Series) -> dict[str, float]:
    """Expected agreement of a random order."""
    lost = 100 * (drop.mean() - drop.min())
    best = float((drop == drop.min()).mean())
    return {"rbo": random_rbo(len(drop)), "tau": 0.0, "lost_points": lost, "first_is_best": best}


def task_rows(task: dict, frame: pd.DataFrame, metrics: list[str], drop: pd.Series) -> list[dict]:
    """One row per procedure for one task."""
    candidates = frame[np.logical_and.reduce([frame[key] == value for key, value in task.items()])]
    truth = drop.loc[tuple(task.values())].dropna()
    if len(truth) < 2 or candidates.empty:
        return []
    pools = {
        "leave_one_architecture_out": frame[frame["architecture"] != task["architecture"]],
        "leave_one_dataset_out": frame[frame["dataset"] != task["dataset"]],
        "in_sample": frame,
    }
    results = {
        name: agreement(mixture_score(training, candidates, metrics), truth)
        for name, training in pools.items()
        if len(training)
    }
    constant = constant_order(drop, task)
    if constant is not None:
        results["constant_order"] = agreement(constant, truth)
    results["random_order"] = random_agreement(truth)
    return [{"procedure": name} | task | {"algorithms": len(truth)} | values for name, values in results.items()]


def cell_table(pool: pd.DataFrame) -> pd.DataFrame:
    frame, metrics = complete_networks(pool)
    drop = true_drop(pool)
    tasks = frame[TASK].drop_duplicates().to_dict("records")
    rows = [row for task in tasks for row in task_rows(task, frame, metrics, drop)]
    return pd.DataFrame(rows, columns=["procedure", *TASK, "algorithms", *MEASURES])


def summary_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Means over cells with bootstrap intervals, per procedure: over all cells and per sparsity."""
    rows = []
    for name, part in cells.groupby("procedure", sort=False):
        groups = [("all", part), *((label(value), group) for value, group in part.groupby("sparsity"))]
        for sparsity, group in groups:
            values = group[MEASURES].to_numpy(float)
            low, high = interval(resampling_weights(len(values), RESAMPLES) @ values / len(values))
            row = {"procedure": name, "sparsity": sparsity, "cells": len(group)}
            for j, measure in enumerate(MEASURES):
                row |= {measure: values[:, j].mean(), f"{measure}_low": low[j], f"{measure}_high": high[j]}
            rows.append(row)
    return pd.DataFrame(rows).round(4)


def main(pool, cells, summary) -> None:
    table = cell_table(read_pool(pool))
    write_table(table, cells)
    write_table(summary_table(table), summary)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output.cells, snakemake.output.summary)
