"""How well topology predicts the accuracy drop: the paper's Table 3, trivial baselines, and harder splits.

regression.csv: one row per scenario, encoding, feature set, kind of fold and regressor; regressor "mean" averages the
eight. The paper's table is `features` = topometrics, `folds` = random, `regressor` = mean (section 4.2.1, A.6);
topometrics_further has the metrics as well that the study measures and the paper does not.
predictions.csv: the networks behind those rows, each with its drop and the mean of its out-of-fold predictions.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval, resampling_weights
from sparse_topology.analysis.design import CELL, FOLDS, NETWORK
from sparse_topology.analysis.pool import encodings, min_max, read_pool, scenarios, topometric_sets, write_table
from sparse_topology.analysis.regressors import REGRESSORS, adjusted, one_hot, predictions, usable
from sparse_topology.job import job

LEAVE_OUT = {"leave_one_architecture_out": "architecture", "leave_one_dataset_out": "dataset"} | {
    "leave_one_algorithm_out": "pruning"
}
SCENARIO = ["scenario", "value", "encoding"]
PREDICTED = [*NETWORK, "drop", "predicted"]
COLUMNS = [*SCENARIO, "features", "folds", "regressor", "networks", "feature_count"]
COLUMNS += ["r2", "adjusted_r2", "adjusted_r2_std", "adjusted_r2_low", "adjusted_r2_high", "mae", "mae_std", "note"]


def random_groups(groups: np.ndarray, repetitions: int, rng) -> list[np.ndarray]:
    """Test sets (bool [n]) of `repetitions` shuffled k-fold divisions that keep the networks of a group together."""
    labels = np.unique(groups)
    sets = []
    for _ in range(repetitions):
        parts = np.array_split(rng.permutation(labels), min(FOLDS, len(labels)))
        sets.extend(np.isin(groups, part) for part in parts)
    return sets


def divisions(rows: pd.DataFrame, repetitions: int) -> dict[str, np.ndarray]:
    """{kind of fold: test sets, bool [repetitions * folds, n]}.

    random: as in the paper (the seeds of one cell fall into training and test sets alike). grouped: all seeds of a
    (data set, architecture, algorithm, sparsity) cell in one fold. leave_one_..._out: one fold per value.
    """
    rng = np.random.default_rng(0)
    n = len(rows)
    kinds = {"random": random_groups(np.arange(n), repetitions, rng)}
    cells = rows.groupby(CELL, sort=True).ngroup().to_numpy()
    if len(np.unique(cells)) < n:
        kinds["grouped"] = random_groups(cells, repetitions, rng)
    for kind, column in LEAVE_OUT.items():
        values = rows[column].to_numpy()
        names = sorted(set(values))
        if len(names) > 1:
            kinds[kind] = [values == name for name in names]
    return {kind: np.array(sets) for kind, sets in kinds.items()}


def feature_sets(rows: pd.DataFrame, names: list[str], baselines: bool, called: str) -> dict[str, np.ndarray]:
    """{feature set: values [n, p], not yet scaled}: the topometrics, named `called`, and what they have to beat.

    Sets that would repeat another one in this pool (a single data set, a single architecture) are left out.
    """
    values = rows[names].to_numpy(float)
    sets = {called: values}
    if not baselines:
        return sets
    nodes, edges = rows["nodes"].to_numpy(float), rows["edges"].to_numpy(float)
    sets["graph_size"] = np.column_stack([nodes, edges, 1 / edges])
    sets["layer_density"] = rows[["layer_density"]].to_numpy(float)
    varying = [column for column in ("architecture", "dataset", "sparsity") if len(rows[column].unique()) > 1]
    if "architecture" in varying:
        sets["architecture"] = one_hot(rows, ["architecture"])
    if "dataset" in varying:
        sets["architecture_dataset"] = one_hot(rows, ["architecture", "dataset"])
        sets["topometrics_dataset"] = np.hstack([values, one_hot(rows, ["dataset"])])
    if "architecture" in varying:
        sets["topometrics_architecture_dataset"] = np.hstack([values, one_hot(rows, ["architecture", "dataset"])])
    if "sparsity" in varying:
        sets["architecture_dataset_sparsity"] = one_hot(rows, ["architecture", "dataset", "sparsity"])
    return sets


def scaled(values: np.ndarray) -> np.ndarray:
    """Min-max scaled columns, without those that are constant or have gaps."""
    values = values[:, np.isfinite(values).all(0)]
    values = min_max(values)
    return values[:, values.max(0, initial=0.0) > 0]


def scores(y: np.ndarray, errors: np.ndarray, p: int, resamples: np.ndarray) -> dict:
    """Scores of out-of-fold errors [regressors, repetitions, n]; standard deviations are over the repetitions.

    R^2 averaged over regressors and repetitions is linear in the squared errors, so its bootstrap interval over
    networks needs only each network's mean squared error. The predictions themselves are not refitted.
    """
    n = len(y)
    total = ((y - y.mean()) ** 2).sum()
    r2 = 1 - (errors**2).sum(-1).mean(0) / total
    mae = np.abs(errors).mean((0, 2))
    per_network = (errors**2).mean((0, 1))
    mean = resamples @ y / n
    spread = resamples @ y**2 - n * mean**2
    ratio = (resamples @ per_network) / np.where(spread > 1e-12, spread, np.nan)
    low, high = interval(adjusted(1 - ratio, n, p))
    return {
        "r2": r2.mean(),
        "adjusted_r2": adjusted(r2, n, p).mean(),
        "adjusted_r2_std": adjusted(r2, n, p).std(),
        "adjusted_r2_low": float(low),
        "adjusted_r2_high": float(high),
        "mae": mae.mean(),
        "mae_std": mae.std(),
    }


def cross_validated(X: np.ndarray, y: np.ndarray, kinds: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """{kind of fold: {regressor: out-of-fold errors [repetitions, n]}}, all folds of all kinds in one call."""
    tests = np.concatenate(list(kinds.values()))
    fitted = predictions(X, y, (~tests).astype(float))
    result, start = {}, 0
    for kind, sets in kinds.items():
        stop = start + len(sets)
        folds = len(sets) * len(y) // int(sets.sum())  # each repetition tests every network once
        result[kind] = {
            name: np.where(sets, values[start:stop] - y, 0.0).reshape(-1, folds, len(y)).sum(1)
            for name, values in fitted.items()
        }
        start = stop
    return result


def regression_rows(
    rows: pd.DataFrame, names: list[str], baselines: bool, cfg: dict, called: str = "topometrics"
) -> tuple[list[dict], pd.DataFrame]:
    """One scenario, encoding and set of metrics, named `called`: all rows of the table, without the columns that name
    them, and the networks' drop as predicted from the metrics (random folds, mean over regressors and repetitions)."""
    rows, names, note = usable(rows, names)
    y = rows["drop"].to_numpy(float)
    n = len(y)
    if n < 3 or np.ptp(y) < 1e-9:
        reason = "fewer than three networks with accuracy and edges" if n < 3 else "the accuracy drop does not vary"
        line = {"features": called, "folds": "random", "regressor": "mean", "networks": n, "note": reason}
        return [line], pd.DataFrame(columns=PREDICTED)
    kinds = divisions(rows, cfg["repetitions"])
    resamples = resampling_weights(n, cfg["bootstrap"])
    table, predicted = [], pd.DataFrame(columns=PREDICTED)
    for features, values in feature_sets(rows, names, baselines, called).items():
        X = scaled(values)
        p = X.shape[1]
        entry = {"features": features, "networks": n, "feature_count": p}
        if not p:
            table.append(entry | {"folds": "random", "regressor": "mean", "note": "no feature varies in this pool"})
            continue
        remarks = [note] if note else []
        if n <= p + 1:
            remarks.append(f"no adjusted R^2: {n} networks for {p} features")
        elif n < 3 * p:
            remarks.append(f"{n} networks for {p} features: fits without a penalty are unreliable")
        for kind, errors in cross_validated(X, y, kinds).items():
            everything = {"mean": np.array(list(errors.values()))} | {k: v[None] for k, v in errors.items()}
            if features == called and kind == "random":
                predicted = rows[[*NETWORK, "drop"]].assign(predicted=y + everything["mean"].mean((0, 1)))
            for regressor, part in everything.items():
                values = scores(y, part, p, resamples)
                table.append(entry | {"folds": kind, "regressor": regressor, "note": "; ".join(remarks)} | values)
    return table, predicted


def regression_tables(pool: pd.DataFrame, cfg: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The whole table, and the predictions of single networks; the baselines that do not depend on the encoding are
    fitted with the first encoding only."""
    found = encodings(pool)
    table, predictions = [], []
    for scenario, value, rows in scenarios(pool):
        for encoding in found:
            part = rows[rows["encoding"] == encoding]
            where = {"scenario": scenario, "value": value, "encoding": encoding}
            for called, names in topometric_sets(pool, encoding).items():
                paper = called == "topometrics"
                lines, predicted = regression_rows(part, names, paper and encoding == found[0], cfg, called)
                table.extend(where | line for line in lines)
                if paper:
                    predictions.append(predicted.assign(**where))
        print(f"{scenario} {value} done")
    return pd.DataFrame(table, columns=COLUMNS), pd.concat(predictions)[[*SCENARIO, *PREDICTED]]


def main(pool, scores_output, predictions_output, cfg: dict) -> None:
    """cfg: repetitions of the cross-validation, bootstrap resamples."""
    print(f"{len(REGRESSORS)} regressors, {cfg['repetitions']} repetitions of {FOLDS}-fold cross-validation")
    table, predicted = regression_tables(read_pool(pool), cfg)
    write_table(table, scores_output)
    write_table(predicted, predictions_output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output.regression, snakemake.output.predictions, snakemake.params.cfg)
