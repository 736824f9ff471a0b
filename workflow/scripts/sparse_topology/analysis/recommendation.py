"""The order of the candidates of `rank`, how sure it is, and what to say about it; the same for every method.

b is a number of draws, the first entry being the estimate itself; n a number of candidate networks.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from sparse_topology.analysis.bootstrap import interval
from sparse_topology.analysis.path_score import standardised
from sparse_topology.analysis.pool import write_table
from sparse_topology.analysis.rankings import places
from sparse_topology.files import read_table, write_text
from sparse_topology.job import job

COLUMNS = ["place", "pruning", "score", "first_share", "place_low", "place_high", "networks", "note"]
SEED_DRAWS = 200  # of the candidates' seeds, where a method has learned nothing that could be resampled


@dataclass(frozen=True)
class Scores:
    """What a method says of n networks: the algorithm of each, and its score, float [b, n], the smallest the best; NaN
    where there is none. basis: lines on what the score rests on. slope: the logistic slope of the chance that one
    algorithm is better than another, per standard deviation of the algorithms' scores; None if the method has none.
    """

    pruning: list[str]
    values: np.ndarray
    basis: list[str]
    slope: float | None = None


def main(snakemake, scores) -> None:
    """The job of a script rank_by_<method>.py: `run` on the files of the rule."""
    with job(snakemake.log[0]):
        files, outputs = dict(snakemake.input.items()), (snakemake.output.order, snakemake.output.recommendation)
        run(scores, snakemake.params.networks, files, *outputs, snakemake.params.cfg)


def run(scores, networks: list[dict], files: dict, order, text, cfg: dict) -> None:
    """Write order.csv and recommendation.txt from scores(networks, files, cfg) -> Scores.

    networks: records of pruning, seed, mask (path), metrics {family: path}; files: info (dataset.json), evaluation, and
    learned where the script names it; cfg: method, architecture, dataset, sparsity, left_out.
    """
    found = scores(networks, files, cfg)
    table = order_table(found.pruning, found.values)
    write_table(table, order)
    record = read_table(files["evaluation"], dtype={"sparsity": str})
    chance = None if found.slope is None else chance_over_second(table, found.slope)
    message = recommendation(table, record, cfg, found.basis, chance)
    write_text(text, message)
    print(message)


def chance_over_second(table: pd.DataFrame, slope: float) -> float | None:
    """How probable it is that the first is better than the second, from its lead in standard deviations."""
    values = table["score"].to_numpy(float)
    if len(values) < 2:
        return None
    z = standardised(values, np.zeros(len(values), int))
    return float(expit(slope * (z[1] - z[0])))


def order_table(pruning: list[str], scores: np.ndarray) -> pd.DataFrame:
    """order.csv: the candidates from best to worst (the smallest score).

    pruning: algorithm of each network [n]; scores: float [b, n], the draws resampling what the method has learned.
    Where an algorithm has several seeds, its networks are drawn as well. Networks whose score is not finite do not
    count; an algorithm without any other goes last. first_share and the place's 95 % interval are over the draws.
    """
    names = np.array(sorted(set(pruning)))
    if len(scores) == 1 and len(pruning) > len(names):
        scores = np.repeat(scores, 1 + SEED_DRAWS, axis=0)
    usable = np.isfinite(scores[0])
    rng = np.random.default_rng(0)
    mean = np.full((len(scores), len(names)), np.nan)
    for j, name in enumerate(names):
        own = scores[:, usable & (np.array(pruning) == name)]
        if own.shape[1]:
            pick = rng.integers(own.shape[1], size=own.shape)
            pick[0] = np.arange(own.shape[1])
            mean[:, j] = np.take_along_axis(own, pick, axis=1).mean(1)
    place = places(mean) + 1
    low, high = interval(place[1:])
    table = pd.DataFrame(
        {
            "place": place[0],
            "pruning": names,
            "score": mean[0],
            "first_share": (place[1:] == 1).mean(0) if len(place) > 1 else np.nan,
            "place_low": low,
            "place_high": high,
            "networks": [int((usable & (np.array(pruning) == name)).sum()) for name in names],
            "note": np.where(np.isnan(mean[0]), "no network can be scored: put last", ""),
        }
    )
    return table.sort_values("place", ignore_index=True)[COLUMNS]


def likeness(record: pd.DataFrame, cfg: dict) -> tuple[str, str]:
    """(the procedure of the evaluation whose folds are most like the target, what it left out in words)."""
    known = {column: cfg[column] in set(record[column]) for column in ("architecture", "dataset")}
    return {
        (False, False): ("leave_both_out", "with the architecture and the data set left out"),
        (False, True): ("leave_one_architecture_out", "with the architecture left out"),
        (True, False): ("leave_one_dataset_out", "with the data set left out"),
        (True, True): ("leave_one_architecture_on_one_dataset_out", "with the architecture on the data set left out"),
    }[known["architecture"], known["dataset"]]


def track_record(record: pd.DataFrame, method: str, cfg: dict) -> list[str]:
    """How the method has done on the published networks, from rank-evaluation.csv; over all cells and by sparsity."""
    if method not in set(record["method"]):
        return ["How far to trust it is not known: the method has not been evaluated on the published networks."]
    procedure, left_out = likeness(record, cfg)
    everything = record[(record["architecture"] == "all") & (record["dataset"] == "all")].set_index("sparsity")
    past = everything[(everything["method"] == method) & (everything["procedure"] == procedure)]
    chance = everything[everything["method"] == "random_order"].loc["all"]
    overall, here = past.loc["all"], past.loc[nearest_sparsity(past.index, cfg["sparsity"])]
    return [
        f"How far to trust it: on the published networks, {left_out}, the same method agreed with the true order with "
        f"Kendall tau {overall['tau']:.2f} (random 0) and RBO {overall['rbo']:.2f} (random {chance['rbo']:.2f}) over "
        f"{overall['cells']} cells.",
        f"Its first choice was the best in {overall['first_is_best']:.0%} of them and lost "
        f"{overall['lost_points']:.1f} points of accuracy drop on average against the best (a random choice "
        f"{chance['lost_points']:.1f}); at sparsity {here.name} alone {here['lost_points']:.1f}.",
    ]


def nearest_sparsity(known, sparsity: float) -> str:
    """The text of the number in `known` that is nearest; of two the smaller."""
    numbers = [value for value in known if value != "all"]
    return min(numbers, key=lambda value: (abs(float(value) - float(sparsity)), float(value)))


def recommendation(table, record, cfg: dict, basis: list[str], chance: float | None = None) -> str:
    """What order.csv says, in words. cfg: method, architecture, dataset, sparsity, left_out (words of the study
    that are no candidates); basis: lines on what the score rests on.

    chance: how probable it is, by the method, that the first is better than the second; None if it does not say.
    The first two cannot be told apart when the second comes first in over 2.5 % of the draws or chance is below 2/3.
    """
    target = f"{cfg['architecture']} on {cfg['dataset']} at sparsity {cfg['sparsity']:g}"
    scored = table[np.isfinite(table["score"])]
    if scored.empty:
        return f"No recommendation for {target}: no candidate can be scored.\n"
    best = scored.iloc[0]
    near = scored[(scored["place_low"] <= 1) & (scored["place"] > 1)]["pruning"].tolist()
    lines = [f"Predicted order for {target} by `{cfg['method']}`, best first: {', '.join(table['pruning'])}."]
    share = f"it comes first in {best['first_share']:.0%} of the bootstrap draws"
    drawn = np.isfinite(best["first_share"])
    if len(scored) > 1:
        second = scored["pruning"].iloc[1]
        odds = "" if chance is None else f" {best['pruning']} is the better one with a chance of {chance:.0%}."
        if second in near or (chance is not None and chance < 2 / 3):
            lines.append(f"Train either {best['pruning']} or {second}: they cannot be told apart.{odds}")
            lines += [f"As for {best['pruning']}, {share}."] if drawn else []
        else:
            lines.append(f"Train {best['pruning']} first{f': {share}' if drawn else ''}. The second is {second}.{odds}")
        near = [name for name in near if name != second]
    else:
        lines.append(f"Train {best['pruning']}: no other candidate can be scored.")
    if near:
        lines.append(f"Also first in over 2.5 % of the draws: {', '.join(near)}.")
    if cfg["left_out"]:
        lines.append(f"Left out, as their masks need training or are controls: {', '.join(cfg['left_out'])}.")
    return "\n".join([*lines, *basis, *track_record(record, cfg["method"], cfg)]) + "\n"
