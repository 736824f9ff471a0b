"""A small pool with known structure, for tests of the analysis."""

import numpy as np
import pandas as pd
from study import literal, words

from sparse_topology.analysis.pool import NETWORK, TOPOMETRICS, accuracy_drop, ordered_columns
from sparse_topology.families import family

DIVISORS, WEIGHTED = {}, []  # of the metrics, as their scripts declare them
for word in words("metric_*.py"):
    DIVISORS |= literal(f"metric_{word}.py", "DIVISORS")
    WEIGHTED += literal(f"metric_{word}.py", "WEIGHTED")
ALGORITHMS = ["er", "erk", "grasp", "prospr", "snip", "synflow", "uniform"]


def synthetic_pool(
    datasets=("digits",),
    architectures=("conv_small", "resnet_small"),
    sparsities=(0.6, 0.9, 0.98),
    seeds=(0,),
    encodings=("mge", "rolled", "rolled_channel"),
    pruning=ALGORITHMS,
) -> pd.DataFrame:
    """One row per network and encoding; `sink` and `layer_density` follow the accuracy drop, the rest is noise."""
    rng = np.random.default_rng(3)
    rows = []
    for d, dataset in enumerate(datasets):
        for a, architecture in enumerate(architectures):
            for sparsity in sparsities:
                for p, algorithm in enumerate(pruning):
                    for seed in seeds:
                        quality = 0.9 - 0.05 * d - 0.1 * a - 0.04 * p * sparsity + 0.002 * rng.standard_normal()
                        shared = {"dataset": dataset, "architecture": architecture, "pruning": algorithm}
                        shared |= {"family": family(algorithm)}
                        shared |= {"sparsity": sparsity, "seed": seed, "accuracy": quality, "dense_accuracy": 0.95}
                        shared |= {"dense_accuracy_std": 0.01, "classes": 10.0, "collapsed": False}
                        shared |= {"layer_density": quality, "delta_r": rng.random()}
                        shared |= {"delta_r_imdb": rng.random(), "lambda_imsg": rng.random()}
                        for encoding in encodings:
                            rows.append(shared | graph_values(encoding, quality, sparsity, a, rng))
    pool = pd.DataFrame(rows)
    pool["drop"] = accuracy_drop(pool["accuracy"], pool["dense_accuracy"])
    return pool.reindex(columns=ordered_columns(pool.columns))


def graph_values(encoding: str, quality: float, sparsity: float, architecture: int, rng) -> dict:
    nodes, edges = 1000.0 + 500 * architecture, round(1e5 * (1 - sparsity) * (1 + 0.01 * rng.random()))
    unrolled_only = {"sink", "source", "disconnected", "r_out", "r_in", "n2", "motif4"}
    names = [n for n in TOPOMETRICS if (n not in unrolled_only if encoding != "mge" else n != "motif3")]
    values = dict(zip(names, rng.random(len(names)), strict=True))
    values["components"] = float(1 + rng.integers(5))
    values["component_size"] = 1 / values["components"]
    values["n1"] = (1 + edges / nodes) / edges
    if encoding == "mge":
        values["sink"] = 1 - quality
    return {"encoding": encoding, "nodes": nodes, "edges": edges} | values


def synthetic_layers(pool: pd.DataFrame) -> pd.DataFrame:
    """Three layers per network of the pool; the smaller its accuracy drop, the more the thinnest one keeps."""
    rows = []
    for network in pool.drop_duplicates(NETWORK).to_dict("records"):
        thin = 0.01 + 0.3 * np.clip(network["accuracy"] - 0.5, 0, 1)
        for number, (weights, share) in enumerate([(1000, 0.6), (20000, 1 - network["sparsity"]), (5000, thin)]):
            identity = {name: network[name] for name in NETWORK}
            layer = {"layer_id": number, "layer": f"layer{number}", "weights": weights, "kept": round(share * weights)}
            rows.append(identity | layer)
    return pd.DataFrame(rows)
