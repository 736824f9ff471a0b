"""What every metric script shares: over the encodings of one network, from graphs to the metric's JSON file."""

import math
import re
import resource
import sys
import time
from functools import partial
from pathlib import Path

from sparse_topology.files import write_json
from sparse_topology.graphs import bipartite, layered
from sparse_topology.job import InputError, job


class NotANumber(ArithmeticError):
    """A metric whose engine returned no finite number; the message names it."""


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

    Raises InputError for an engine that there is not, and for a value that is no number: then the script of the metric
    is at fault, and the message names metric, encoding and network.
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
        try:
            entry = measured(whole, partial(measure, cfg=cfg), divisors, count_empty_layers)
        except NotANumber as error:
            raise InputError(
                f"metric_{family}.py: {error} on {encoding} of {Path(output).parent.parent}; a metric returns a finite "
                "number, or Missing with the reason"
            ) from error
        entry["seconds"] = time.perf_counter() - start
        entry["peak_memory_mb"] = peak_memory() / 1e6
        result["encodings"][encoding] = entry
        print(f"{encoding}: {entry['nodes']} nodes, {entry['edges']} edges, {entry['seconds']:.2f} s", entry["raw"])
    write_json(output, result)


def measured(whole, measure, divisors, count_empty_layers: bool) -> dict:
    """The entry of one encoding: values of the whole graph, and of the network's layers."""
    if whole.encoding == "mge":
        raw = dict(measure(whole))
        layers = {name: values_of_layer(values) for name, values in raw.pop("layers", {}).items()}
        return describe(whole, raw, divisors) | {"layers": layers}
    layers = {name: describe(part, measure(part), divisors) for name, part in bipartite.layer_graphs(whole).items()}
    counted = [layer for layer in layers.values() if layer["edges"] or count_empty_layers]
    return {"nodes": whole.node_count, "edges": whole.edge_count, **means(counted), "layers": layers}


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
    numbers = {metric: plain(value, metric) for metric, value in raw.items()}
    normalised = {
        metric: normalise(raw[metric], divisor, part.node_count, part.edge_count)
        for metric, divisor in divisors.items()
        if metric in raw
    }
    reasons = {metric: str(value) for metric, value in (raw | normalised).items() if isinstance(value, Missing)}
    return {
        "nodes": part.node_count,
        "edges": part.edge_count,
        "raw": numbers,
        "normalised": {metric: plain(value, metric) for metric, value in normalised.items()},
        "missing": reasons,
    }


def values_of_layer(values: dict) -> dict:
    """What an engine says of one network layer of the unrolled graph, as `describe` does of a whole graph."""
    numbers = {metric: plain(value, metric) for metric, value in values.items()}
    missing = {metric: str(value) for metric, value in values.items() if isinstance(value, Missing)}
    return {"raw": numbers, "normalised": numbers, "missing": missing}


def normalise(value, divisor, nodes, edges):
    """value / N, value / E, or the value itself; without nodes or edges to divide by there is no value."""
    if isinstance(value, Missing) or divisor is None:
        return value
    size = {"nodes": nodes, "edges": edges}[divisor]
    return value / size if size else Missing(f"the graph has no {divisor}")


def plain(value, metric: str):
    """A JSON number, or None where it is missing; anything else, NaN too, is a fault of the metric, never a result."""
    if isinstance(value, Missing):
        return None
    try:
        number = value if isinstance(value, int) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise NotANumber(f"{metric} is {str(value)[:60]!r}")
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
