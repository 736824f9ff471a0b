"""Which pruning algorithm to train: candidates ordered by the topology of their untrained graphs (section 4.3).

Each algorithm's networks are measured at initialisation; the metrics that the mask alone determines are scaled among
the candidates and weighted with importances learned from a pool (rank_importance.py). Nothing is trained.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval
from sparse_topology.analysis.mixture import ranking_coefficients, weights_for
from sparse_topology.analysis.pool import min_max, write_table
from sparse_topology.analysis.rankings import places
from sparse_topology.files import read_json, write_text
from sparse_topology.job import InputError, job

COLUMNS = ["place", "pruning", "score", "first_share", "place_low", "place_high", "networks", "note"]


def read_importance(path) -> tuple[dict[tuple[str, str], np.ndarray], list[str]]:
    """({(scenario, value): r [b, p]}, the p metrics) of the metrics that need no trained weights."""
    table = pd.read_csv(path, dtype={"value": str})
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


def order_table(candidates: pd.DataFrame, metrics: list[str], weights: np.ndarray) -> pd.DataFrame:
    """order.csv: the candidates from best to worst.

    The draws behind first_share and the place's 95 % interval resample the pool behind the importances (weights [b, p])
    and, where an algorithm has several seeds, its networks. Networks with a metric missing do not count; an algorithm
    without any other goes last.
    """
    names = np.array(sorted(candidates["pruning"].unique()))
    values = candidates[metrics].to_numpy(float)
    usable = np.isfinite(values).all(1)
    score = np.full((len(weights), len(names)), np.nan)
    if usable.any():
        network_scores = ranking_coefficients(min_max(values[usable]), weights[:, None])
        owner = candidates["pruning"].to_numpy()[usable]
        rng = np.random.default_rng(0)
        for j, name in enumerate(names):
            own = network_scores[:, owner == name]
            if own.shape[1]:
                pick = rng.integers(own.shape[1], size=own.shape)
                pick[0] = np.arange(own.shape[1])
                score[:, j] = np.take_along_axis(own, pick, axis=1).mean(1)
    place = places(score) + 1
    low, high = interval(place[1:])
    undefined = np.isnan(score[0])
    table = pd.DataFrame(
        {
            "place": place[0],
            "pruning": names,
            "score": score[0],
            "first_share": (place[1:] == 1).mean(0) if len(place) > 1 else np.nan,
            "place_low": low,
            "place_high": high,
            "networks": [int((usable & (candidates["pruning"] == name)).sum()) for name in names],
            "note": np.where(undefined, "no network has all metrics (collapsed?): put last", ""),
        }
    )
    return table.sort_values("place", ignore_index=True)[COLUMNS]


def recommendation(table: pd.DataFrame, record: pd.DataFrame, cfg: dict, nearest: str, known: bool) -> str:
    """What order.csv says, and how far the procedure is to be trusted, in words."""
    best = table.iloc[0]
    target = f"{cfg['architecture']} on {cfg['dataset']} at sparsity {cfg['sparsity']:g}"
    if not np.isfinite(best["score"]):
        return f"No recommendation for {target}: no candidate has all metrics.\n"
    near = table[(table["place_low"] <= 1) & (table["note"] == "") & (table["place"] > 1)]
    procedure = "leave_one_dataset_out" if known else "leave_one_architecture_out"
    what = "another data set" if known else "an architecture left out"
    past = record[record["procedure"] == procedure].set_index("sparsity")
    chance = record[record["procedure"] == "random_order"].set_index("sparsity").loc["all"]
    everything, here = past.loc["all"], past.loc[nearest]
    source = f"importances at sparsity {nearest}" + (f" and of {cfg['architecture']}" if known else "")
    lines = [
        f"Predicted order for {target}, best first: {', '.join(table['pruning'])}.",
        f"Train {best['pruning']} first: it comes first in {best['first_share']:.0%} of the bootstrap draws.",
    ]
    if len(near):
        lines.append(f"Hard to tell from it (first in over 2.5 % of the draws): {', '.join(near['pruning'])}.")
    lines += [
        f"Weights: {source}; metrics of the masks alone; nothing was trained.",
        f"How far to trust it: on the published networks, for {what}, the same procedure agreed with the true order "
        f"with RBO {everything['rbo']:.2f} (random {chance['rbo']:.2f}) and Kendall tau {everything['tau']:.2f} "
        f"(random 0) over {everything['cells']} cells.",
        f"Its first choice was the best in {everything['first_is_best']:.0%} of them and lost "
        f"{everything['lost_points']:.1f} points of accuracy drop on average against the best (a random choice "
        f"{chance['lost_points']:.1f}); at sparsity {nearest} alone {here['lost_points']:.1f}.",
    ]
    if abs(float(nearest) - float(cfg["sparsity"])) > 1e-9:
        lines.append(f"No importances are known at sparsity {cfg['sparsity']:g}: those of the nearest, {nearest}.")
    return "\n".join(lines) + "\n"


def main(networks: list[dict], importance, evaluation, order, text, cfg: dict) -> None:
    """networks: records of pruning, seed, metrics {family: path}; cfg: architecture, dataset, sparsity."""
    found, metrics = read_importance(importance)
    candidates = read_candidates(networks)
    measured = [name for name in metrics if name in candidates and candidates[name].notna().any()]
    if not measured:
        raise InputError("metrics: rank needs at least one of local, neighbours, motifs, kcore, components, cuts")
    weights, nearest, known = weights_for(found, cfg["architecture"], float(cfg["sparsity"]))
    weights = weights[:, [metrics.index(name) for name in measured]]
    table = order_table(candidates, measured, weights)
    record = pd.read_csv(evaluation, dtype={"sparsity": str})
    write_table(table, order)
    message = recommendation(table, record, cfg, nearest, known)
    write_text(text, message)
    print(message)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.params.networks,
            snakemake.input.importance,
            snakemake.input.evaluation,
            snakemake.output.order,
            snakemake.output.recommendation,
            snakemake.params.cfg,
        )
