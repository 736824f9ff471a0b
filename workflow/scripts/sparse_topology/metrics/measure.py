"""What every metric script shares: over the encodings of one network, from graphs to the metric's JSON file."""

import math
import re
import resource
import sys
import time
from pathlib import Path

from sparse_topology.files import write_json
from sparse_topology.graphs import bipartite, layered
from sparse_topology.job import InputError, job


class Missing(str):
    """The reason why a metric has no value, in the place of the value."""


def main(snakemake, divisors, **engines):
    """The job of a metric script: `run` on the graphs of the rule's inputs."""
    with job(snakemake.log[0]):
        cfg = snakemake.params.cfg
        run(graph_files(snakemake.input, cfg), snakemake.output[0], cfg, divisors, **engines)


def run(inputs, output, cfg, divisors, count_empty_layers=False, **engines):
    """Measure every encoding of `cfg` and write the results as JSON to `output`, <family>.json.

    inputs: {encoding: {"blocks": path, "edges": path or None}}. cfg: encodings, and engine unless the first is meant.
    divisors: {metric: "nodes", "edges" or None}, the divisor of the raw value; a raw value that is not named there is
    stored as it is and not normalised. engines: structured(LayeredGraph, cfg), igraph(EdgeList, cfg) or both; each
    returns {metric: raw value or Missing}, of the unrolled graph perhaps also "layers": {network layer: {metric:
    value or Missing}}, which is normalised by nothing.

    A bipartite encoding is measured layer by layer; its own values are the means of the layers' raw and of their
    normalised values over the layers that have edges (over all layers with `count_empty_layers`).

    Raises InputError for an engine that there is not.
    """
    family = Path(output).stem
    engine = cfg.get("engine", next(iter(engines)))
    if engine not in engines:
        raise InputError(f"options.{family}.engine: {engine!r} is not known; allowed: {', '.join(engines)}")
    result = {"family": family, "engine": engine, "encodings": {}}
    measure = engines[engine]
    for encoding in cfg["encodings"]:
        start = time.perf_counter()
        whole = read(inputs[encoding], engine)
        if encoding == "mge":
            raw = dict(measure(whole, cfg))
            layers = {name: values_of_layer(values) for name, values in raw.pop("layers", {}).items()}
            entry = describe(whole, raw, divisors) | {"layers": layers}
        else:
            layers = {
                name: describe(part, measure(part, cfg), divisors)
                for name, part in bipartite.layer_graphs(whole).items()
            }
            counted = [layer for layer in layers.values() if layer["edges"] or count_empty_layers]
            entry = {"nodes": whole.node_count, "edges": whole.edge_count, **means(counted), "layers": layers}
        entry["seconds"] = time.perf_counter() - start
        entry["peak_memory_mb"] = peak_memory() / 1e6
        result["encodings"][encoding] = entry
        print(f"{encoding}: {entry['nodes']} nodes, {entry['edges']} edges, {entry['seconds']:.2f} s", entry["raw"])
    write_json(output, result)


def peak_memory() -> float:
    """Largest resident memory of this process so far, bytes.

    From /proc where there is one: getrusage also counts what the process was forked from.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.search(r"VmHWM:\s*(\d+)", status.read_text(encoding="utf-8"))[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def read(paths, engine):
    """The LayeredGraph for the structured engine, the EdgeList for igraph: from its file, or from the blocks if there
    is none."""
    if engine == "structured":
        return layered.load(paths["blocks"])
    from sparse_topology.graphs import edge_list

    return edge_list.read(paths["edges"]) if paths["edges"] else edge_list.unroll(layered.load(paths["blocks"]))


def graph_files(files, cfg) -> dict:
    """{encoding: {"blocks": path, "edges": path}} from a rule's named inputs."""
    return {e: {"blocks": files[f"{e}_blocks"], "edges": files.get(f"{e}_edges")} for e in cfg["encodings"]}


def describe(part, raw: dict, divisors: dict) -> dict:
    """Raw and normalised values as JSON holds them: null for what is missing, and its reason beside it."""
    normalised = {
        metric: normalise(raw[metric], divisor, part.node_count, part.edge_count)
        for metric, divisor in divisors.items()
        if metric in raw
    }
    reasons = {metric: str(value) for metric, value in (raw | normalised).items() if isinstance(value, Missing)}
    return {
        "nodes": part.node_count,
        "edges": part.edge_count,
        "raw": {metric: plain(value) for metric, value in raw.items()},
        "normalised": {metric: plain(value) for metric, value in normalised.items()},
        "missing": reasons,
    }


def values_of_layer(values: dict) -> dict:
    """What an engine says of one network layer of the unrolled graph, as `describe` does of a whole graph."""
    numbers = {metric: plain(value) for metric, value in values.items()}
    missing = {metric: str(value) for metric, value in values.items() if isinstance(value, Missing)}
    return {"raw": numbers, "normalised": numbers, "missing": missing}


def normalise(value, divisor, nodes, edges):
    """value / N, value / E, or the value itself; without nodes or edges to divide by there is no value."""
    if isinstance(value, Missing) or divisor is None:
        return value
    size = {"nodes": nodes, "edges": edges}[divisor]
    return value / size if size else Missing(f"the graph has no {divisor}")


def plain(value):
    """A JSON number, or None; a value that is not finite is a fault of the metric, never a result."""
    if isinstance(value, Missing):
        return None
    number = value if isinstance(value, int) else float(value)
    if not math.isfinite(number):
        raise ArithmeticError(f"a metric returned {number}")
    return number


def means(layers: list[dict]) -> dict:
    """Mean over the layers that have a value, of raw and normalised values each."""
    result = {"raw": {}, "normalised": {}, "missing": {}}
    for kind in ("raw", "normalised"):
        for metric in dict.fromkeys(name for layer in layers for name in layer[kind]):
            values = [layer[kind][metric] for layer in layers if layer[kind][metric] is not None]
            result[kind][metric] = sum(values) / len(values) if values else None
            if not values:
                result["missing"][metric] = "no layer has a value"
    return result
