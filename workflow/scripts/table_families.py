"""Regression across families: learned on the networks of one family, tested on those of another.

Does what the topology says carry over, from masks made at initialisation to masks that evolved? families.csv: one row
per scenario (those of Table 3, and all networks), encoding, feature set, training family, tested family and regressor;
"mean" averages the eight. A family tested on itself is the level to compare with: predictions from five folds that keep
the seeds of a cell together. The intervals draw the tested cells anew, with all their seeds; nothing is fitted again.
"""

from itertools import product

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval, resampling_weights, weighted_spearman
from sparse_topology.analysis.design import CELL, FOLDS
from sparse_topology.analysis.pool import encodings, read_pool, scenarios, topometric_sets, write_table
from sparse_topology.analysis.regressors import adjusted, one_hot, predictions, usable
from sparse_topology.families import FAMILIES
from sparse_topology.job import job

LEAST = 3  # networks without which there is neither a fit nor a test
NAMES = ["scenario", "value", "encoding", "features", "trained_on", "tested_on", "regressor"]
SIZES = ["trained_networks", "tested_networks", "feature_count"]
SCORES = ["r2", "adjusted_r2", "mae", "rank_correlation"]
COLUMNS = [*NAMES, *SIZES, *(f"{score}{end}" for score in SCORES for end in ("", "_low", "_high")), "note"]


def cells(rows: pd.DataFrame) -> np.ndarray:
    """The number of each network's cell, int [n]: its seeds share one."""
    return rows.groupby(CELL, sort=True).ngroup().to_numpy()


def feature_sets(rows: pd.DataFrame, names: list[str], baselines: bool, called: str) -> dict[str, np.ndarray]:
    """{feature set: values [n, p]}: the topometrics, named `called`, and two sets that need no graph."""
    sets = {called: rows[names].to_numpy(float)}
    varying = [column for column in ("architecture", "dataset", "sparsity") if len(rows[column].unique()) > 1]
    if baselines and rows["layer_density"].notna().all():
        sets["layer_density"] = rows[["layer_density"]].to_numpy(float)
    if baselines and varying:
        sets["architecture_dataset_sparsity"] = one_hot(rows, varying)
    return sets


def scaled(values: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """values [n, p] min-max scaled over two families (bool [n] each), without the columns that the first has constant.

    Over both, as Table 3 scales over its whole pool: the range of one family alone can be a thousandth of the other's.
    """
    varies = np.ptp(values[source], axis=0) > 0
    both = values[source | target][:, varies]
    low = both.min(0)
    return (values[:, varies] - low) / (both.max(0) - low)


def fold_weights(source: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Weights [1 + folds, n] of the fits on one family: all its networks, then all but those of one fold of cells."""
    labels = np.random.default_rng(0).permutation(np.unique(groups[source]))
    folds = np.array_split(labels, min(FOLDS, len(labels)))
    return np.array([source, *(source & ~np.isin(groups, fold) for fold in folds)], float)


def predicted(X: np.ndarray, y: np.ndarray, source: np.ndarray, groups: np.ndarray) -> dict[str, np.ndarray]:
    """{regressor: predictions [n]} by fits on the networks `source`; their own are from the fit without their fold."""
    weights = fold_weights(source, groups)
    left_out = source & (weights[1:] == 0)  # [folds, n]: in which fit a network of the family is not
    fitted = predictions(X, y, weights)
    return {name: np.where(source, (values[1:] * left_out).sum(0), values[0]) for name, values in fitted.items()}


def scores(y: np.ndarray, fitted: np.ndarray, p: int, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Each of SCORES of predictions `fitted` [n] of y [n] under each row of weights [b, n]: [b]."""
    total = weights.sum(1)
    mean = weights @ y / total
    spread = weights @ y**2 - total * mean**2
    r2 = 1 - weights @ (y - fitted) ** 2 / np.where(spread > 1e-12, spread, np.nan)
    mae, rank = weights @ np.abs(y - fitted) / total, weighted_spearman(fitted, y, weights)
    return {"r2": r2, "adjusted_r2": adjusted(r2, len(y), p), "mae": mae, "rank_correlation": rank}


def tested_lines(
    y: np.ndarray, fitted: dict[str, np.ndarray], p: int, groups: np.ndarray, bootstrap: int
) -> list[dict]:
    """One line per regressor and one for their mean, for predictions [n] of the drops y [n] of one family."""
    _, position = np.unique(groups, return_inverse=True)
    resamples = resampling_weights(position.max() + 1, bootstrap)[:, position]
    weights = np.vstack([np.ones(len(y)), resamples[resamples.sum(1) > 0]])
    single = {name: scores(y, values, p, weights) for name, values in fitted.items()}
    mean = {score: np.mean([values[score] for values in single.values()], axis=0) for score in SCORES}
    lines = []
    for regressor, values in ({"mean": mean} | single).items():
        line = {"regressor": regressor}
        for score, found in values.items():
            low, high = interval(found[1:])
            line |= {score: found[0], f"{score}_low": float(low), f"{score}_high": float(high)}
        lines.append(line)
    return lines


def unusable(y: np.ndarray) -> str:
    """Why drops y [n] allow neither a fit nor a test; "" if they do."""
    if len(y) < LEAST:
        return f"fewer than {LEAST} networks with accuracy and edges"
    return "the accuracy drop does not vary" if np.ptp(y) < 1e-9 else ""


def pair_lines(values, rows: pd.DataFrame, source: str, target: str, bootstrap: int) -> list[dict]:
    """One feature set, values [n, p], and one pair of families."""
    y, groups = rows["drop"].to_numpy(float), cells(rows)
    trained, tested = ((rows["family"] == name).to_numpy() for name in (source, target))
    line = {"trained_on": source, "tested_on": target, "regressor": "mean"}
    line |= {"trained_networks": trained.sum(), "tested_networks": tested.sum()}
    why = unusable(y[trained]) or unusable(y[tested])
    if not why and source == target and len(np.unique(groups[trained])) < 2:
        why = "one cell has no second one to be tested on"
    if why:
        return [line | {"note": why}]
    X = scaled(values, trained, tested)
    line["feature_count"] = p = X.shape[1]
    if not p:
        return [line | {"note": "no feature varies in the training family"}]
    few = f"{trained.sum()} networks for {p} features: fits without a penalty are unreliable"
    line["note"] = few if trained.sum() < 3 * p else ""
    fitted = {name: found[tested] for name, found in predicted(X, y, trained, groups).items()}
    return [line | entry for entry in tested_lines(y[tested], fitted, p, groups[tested], bootstrap)]


def transfer_rows(
    rows: pd.DataFrame, names: list[str], baselines: bool, bootstrap: int, called: str = "topometrics"
) -> list[dict]:
    """One scenario, encoding and set of metrics, named `called`: every pair of families that its rows have."""
    found = [name for name in FAMILIES if (rows["family"] == name).any()]
    rows, names, note = usable(rows, names)
    table = []
    for features, values in feature_sets(rows, names, baselines, called).items():
        for source, target in product(found, found):
            lines = pair_lines(values, rows, source, target, bootstrap)
            remarks = ({"note": "; ".join(filter(None, [note, line["note"]]))} for line in lines)
            table.extend({"features": features} | line | remark for line, remark in zip(lines, remarks, strict=True))
    return table


def families_table(pool: pd.DataFrame, bootstrap: int) -> pd.DataFrame:
    """The whole table; what needs no graph is fitted with the first encoding only."""
    table, found = [], encodings(pool)
    for scenario, value, rows in [*scenarios(pool), ("all", "all", pool)]:
        for encoding in found:
            part = rows[rows["encoding"] == encoding]
            where = {"scenario": scenario, "value": value, "encoding": encoding}
            for called, names in topometric_sets(pool, encoding).items():
                baselines = called == "topometrics" and encoding == found[0]
                table.extend(where | line for line in transfer_rows(part, names, baselines, bootstrap, called))
        print(f"{scenario} {value} done")
    return pd.DataFrame(table, columns=COLUMNS)


def main(pool, output, cfg: dict) -> None:
    """cfg: bootstrap resamples."""
    write_table(families_table(read_pool(pool), cfg["bootstrap"]), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output[0], snakemake.params.cfg)
