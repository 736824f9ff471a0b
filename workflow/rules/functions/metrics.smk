# The graphs that a metric's job reads, and what its script is told.
import contextlib
import json


def measured_encodings(wildcards, folder=NETWORK):
    """The encodings that a metric's file holds: those of the study, and what it was measured on before the study dropped
    that encoding, as long as the graph is there; so that dropping one measures nothing again."""
    asked, folder = study.metric_encodings(wildcards.metric), placed(folder.format(**dict(wildcards.items())))
    dropped = [e for e in study.known["encodings"] if e not in study.encoded]
    names = graph_files(wildcards.metric).values()
    dropped = [e for e in dropped if all(Path(folder, e, name).exists() for name in names)]
    if dropped:
        with contextlib.suppress(OSError, ValueError):
            held = json.loads(Path(folder, "metrics", f"{wildcards.metric}.json").read_bytes())["encodings"]
            asked = [e for e in study.known["encodings"] if e in asked or (e in dropped and e in held)]
    return asked


def graph_files(family):
    """The files of an encoding that a family reads: the edge list only where its engine is igraph and that is written."""
    of_igraph = study.options(family).get("engine") == "igraph" and study.options("mge")["parquet"]
    return {"blocks": "blocks.npz"} | ({"edges": "edges.parquet"} if of_igraph else {})


def metric_graphs(wildcards, folder=NETWORK):
    encodings, names = measured_encodings(wildcards, folder), graph_files(wildcards.metric)
    return {f"{e}_{key}": f"{folder}/{e}/{name}" for e in encodings for key, name in names.items()}


def metric_cfg(wildcards, folder=NETWORK):
    return {"encodings": measured_encodings(wildcards, folder), **study.options(wildcards.metric)}
