"""The authors' released per-network results, in the schema of our own pool (sparse_topology/analysis/pool.py).

topometrics.parquet and layers.parquet hold the paper's four architectures and seven algorithms, as its tables do;
release.parquet, of the pool's schema, holds all that was released: dynamic sparse training and MobileNetV2 too.

The files' quirks (columns, duplicates, swapped names, the join by row order) are described in docs/analysis.md.
"""

import gzip
import hashlib
import io
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from sparse_topology.analysis.design import LAYER_METRICS, LAYERWISE_RANDOM, NETWORK, PRUNING_AT_INITIALISATION
from sparse_topology.analysis.path_score import with_scores
from sparse_topology.analysis.pool import (
    TOPOMETRICS,
    accuracy_drop,
    ordered_columns,
    write_parquet,
)
from sparse_topology.data.downloads import checksums
from sparse_topology.families import family
from sparse_topology.job import InputError, job

PAPER_ARCHITECTURES = {"conv6": "conv6", "resnet20": "resnet20", "resnet32": "resnet32", "wideresnet282": "wrn28_2"}
ARCHITECTURES = PAPER_ARCHITECTURES | {"mobilenetv2": "mobilenetv2"}
DATASETS = {"cifar10": "cifar10", "cifar100": "cifar100", "tinyimagenet": "tiny_imagenet"}
CLASSES = {"cifar10": 10, "cifar100": 100, "tiny_imagenet": 200}
ALGORITHMS = [*PRUNING_AT_INITIALISATION, *LAYERWISE_RANDOM]
DYNAMIC = ["rigl", "itop", "snfs", "dsr"]
CELL = len(ALGORITHMS) * 5 * 3  # networks of an architecture and data set: with five sparsities and three seeds

KEYS = ["accuracy", "sparsity", "seed", "model"]
UNROLLED = {
    "sink_nodes": "sink",
    "source_nodes": "source",
    "disc_nodes": "disconnected",
    # The released names are the wrong way round: "r-out" sums the in-degrees of the sinks.
    "r-out": "r_in",
    "r-in": "r_out",
    "1-hop_nei": "n1",
    "2-hop_nei": "n2",
    "motif": "motif4",
    "avg_node_strength": "strength",
    "k-core": "k_core",
    "no_connected_components": "components",
    "mean_connected_components": "component_size",
    "cut-edges": "cut_edges",
    "cut-nodes": "cut_nodes",
    "spectral_gap": "spectral_gap",
    "spectral_radius": "spectral_radius",
}
# Per-layer files come with these columns, or (two files) with the names of the unrolled one.
BIPARTITE = {
    "bridges": "cut_edges",
    "a_point": "cut_nodes",
    "motifs_count": "motif3",
    "nei_one_hop": "n1",
    "strenght_all": "strength",
    "coreness_all": "k_core",
    "strong_clusters": "components",
    "mean_strong": "component_size",
    "spectral_gap_weighted_undirected": "spectral_gap",
    "spectral_radius_laplacian_weighted_undirected": "spectral_radius",
}
BIPARTITE_RENAMED = {released: ours for released, ours in UNROLLED.items() if ours in BIPARTITE.values()} | {
    "motif": "motif3"
}
RAMANUJAN = {
    "layer_sparsity": "layer_density",
    "degree_bound": "delta_r",
    "iterative_degree_bound": "delta_r_imdb",
    "iterative_spectral_gap": "lambda_imsg",
}


def word(name: str) -> str:
    """A released or printed name without case and punctuation: CONV-6 and Conv-6 are both conv6."""
    return "".join(c for c in name.lower() if c.isalnum())


def read(path: Path, columns: list[str], sums: dict[str, str]) -> pd.DataFrame:
    """A released file, plain or gzipped. columns: those that it must have; sums: {end of a path: SHA-256}, of the plain
    files that must be the release's.

    Raises InputError for a file that is not the one that it should be, that was cut off, or whose accuracies or
    sparsities are none.
    """
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        frame = pd.read_csv(io.BytesIO(content)).rename(columns={"pruning_algorithm": "pruning"})
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise InputError(f"published data: {path} is cut off or altered ({error}); replace or delete it") from error
    expected = next((digest for name, digest in sums.items() if str(path).endswith(f"/{name}")), None)
    if expected and hashlib.sha256(content).hexdigest() != expected:
        raise InputError(f"published data: {path} is not the released file; delete it and run again")
    if not content.endswith(b"\n"):
        raise InputError(f"published data: {path} is cut off: its last line has no end; replace it")
    if missing := [name for name in columns if name not in frame]:
        raise InputError(f"published data: {path} has no column {missing[0]!r}; needed are {', '.join(columns)}")
    for name, low, high in (("accuracy", 0, 1), ("sparsity", 0, 1)):
        wrong = frame[name][~pd.to_numeric(frame[name], "coerce").between(low, high)]
        if len(wrong):
            raise InputError(f"published data: {path} has the {name} {wrong.iloc[0]}; allowed: numbers from 0 to 1")
    return frame


def check_counts(frame: pd.DataFrame, path) -> None:
    """Raises InputError where more than a tenth of the paper's networks of an architecture and data set is missing, or
    a part of a network's layers."""
    rows = known(frame.drop_duplicates())
    rows = rows[of_the_paper(rows)]
    layers = rows.groupby(NETWORK).size()
    for cell, count in layers.groupby(["dataset", "architecture"]).size().items():
        if count < 0.9 * CELL:
            raise InputError(
                f"published data: {path} has {count} networks of {' and '.join(cell)}, the paper {CELL}: it is cut off"
            )
    if "layer_id" in rows and (short := layers[layers < layers.groupby("architecture").transform("max")]).any():
        raise InputError(f"published data: {path} lacks layers of {' '.join(map(str, short.index[0]))}")


def check_accuracies(rows: list[pd.DataFrame]) -> None:
    """Raises InputError where two files state different accuracies of one network: one of them was shuffled."""
    stated = pd.concat([part[[*NETWORK, "accuracy"]] for part in rows], ignore_index=True)
    accuracies = stated.groupby(NETWORK)["accuracy"].agg(["min", "max"])
    differing = accuracies[accuracies["max"] - accuracies["min"] > 1e-6]
    if len(differing):
        network, (low, high) = " ".join(map(str, differing.index[0])), differing.iloc[0]
        raise InputError(
            f"published data: {len(differing)} networks have another accuracy in one file than in another, {network} "
            f"{low:g} and {high:g}; take all files from one release"
        )


def known(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the architectures, data sets and algorithms that have a word here, under it."""
    frame = frame.rename(columns={"model": "architecture"})
    frame["architecture"] = frame["architecture"].map(lambda name: ARCHITECTURES.get(word(name)))
    frame["dataset"] = frame["dataset"].map(lambda name: DATASETS.get(word(name)))
    frame["pruning"] = frame["pruning"].str.lower()
    keep = frame["architecture"].notna() & frame["dataset"].notna() & frame["pruning"].isin([*ALGORITHMS, *DYNAMIC])
    return frame[keep].reset_index(drop=True)


def of_the_paper(rows: pd.DataFrame) -> pd.Series:
    """Which rows are of the paper's architectures and algorithms, bool [n]."""
    return rows["architecture"].isin(PAPER_ARCHITECTURES.values()) & rows["pruning"].isin(ALGORITHMS)


def unrolled(frame: pd.DataFrame, divisors: dict) -> pd.DataFrame:
    """unrolled.csv -> one row per network: normalised as released, raw values recovered from them."""
    frame = known(frame.drop_duplicates()).rename(columns=UNROLLED)
    repeated = frame.duplicated(NETWORK, keep=False)
    if (repeated & of_the_paper(frame)).any():
        rows = (repeated & of_the_paper(frame)).sum()
        raise InputError(f"published data: {rows} rows of unrolled.csv are of one network and have different values")
    if repeated.any():
        print(f"{repeated.sum()} rows beyond the paper are of one network and have different values; left out")
        frame = frame[~repeated].reset_index(drop=True)
    for name in UNROLLED.values():
        scale = divisors[name]
        frame[f"raw_{name}"] = frame[name] * (frame[scale] if scale else 1.0)
    # Networks without a single local metric are those that the authors' code found disconnected.
    return frame.assign(encoding="mge", collapsed=frame[["sink", "source", "r_in", "r_out"]].isna().all(axis=1))


def layers_with_ramanujan(rolled: pd.DataFrame, ramanujan: pd.DataFrame, name: str) -> pd.DataFrame:
    """Join a rolled file and the Ramanujan file of the same name by row order: the latter names no algorithm."""
    keys = ["accuracy", "sparsity", "seed", "model", "dataset", "layer_id"]
    aligned = len(rolled) == len(ramanujan) and (rolled[keys].to_numpy() == ramanujan[keys].to_numpy()).all()
    if not (aligned and np.allclose(rolled["layer_sparsity"], ramanujan["layer_sparsity"])):
        raise InputError(f"published data: the rows of the two files {name} do not match; take both from one release")
    columns = [*RAMANUJAN, "no_weights", "no_params"]
    return pd.concat([rolled.drop(columns="layer_sparsity"), ramanujan[columns]], axis=1)


def layer_table(joined: pd.DataFrame) -> pd.DataFrame:
    """The rows of layers.parquet: sizes, density and the Ramanujan metrics. Infinite (bound 0) counts as missing."""
    names = {"layer_name": "layer", "no_weights": "kept", "no_params": "weights"} | RAMANUJAN
    frame = known(joined).rename(columns=names)
    frame = frame[[*NETWORK, "accuracy", "layer_id", "layer", "weights", "kept", *LAYER_METRICS]]
    return frame.replace([np.inf, -np.inf], np.nan).astype({"weights": int, "kept": int})


def bipartite(frame: pd.DataFrame, encoding: str, divisors: dict) -> pd.DataFrame:
    """A per-layer file -> one row per network: normalise per layer, then the mean over the layers that have edges."""
    names = BIPARTITE if "bridges" in frame.columns else BIPARTITE_RENAMED
    if missing := [name for name in ("nodes", "edges", *names) if name not in frame]:
        raise InputError(f"published data: a file of {encoding} has no column {missing[0]!r}")
    frame = known(frame).rename(columns=names)
    metrics = sorted(set(names.values()), key=TOPOMETRICS.index)
    values = frame[[*NETWORK, "accuracy", "nodes", "edges"]].copy()
    present = frame["edges"] > 0
    for name in metrics:
        raw = frame[name].where(present)
        scale = divisors[name]
        values[name] = raw / frame[scale] if scale else raw
        values[f"raw_{name}"] = raw
    sizes = {"nodes": "sum", "edges": "sum"}
    means = dict.fromkeys(values.columns.difference([*NETWORK, *sizes]), "mean")
    return values.groupby(NETWORK, as_index=False).agg(sizes | means).assign(encoding=encoding)


def dense_accuracy(paper: pd.DataFrame) -> pd.DataFrame:
    """The dense baselines of Tables 8 to 10 as fractions: dataset, architecture, dense_accuracy and its std."""
    dense = paper[paper["pruning"] == "dense"]
    return pd.DataFrame(
        {
            "dataset": dense["dataset"].map(lambda name: DATASETS[word(name)]),
            "architecture": dense["architecture"].map(lambda name: ARCHITECTURES[word(name)]),
            "dense_accuracy": dense["accuracy_mean"] / 100,
            "dense_accuracy_std": dense["accuracy_std"] / 100,
        }
    )


def published_files(files) -> dict[tuple[str, str], Path]:
    """{(kind, file name without .gz): path}; kind is unrolled, rolled, rolled_channel or ramanujan."""
    found = {}
    for path in map(Path, files):
        kind = "ramanujan" if path.parts[-3] == "ramanunjan_results" else path.parts[-2]
        found[kind, path.name.removesuffix(".gz")] = path
    if ("unrolled", "unrolled.csv") not in found:
        raise InputError("published.path: no graph_metrics/unrolled/unrolled.csv (or .csv.gz) in it")
    return found


def assemble(rows: list[pd.DataFrame], layers: pd.DataFrame, dense: pd.DataFrame) -> pd.DataFrame:
    """The pool of all encodings with outcome and per-network layer metrics."""
    pool = pd.concat(rows, ignore_index=True)
    means = layers.groupby(NETWORK)[LAYER_METRICS].mean().reset_index()
    collapsed = pool[pool["collapsed"].eq(True)][NETWORK].assign(collapsed=True)
    pool = pool.drop(columns="collapsed").merge(collapsed, how="left", on=NETWORK)
    pool = pool.merge(means, how="left", on=NETWORK).merge(dense, how="left", on=["dataset", "architecture"])
    pool["collapsed"] = pool["collapsed"].eq(True)
    pool["family"] = pool["pruning"].map(family)
    pool["classes"] = pool["dataset"].map(CLASSES)
    pool["drop"] = accuracy_drop(pool["accuracy"], pool["dense_accuracy"])
    return pool.reindex(columns=ordered_columns(pool.columns)).sort_values(["encoding", *NETWORK], ignore_index=True)


def main(files, paper_accuracy, topometrics, layers, release, cfg: dict, sums=None) -> None:
    """cfg: divisors, {topometric: "nodes", "edges" or None}; path_score, path of its parameters. sums: the file of
    checksums that `files` must have; without it others will do, as far as they are plausible."""
    found, sums = published_files(files), checksums(sums) if sums else {}
    path = found["unrolled", "unrolled.csv"]
    frame = read(path, [*KEYS, "dataset", "pruning", "nodes", "edges", *UNROLLED], sums)
    check_counts(frame, path)
    rows = [unrolled(frame, cfg["divisors"])]
    layer_rows = []
    for (kind, name), path in found.items():
        if kind in ("rolled", "rolled_channel"):
            frame = read(path, [*KEYS, "dataset", "pruning", "layer_id", "layer_name", "layer_sparsity"], sums)
            check_counts(frame, path)
            rows.append(bipartite(frame, kind, cfg["divisors"]))
            if kind == "rolled" and ("ramanujan", name) in found:
                columns = [*KEYS, "dataset", "layer_id", *RAMANUJAN, "no_weights", "no_params"]
                joined = layers_with_ramanujan(frame, read(found["ramanujan", name], columns, sums), name)
                layer_rows.append(layer_table(joined))
    if not layer_rows:
        raise InputError("published.path: no pair of graph_metrics/rolled/ and ramanunjan_results/ files in it")
    layer_frame = pd.concat(layer_rows, ignore_index=True).sort_values([*NETWORK, "layer_id"], ignore_index=True)
    check_accuracies(rows)
    pool = assemble(rows, layer_frame, dense_accuracy(pd.read_csv(paper_accuracy)))
    pool = with_scores(pool, layer_frame, cfg["path_score"]).reindex(columns=pool.columns)
    write_parquet(pool, release)
    print(f"{len(pool.drop_duplicates(NETWORK))} networks in the release")
    pool, layer_frame = (part[of_the_paper(part)].reset_index(drop=True) for part in (pool, layer_frame))
    write_parquet(pool, topometrics)
    write_parquet(layer_frame.drop(columns="accuracy"), layers)
    print(f"{len(pool)} rows, {len(pool.drop_duplicates(NETWORK))} networks, {len(layer_frame)} layers of the paper")


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            list(snakemake.input.files),
            snakemake.input.paper_accuracy,
            snakemake.output.topometrics,
            snakemake.output.layers,
            snakemake.output.release,
            snakemake.params.cfg | {"path_score": snakemake.params.path_score},
            snakemake.input.get("checksums"),
        )
