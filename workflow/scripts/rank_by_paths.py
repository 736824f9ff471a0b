"""Which pruning algorithm to train, by the path score: the densities of the masks' layers alone
(sparse_topology/analysis/path_score.py).

Each algorithm's masks at initialisation are scored with parameters fitted to a pool (rank_parameters.py). Nothing is
trained, and no graph is built.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis import path_score, recommendation
from sparse_topology.analysis.recommendation import Scores
from sparse_topology.files import read_json, read_table
from sparse_topology.pruning.layer_counts import mask_counts

READS = "masks"
LEARNED = "path-score.csv"


def candidates(networks: list[dict], classes: float, cfg: dict) -> path_score.Profile:
    """The candidates' layers. networks: records of pruning, seed, mask."""
    rows = []
    for network in networks:
        identity = {key: cfg[key] for key in ("dataset", "architecture", "sparsity")}
        identity |= {"pruning": network["pruning"], "seed": int(network["seed"])}
        for number, (weights, kept) in enumerate(mask_counts(network["mask"]).values()):
            rows.append(identity | {"layer_id": number, "weights": weights, "kept": kept})
    return path_score.profile(pd.DataFrame(rows), {cfg["dataset"]: classes})


def basis(classes: float) -> list[str]:
    text = (
        "The score needs the number of weights that each layer keeps; nothing was trained. Its parameters were fitted "
        "on CNNs, not on networks with attention. Tried for 10 to 200 classes."
    )
    if not 10 <= classes <= 200:
        text += f" This data set has {classes:g}: how much late layers count is a guess."
    return [text]


def scores(networks: list[dict], files: dict, cfg: dict) -> Scores:
    draws = read_table(files["learned"])[path_score.NAMES].to_numpy(float)
    classes = read_json(files["info"])["classes"]
    of = candidates(networks, classes, cfg)
    values = np.array([path_score.path_score(draw, of) for draw in draws])
    return Scores(of.networks["pruning"].tolist(), values, basis(classes), slope=float(np.exp(draws[0, 3])))


if __name__ == "__main__":
    recommendation.main(snakemake, scores)
