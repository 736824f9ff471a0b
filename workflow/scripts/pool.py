"""Collect a study's networks into two tables: one row per network and encoding, and one per network and layer.

The columns are described in sparse_topology/analysis/pool.py. What a metric could not say (a network without edges, a
family that the study does not measure) is NaN here; the reason stands in the metric's JSON file.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.path_score import with_scores
from sparse_topology.analysis.pool import LAYER_METRICS, NETWORK, accuracy_drop, ordered_columns, write_parquet
from sparse_topology.families import family
from sparse_topology.files import read_json
from sparse_topology.job import job
from sparse_topology.pruning.layer_counts import mask_counts


def layer_values(metrics: dict, names: list[str]) -> dict[str, dict]:
    """{layer: {metric: value}}: the layer metrics, from the families that measure the rolled graph of each layer alone,
    and what families of the unrolled graph say of its layers.
    """
    values = {}
    for content in metrics.values():
        for encoding in ("rolled", "mge"):
            for layer, entry in content["encodings"].get(encoding, {}).get("layers", {}).items():
                found = {name: v for name, v in entry["normalised"].items() if encoding == "mge" or name in names}
                values.setdefault(layer, {}).update(found)
    return values


def layer_rows(identity: dict, counts: dict, values: dict) -> list[dict]:
    """Rows of layers.parquet for one network."""
    return [
        identity | {"layer_id": number, "layer": layer, "weights": weights, "kept": kept} | values.get(layer, {})
        for number, (layer, (weights, kept)) in enumerate(counts.items())
    ]


def network_means(rows: list[dict], names: list[str]) -> dict[str, float]:
    """Mean of each layer metric over the layers that have a value, NaN without one."""
    means = {}
    for name in names:
        values = [row[name] for row in rows if row.get(name) is not None]
        means[name] = float(np.mean(values)) if values else np.nan
    return means


def encoding_row(metrics: dict, encoding: str, of_layers: list[str]) -> dict:
    """Nodes, edges, normalised and raw topometrics of one encoding, from all families."""
    row = {}
    for content in metrics.values():
        entry = content["encodings"].get(encoding)
        if entry is None:
            continue
        row |= {"nodes": entry["nodes"], "edges": entry["edges"]}
        row |= {name: value for name, value in entry["normalised"].items() if name not in of_layers}
        row |= {f"raw_{name}": value for name, value in entry["raw"].items() if name not in of_layers}
    return row


def dense_statistics(dense: list[dict]) -> dict[tuple, tuple[float, float]]:
    """{(data set, architecture): mean and sample standard deviation of the dense accuracy over seeds}."""
    frame = pd.DataFrame(
        [d if "accuracy" in d else d | {"accuracy": read_json(d["training"])["accuracy"]} for d in dense]
    )
    if frame.empty:
        return {}
    grouped = frame.astype({"accuracy": float}).groupby(["dataset", "architecture"])["accuracy"]
    return {key: (values.mean(), values.std(ddof=1)) for key, values in grouped}


def network_rows(network: dict, cfg: dict, dense: dict, classes: dict) -> tuple[list[dict], list[dict]]:
    """Rows of both tables for one network."""
    identity = {key: network[key] for key in NETWORK}
    identity |= {"sparsity": float(network["sparsity"]), "seed": int(network["seed"])}
    training = read_json(network["training"]) if "training" in network else {**network, "collapsed": False}
    metrics = {family: read_json(path) for family, path in network["metrics"].items()}
    names = cfg["layer_metrics"]
    layers = layer_rows(identity, mask_counts(network["mask"]), layer_values(metrics, names))
    mean, deviation = dense.get((network["dataset"], network["architecture"]), (np.nan, np.nan))
    kind = network.get("family") or family(network["pruning"], cfg["families"])
    shared = identity | {"family": kind} | network_means(layers, names)
    shared |= {"accuracy": training["accuracy"], "collapsed": bool(training["collapsed"])}
    count = network["classes"] if "classes" in network else classes[network["dataset"]]
    shared |= {"dense_accuracy": mean, "dense_accuracy_std": deviation, "classes": count}
    found = [{"encoding": e} | encoding_row(metrics, e, names) for e in cfg["encodings"]]
    return [shared | entry for entry in found], layers


def main(networks: list[dict], dense: list[dict], datasets: dict, topometrics, layers, cfg: dict) -> None:
    """networks: records of NETWORK, training, mask, metrics {family: path}; dense: dataset, architecture, seed,
    training; datasets: {word: dataset.json}. The user's own networks have no training record: they say accuracy and
    classes, and perhaps family, and their dense records say accuracy. cfg: encodings, families {word: family that its
    script declares}, layer_metrics (names that the study has beside the paper's), path_score (path of its parameters).
    """
    names = list(dict.fromkeys([*LAYER_METRICS, *cfg["layer_metrics"]]))
    cfg = cfg | {"layer_metrics": names}
    statistics = dense_statistics(dense)
    classes = {word: read_json(path)["classes"] for word, path in datasets.items()}
    rows, layer_table = [], []
    for network in networks:
        new, new_layers = network_rows(network, cfg, statistics, classes)
        rows.extend(new)
        layer_table.extend(new_layers)
    first = [*NETWORK, "layer_id", "layer", "weights", "kept"]
    measured = list(dict.fromkeys([*names, *sorted({name for row in layer_table for name in row} - set(first))]))
    frame = pd.DataFrame(layer_table).reindex(columns=[*first, *measured])
    frame[measured] = frame[measured].astype(float)
    write_parquet(frame.sort_values([*NETWORK, "layer_id"], ignore_index=True), layers)
    pool = with_scores(pd.DataFrame(rows), frame, cfg["path_score"])
    pool = pool.reindex(columns=ordered_columns(pool.columns))
    numbers = [c for c in pool.columns if c not in {*NETWORK, "family", "encoding", "collapsed"}]
    pool[numbers] = pool[numbers].astype(float)
    pool["drop"] = accuracy_drop(pool["accuracy"], pool["dense_accuracy"])
    write_parquet(pool.sort_values(["encoding", *NETWORK], ignore_index=True), topometrics)
    print(f"{len(networks)} networks, {int(pool['collapsed'].sum()) // len(cfg['encodings'])} collapsed")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.params.networks,
            snakemake.params.dense,
            snakemake.params.datasets,
            snakemake.output.topometrics,
            snakemake.output.layers,
            snakemake.params.cfg | {"path_score": snakemake.params.path_score},
        )
