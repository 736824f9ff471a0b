# The graphs that a metric's job reads, and what its script is told.
import contextlib
import json


def measured_encodings(wildcards, folder=NETWORK):
    """The encodings that a metric's file holds: those of the study, and what it was measured on before the study dropped
    that encoding, as long as the graph is there; so that dropping one measures nothing again."""
    asked, folder = study.metric_encodings(wildcards.metric), placed(folder.format(**dict(wildcards.items())))
    dropped = [e for e in study.known["encodings"] if e not in study.encoded]
    dropped = [e for e in dropped if all(Path(folder, e, name).exists() for name in ("blocks.npz", "edges.parquet"))]
    if dropped:
        with contextlib.suppress(OSError, ValueError):
            held = json.loads(Path(folder, "metrics", f"{wildcards.metric}.json").read_text())["encodings"]
            asked = [e for e in study.known["encodings"] if e in asked or (e in dropped and e in held)]
    return asked


def metric_graphs(wildcards, folder=NETWORK):
    encodings = measured_encodings(wildcards, folder)
    return {
        **{f"{e}_blocks": f"{folder}/{e}/blocks.npz" for e in encodings},
        **{f"{e}_edges": f"{folder}/{e}/edges.parquet" for e in encodings},
    }


def metric_cfg(wildcards, folder=NETWORK):
    return {"encodings": measured_encodings(wildcards, folder), **study.options(wildcards.metric)}
