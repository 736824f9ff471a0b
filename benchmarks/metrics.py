"""Seconds and peak memory of every metric family, for both engines, each in a process of its own.

    python benchmarks/metrics.py resnet20 [--sparsity 0.6] [--families spectra motifs] [--encodings mge]
        [--engines structured igraph] [--timeout 600] [--first-run]
    python benchmarks/metrics.py torchvision:resnet50 --size 224 --sparsity 0.9 --engines structured
    python benchmarks/metrics.py --pool [--igraph-edges 5000000]

The network, one of ours (10 classes) or of torchvision (1,000), reads colour images of --size pixels; it has random
masks, equally dense in every layer, and its initial weights. `s` is what the job records for the encodings, reading and
computing, the second time in a process: without imports and compilation (the first time, if that took longer than 30
s). `CPU s` is the whole process with one such job, imports included, `peak MB` its largest resident memory, `ratio`
igraph's seconds over ours. `spectra` is both eigenvalue metrics; `paths`, which the paper has not, is measured if
named, by the igraph engine edge by edge. With --first-run the cache of compiled functions is empty, so that `CPU s`
includes all compilation.

--pool runs every architecture at every sparsity of the paper once and adds up what its 1,260 networks cost (63 of each
kind: 3 data sets, 7 algorithms, 3 seeds). The igraph engine is measured on graphs of up to --igraph-edges edges; larger
ones are taken to cost as much per edge as the last one measured, which is too low for n2.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
SCRIPTS = REPOSITORY / "workflow" / "scripts"
sys.path.append(str(SCRIPTS))

import numpy as np  # noqa: E402

from sparse_topology.files import read_json  # noqa: E402
from sparse_topology.graphs import geometry, layered, parquet, trace  # noqa: E402
from sparse_topology.graphs.rolled import rolled, rolled_channel  # noqa: E402
from sparse_topology.networks import architectures  # noqa: E402

PAPER_FAMILIES = (
    *("local", "neighbours", "motifs", "strength", "kcore", "components", "cuts", "spectra"),
    *("ramanujan", "density"),
)
FAMILIES = (*PAPER_FAMILIES, "paths")
ENCODINGS = ("mge", "rolled", "rolled_channel")
ENGINES = ("structured", "igraph")
PAPER = {"architectures": ("resnet20", "resnet32", "wrn28_2", "conv6"), "sparsities": (0.6, 0.8, 0.9, 0.95, 0.98)}
NETWORKS_OF_A_KIND = 3 * 7 * 3
JOB = """
import importlib, json, sys, time
from sparse_topology.metrics import measure
job = importlib.import_module(sys.argv[1])
engines = {"structured": job.structured, "igraph": job.reference}
paths, output, cfg = json.loads(sys.argv[2])
cfg["encodings"] = [name for name in cfg["encodings"] if name in job.ENCODINGS]
start = time.perf_counter()
measure.run(paths, output, cfg, job.DIVISORS, **engines)
cpu = time.process_time()
if time.perf_counter() - start < 30:
    measure.run(paths, output, cfg, job.DIVISORS, **engines)
print(cpu)
"""


def build(network: str):
    """An untrained network: an architecture's word, or torchvision:<name>."""
    library, _, name = network.rpartition(":")
    if library != "torchvision":
        return architectures.load(network)(10, 3)
    import torchvision

    return torchvision.models.get_model(name, weights=None)


def graphs(network: str, density: float, size: int) -> dict:
    """The three encodings of a network for colour images of size x size pixels."""
    import torch

    torch.manual_seed(0)
    module = build(network)
    traced = trace.trace(module, (3, size, size))
    weights = {p.key: module.state_dict()[p.key].numpy() for p in traced.parameters}
    rng = np.random.default_rng(0)
    masks = {key: rng.random(weight.shape) < density for key, weight in weights.items()}
    return {
        "mge": geometry.encode(traced, weights, masks),
        "rolled": rolled(traced.parameters, weights, masks),
        "rolled_channel": rolled_channel(traced.parameters, weights, masks),
    }


def write(encoded: dict, folder: Path, explicit: bool) -> dict:
    """Save the graphs as the encode rule does, the edge lists only if the igraph engine will read them."""
    paths = {}
    for name, encoding in encoded.items():
        paths[name] = {"blocks": str(folder / f"{name}.npz"), "edges": str(folder / f"{name}.parquet")}
        layered.save(encoding, paths[name]["blocks"])
        if explicit:
            parquet.write(encoding, paths[name]["edges"])
    return paths


def measure(family: str, engine: str, encodings, paths: dict, folder: Path, timeout: float, environment=None) -> dict:
    """Run one metric job: seconds, peak MB and results per encoding, and the CPU seconds of a process that does it."""
    output = folder / f"{family}.json"
    cfg = {"encodings": list(encodings), "engine": engine}
    arguments = [f"metric_{family}", json.dumps([paths, str(output), cfg])]
    path = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    variables = {**os.environ, "PYTHONPATH": path, **(environment or {})}
    try:
        done = subprocess.run(
            [sys.executable, "-c", JOB, *arguments], env=variables, timeout=timeout, check=True, stdout=subprocess.PIPE
        )
    except subprocess.TimeoutExpired:
        return {"cpu": None, "seconds": None, "peak": None, "encodings": {}}
    found = read_json(output)["encodings"]
    return {
        "cpu": float(done.stdout.split()[-1]),
        "seconds": sum(entry["seconds"] for entry in found.values()),
        "peak": max((entry["peak_memory_mb"] for entry in found.values()), default=0),
        "encodings": found,
    }


def compare(options) -> None:
    encoded = graphs(options.network, 1 - options.sparsity, options.size)
    for name, encoding in encoded.items():
        print(
            f"{options.network} at {options.sparsity}, {name}: {encoding.node_count} nodes, {encoding.edge_count} edges"
        )
    both = len(options.engines) == 2
    print(f"{'':12}" + "".join(f"{engine + ': s':>14}{'CPU s':>8}{'peak MB':>9}" for engine in options.engines), end="")
    print(f"{'ratio':>8}" if both else "")
    totals = {engine: [0.0, 0.0, 0.0] for engine in options.engines}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write(encoded, folder, "igraph" in options.engines)
        environment = {"NUMBA_CACHE_DIR": str(folder / "cache")} if options.first_run else {}
        for family in options.families:
            row = [
                measure(family, engine, options.encodings, paths, folder, options.timeout, environment)
                for engine in options.engines
            ]
            print(f"{family:12}" + "".join(map(cells, row)), end="", flush=True)
            print(f"{row[1]['seconds'] / row[0]['seconds']:8.1f}" if both and row[1]["seconds"] else "")
            for engine, result in zip(options.engines, row, strict=True):
                if result["seconds"] is not None:
                    total = totals[engine]
                    total[:] = total[0] + result["seconds"], total[1] + result["cpu"], max(total[2], result["peak"])
    print(f"{'all':12}" + "".join(f"{s:14.2f}{cpu:8.2f}{peak:9.0f}" for s, cpu, peak in totals.values()))


def cells(result: dict) -> str:
    if result["seconds"] is None:
        return f"{'timeout':>14}{'':8}{'':9}"
    return f"{result['seconds']:14.2f}{result['cpu']:8.2f}{result['peak']:9.0f}"


def pool(options) -> None:
    """CPU hours of the paper's networks, all families and encodings, with either engine."""
    hours = dict.fromkeys(ENGINES, 0.0)
    per_edge = float("nan")
    for network in PAPER["architectures"]:
        for sparsity in sorted(PAPER["sparsities"], reverse=True):
            encoded = graphs(network, 1 - sparsity, 32)
            count = encoded["mge"].edge_count
            explicit = count <= options.igraph_edges
            with tempfile.TemporaryDirectory() as name:
                paths = write(encoded, Path(name), explicit)
                cpu = {
                    engine: sum(
                        measure(family, engine, ENCODINGS, paths, Path(name), 3600)["cpu"] for family in PAPER_FAMILIES
                    )
                    for engine in (ENGINES if explicit else ENGINES[:1])
                }
            if explicit:
                per_edge = cpu["igraph"] / count
            costs = {"structured": cpu["structured"], "igraph": per_edge * count}
            for engine, seconds in costs.items():
                hours[engine] += NETWORKS_OF_A_KIND * seconds / 3600
            note = "measured" if explicit else "scaled by edges"
            print(
                f"{network} {sparsity}: {count} edges, structured {costs['structured']:.1f} s, "
                f"igraph {costs['igraph']:.0f} s ({note})",
                flush=True,
            )
    kinds = len(PAPER["architectures"]) * len(PAPER["sparsities"])
    print(f"{kinds * NETWORKS_OF_A_KIND} networks: " + ", ".join(f"{e} {h:.1f} CPU hours" for e, h in hours.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", help="an architecture's word, or torchvision:<name>")
    parser.add_argument("--size", type=int, default=32, help="of an image, in pixels (32)")
    parser.add_argument("--sparsity", type=float, default=0.6)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=PAPER_FAMILIES)
    parser.add_argument("--encodings", nargs="+", choices=ENCODINGS, default=("mge",))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--timeout", type=float, default=600, help="seconds that one job may take")
    parser.add_argument("--first-run", action="store_true", help="with an empty cache of compiled functions")
    parser.add_argument("--pool", action="store_true", help="the cost of the paper's 1,260 networks")
    parser.add_argument("--igraph-edges", type=int, default=5_000_000)
    options = parser.parse_args()
    if options.pool:
        pool(options)
    elif options.network:
        compare(options)
    else:
        parser.error("name a network, or --pool")


if __name__ == "__main__":
    main()
