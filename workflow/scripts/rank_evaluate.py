"""How well `rank` works: its methods on a pool, with what they are to predict left out.

For every (architecture, sparsity, data set) the algorithms are ordered exactly as `rank` does and compared with the
order by accuracy drop. Everything is fitted inside the fold.

Methods: paths (sparse_topology/analysis/path_score.py), mixture (sparse_topology/analysis/mixture.py), log_density_sum
(the path score without any parameter), paths_form_chosen (the path score in one of FORMS, chosen inside the fold by
leaving out its architectures in turn), constant_order (the algorithms' mean places in the other architectures at the
same sparsity, no network measured), random_order; and what no method can exceed by much: one_seed_trained,
perfect_predictor and perfect_predictor_shrunk.

Procedures, what the fold lacks: an architecture, a data set, both at once (every network that shares either), one
architecture on one data set, a sparsity, an algorithm (then only its pairs are judged, by tau); in_sample lacks nothing
and is optimistic.
"""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from sparse_topology.analysis import ceiling, path_score
from sparse_topology.analysis.bootstrap import interval, resampling_weights
from sparse_topology.analysis.ceiling import MEASURES, agreement
from sparse_topology.analysis.design import NETWORK, RANKED_CELL, TASK
from sparse_topology.analysis.mixture import (
    complete_networks,
    importances,
    ranking_coefficients,
    true_drop,
    weights_for,
)
from sparse_topology.analysis.path_score import Profile
from sparse_topology.analysis.pool import label, min_max, networks, read_pool, write_table
from sparse_topology.analysis.rankings import random_rbo
from sparse_topology.job import job

RESAMPLES = 1000
# What a fold lacks: networks that agree with the task in all of these columns (leave_both_out: in any).
PROCEDURES = {
    "leave_one_architecture_out": ["architecture"],
    "leave_one_dataset_out": ["dataset"],
    "leave_both_out": ["architecture", "dataset"],
    "leave_one_architecture_on_one_dataset_out": ["architecture", "dataset"],
    "leave_one_sparsity_out": ["sparsity"],
    "in_sample": [],
}
CHOOSING = list(PROCEDURES)[:3]  # the procedures in which a form is chosen
# Forms of the path score: what p and q may be, and whether late layers count differently, by the number of classes.
FORMS = list(product((None, 0.0, 1.0), (None, 0.0), ("by classes", "same", "no")))
DIFFERENCES = [("paths", "mixture"), ("paths", "log_density_sum"), ("log_density_sum", "mixture")]


class PathMethod:
    """Fits of the path score on folds of one pool, each made once. drop: float [n], as the profile's networks."""

    def __init__(self, of: Profile, drop: np.ndarray):
        self.of, self.drop, self.fits, self.forms = of, drop, {}, {}

    def score(self, training: np.ndarray, wanted: np.ndarray, form=(None, None, "by classes")) -> pd.Series:
        """Mean score of each algorithm of the wanted networks (bool [n]), fitted on the training ones (bool [n])."""
        p, q, late = form
        of = replace(self.of, class_term=np.ones_like(self.of.class_term)) if late == "same" else self.of
        fixed = {"p": p, "q": q, "k": 0.0 if late == "no" else None}
        key = training.tobytes(), form
        if key not in self.fits:
            data = path_score.comparisons(of.part(training), self.drop[training])
            self.fits[key] = path_score.fit(data, {name: value for name, value in fixed.items() if value is not None})
        return cell_scores(of.part(wanted), self.fits[key])

    def chosen_form(self, training: np.ndarray, drop: pd.Series, forms) -> tuple:
        """The form that orders the training networks best with each of their architectures left out in turn."""
        key = training.tobytes()
        if key not in self.forms:
            self.forms[key] = max(forms, key=self.mean_tau_by_form(training, drop))
        return self.forms[key]

    def mean_tau_by_form(self, training, drop):
        architecture = self.of.networks["architecture"].to_numpy()

        def mean_tau(form):
            taus = []
            for name in np.unique(architecture[training]):
                held = training & (architecture == name)
                scores = self.score(training & ~held, held, form)
                taus += [measures["tau"] for measures in task_agreements(scores, drop).values()]
            return np.mean(taus)

        return mean_tau


def cell_scores(of: Profile, parameters: np.ndarray) -> pd.Series:
    """Mean path score over the seeds, by TASK and pruning."""
    return pd.Series(path_score.path_score(parameters, of)).groupby([of.networks[name] for name in RANKED_CELL]).mean()


def task_agreements(scores: pd.Series, drop: pd.Series) -> dict[tuple, dict[str, float]]:
    """{task: measures} of scores by TASK and pruning against the true drops, likewise."""
    found = {}
    for task, part in scores.groupby(level=TASK):
        truth = drop.loc[task].dropna()
        if len(truth) > 1:
            found[task] = compare(part.droplevel(TASK), truth)
    return found


def compare(score: pd.Series, drop: pd.Series) -> dict[str, float]:
    """Measures of a score by algorithm against the accuracy drop; algorithms without a score go last."""
    drop = drop.sort_index()
    values = agreement(score.reindex(drop.index).to_numpy(float), drop.to_numpy(float))
    return {name: float(value) for name, value in values.items()}


def pair_tau(score: pd.Series, drop: pd.Series, algorithm: str) -> float:
    """(Concordant - discordant) / pairs among the pairs of `algorithm` with the others; no score is the worst."""
    drop = drop.sort_index()
    score = score.reindex(drop.index).fillna(np.inf)
    others = drop.index != algorithm
    predicted, actual = (np.sign(values[others] - values[algorithm]) for values in (score.clip(upper=1e300), drop))
    return float((predicted * actual).mean())


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


def in_task(frame: pd.DataFrame, task: dict) -> np.ndarray:
    """bool [n]: the networks of a task."""
    return np.logical_and.reduce([(frame[key] == value).to_numpy() for key, value in task.items()])


def in_fold(frame: pd.DataFrame, task: dict, procedure: str) -> np.ndarray:
    """bool [n]: the networks that a procedure may learn from to predict a task."""
    columns = PROCEDURES[procedure]
    if not columns:
        return np.ones(len(frame), bool)
    shared = [(frame[column] == task[column]).to_numpy() for column in columns]
    return ~(np.logical_or if procedure == "leave_both_out" else np.logical_and).reduce(shared)


def learned_scores(task: dict, procedure: str, paths: PathMethod, frame, metrics, drop, forms) -> dict:
    """{method: score by algorithm} of one task, learned from its fold; nothing where the fold is empty."""
    training, wanted = in_fold(paths.of.networks, task, procedure), in_task(paths.of.networks, task)
    complete, candidates = frame[in_fold(frame, task, procedure)], frame[in_task(frame, task)]
    scores = {"log_density_sum": cell_scores(paths.of.part(wanted), path_score.PARAMETER_FREE)}
    if training.any():
        scores["paths"] = paths.score(training, wanted)
        architectures = set(paths.of.networks["architecture"][training])
        if procedure in CHOOSING and forms and len(architectures) > 1:
            scores["paths_form_chosen"] = paths.score(training, wanted, paths.chosen_form(training, drop, forms))
    scores = {name: values.droplevel(TASK) for name, values in scores.items()}
    if len(complete) and len(candidates):
        scores["mixture"] = mixture_score(complete, candidates, metrics)
    return scores


def unseen_algorithm(task: dict, paths: PathMethod, frame, metrics, truth: pd.Series) -> dict[str, float]:
    """{method: mean over the algorithms of the tau of its pairs, each algorithm's networks left out of the fit}."""
    networks, wanted = paths.of.networks, in_task(paths.of.networks, task)
    candidates = frame[in_task(frame, task)]
    free = cell_scores(paths.of.part(wanted), path_score.PARAMETER_FREE).droplevel(TASK)
    taus = {}
    for algorithm in truth.index:
        scores = {"log_density_sum": free}
        training = (networks["pruning"] != algorithm).to_numpy()
        scores["paths"] = paths.score(training, wanted).droplevel(TASK)
        if len(candidates):
            scores["mixture"] = mixture_score(frame[frame["pruning"] != algorithm], candidates, metrics)
        for name, score in scores.items():
            taus.setdefault(name, []).append(pair_tau(score, truth, algorithm))
    return {name: float(np.mean(values)) for name, values in taus.items()}


def ceiling_rows(drops: pd.DataFrame) -> dict[str, dict[str, float]]:
    """{method: measures} from the drops of one task, rows the algorithms, columns the seeds; complete rows count."""
    values = drops.dropna().to_numpy(float).T
    if values.shape[0] < 2 or values.shape[1] < 2:
        return {}
    return {
        "one_seed_trained": ceiling.one_seed(values),
        "perfect_predictor": ceiling.perfect_predictor(values, shrunk=False),
        "perfect_predictor_shrunk": ceiling.perfect_predictor(values, shrunk=True),
    }


def task_table(task: dict, truth: pd.Series, paths: PathMethod, frame, metrics, drop: pd.Series, forms) -> dict:
    """{(method, procedure): measures} of one task with these true drops by algorithm."""
    found = {}
    for procedure in PROCEDURES:
        for method, score in learned_scores(task, procedure, paths, frame, metrics, drop, forms).items():
            found[method, procedure] = compare(score, truth)
    for method, tau in unseen_algorithm(task, paths, frame, metrics, truth).items():
        found[method, "leave_one_algorithm_out"] = {"tau": tau}
    constant = constant_order(drop, task)
    if constant is not None:
        found["constant_order", "leave_one_architecture_out"] = compare(constant, truth)
    return found | {("random_order", "none"): random_agreement(truth)}


def cell_table(pool: pd.DataFrame, layers: pd.DataFrame, weighted: list[str], forms=FORMS) -> pd.DataFrame:
    """One row per method, procedure and task. Without `forms` none is chosen."""
    frame, metrics = complete_networks(pool, weighted)
    every = networks(pool)
    of = path_score.profile(layers, every.groupby("dataset")["classes"].first().to_dict())
    paths = PathMethod(of, of.networks.merge(every, how="left", on=NETWORK)["drop"].to_numpy(float))
    drop = true_drop(pool).reorder_levels(RANKED_CELL).sort_index()
    rows = []
    for key, truth in drop.dropna().groupby(level=TASK):
        task, truth = dict(zip(TASK, key, strict=True)), truth.droplevel(TASK)
        if len(truth) < 2:
            continue
        found = task_table(task, truth, paths, frame, metrics, drop, forms)
        seeds = every[in_task(every, task)].pivot_table("drop", "pruning", "seed")
        found |= {(method, "ceiling"): measures for method, measures in ceiling_rows(seeds).items()}
        for (method, procedure), measures in found.items():
            rows.append({"method": method, "procedure": procedure} | task | {"algorithms": len(truth)} | measures)

    return pd.DataFrame(rows, columns=["method", "procedure", *TASK, "algorithms", *MEASURES])


def differences(cells: pd.DataFrame) -> pd.DataFrame:
    """Rows "first - second" of the same procedure and task."""
    keys = ["procedure", *TASK, "algorithms"]
    parts = []
    for first, second in DIFFERENCES:
        a, b = (cells[cells["method"] == name].set_index(keys)[MEASURES] for name in (first, second))
        parts.append((a - b).dropna(how="all").reset_index().assign(method=f"{first} - {second}"))
    return pd.concat(parts, ignore_index=True)


def summary_table(cells: pd.DataFrame) -> pd.DataFrame:
    """Means over cells with bootstrap intervals, per method and procedure: over all, and with one of TASK fixed.

    Rows "a - b" are paired differences of two methods over the same cells.
    """
    rows = []
    for (procedure, method), part in pd.concat([cells, differences(cells)]).groupby(
        ["procedure", "method"], sort=False
    ):
        groups = [({}, part)]
        groups += [({column: label(value)}, group) for column in TASK for value, group in part.groupby(column)]
        for fixed, group in groups:
            values = group[MEASURES].to_numpy(float)
            low, high = interval(resampling_weights(len(values), RESAMPLES) @ values / len(values))
            row = (
                {"method": method, "procedure": procedure} | dict.fromkeys(TASK, "all") | fixed | {"cells": len(group)}
            )
            for j, measure in enumerate(MEASURES):
                row |= {measure: values[:, j].mean(), f"{measure}_low": low[j], f"{measure}_high": high[j]}
            rows.append(row)
    return pd.DataFrame(rows).round(4)


def main(pool, layers, cells, summary, cfg: dict) -> None:
    """cfg: weighted, the topometrics that depend on the weights."""
    table = cell_table(read_pool(pool), read_pool(layers), cfg["weighted"])
    write_table(table, cells)
    write_table(summary_table(table), summary)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.pool,
            snakemake.input.layers,
            snakemake.output.cells,
            snakemake.output.summary,
            snakemake.params.cfg,
        )
