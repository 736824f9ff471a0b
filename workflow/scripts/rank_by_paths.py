"""Which pruning algorithm to train, by the path score: the densities of the masks' layers alone
(sparse_topology/analysis/path_score.py).

Each algorithm's masks at initialisation are scored with parameters fitted to a pool (rank_parameters.py). Nothing is
trained, and no graph is built.
"""

import numpy as np
import pandas as pd
from scipy.special import expit

from sparse_topology.analysis import path_score
from sparse_topology.analysis.pool import write_table
from sparse_topology.analysis.recommendation import order_table, recommendation
from sparse_topology.files import read_json, write_text
from sparse_topology.job import job
from sparse_topology.pruning.layer_counts import mask_counts


def candidates(networks: list[dict], classes: float, cfg: dict) -> path_score.Profile:
    """The candidates' layers. networks: records of pruning, seed, mask."""
    rows = []
    for network in networks:
        identity = {key: cfg[key] for key in ("dataset", "architecture", "sparsity")}
        identity |= {"pruning": network["pruning"], "seed": int(network["seed"])}
        for number, (weights, kept) in enumerate(mask_counts(network["mask"]).values()):
            rows.append(identity | {"layer_id": number, "weights": weights, "kept": kept})
    return path_score.profile(pd.DataFrame(rows), {cfg["dataset"]: classes})


def chance_over_second(table: pd.DataFrame, slope: float) -> float | None:
    """How probable it is that the first is better than the second, from its lead in standard deviations."""
    values = table["score"].to_numpy(float)
    if len(values) < 2:
        return None
    z = path_score.standardised(values, np.zeros(len(values), int))
    return float(expit(slope * (z[1] - z[0])))


def basis(classes: float) -> list[str]:
    text = (
        "The score needs the number of weights that each layer keeps; nothing was trained. Tried for 10 to 200 classes."
    )
    if not 10 <= classes <= 200:
        text += f" This data set has {classes:g}: how much late layers count is a guess."
    return [text]


def main(networks: list[dict], info, parameters, evaluation, order, text, cfg: dict) -> None:
    """networks: records of pruning, seed, mask; cfg: architecture, dataset, sparsity, left_out."""
    draws = pd.read_csv(parameters)[path_score.NAMES].to_numpy(float)
    classes = read_json(info)["classes"]
    of = candidates(networks, classes, cfg)
    scores = np.array([path_score.path_score(draw, of) for draw in draws])
    table = order_table(of.networks["pruning"].tolist(), scores)
    record = pd.read_csv(evaluation, dtype={"sparsity": str})
    write_table(table, order)
    chance = chance_over_second(table, np.exp(draws[0, 3]))
    message = recommendation(table, record, "paths", cfg, basis(classes), chance)
    write_text(text, message)
    print(message)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.params.networks,
            snakemake.input.info,
            snakemake.input.parameters,
            snakemake.input.evaluation,
            snakemake.output.order,
            snakemake.output.recommendation,
            snakemake.params.cfg,
        )
