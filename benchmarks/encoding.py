"""Encoding speed and size: the encode rule on networks with random masks, against a plain Parquet file.

    python benchmarks/encoding.py [--architectures conv6 resnet20] [--densities 0.4375 0.02] [--classes 10] [--plain]

One line per network and density: edges; seconds (wall and CPU), peak memory and bytes per edge of the MGE's blocks and
edge list, made by the rule's own code in a process of its own. --plain: also the same edges in a Parquet file as
pyarrow writes it by default (all edges in memory, dictionaries, snappy). Conv-6 at density 0.4375 has 105 M edges.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "workflow" / "scripts"))

import encode  # noqa: E402

from sparse_topology.graphs import geometry, layered  # noqa: E402
from sparse_topology.pruning.masks import save_masks  # noqa: E402


def prepare(folder: Path, word: str, classes: int, density: float) -> None:
    """The encode rule's input files: geometry.npz, model.pt, mask.npz."""
    import torch

    from sparse_topology.graphs.trace import trace
    from sparse_topology.networks.architectures import load

    torch.manual_seed(0)
    network = load(word)(classes, 3)
    traced = trace(network, (3, 32, 32))
    geometry.save(traced, folder / "geometry.npz")
    torch.save(network.state_dict(), folder / "model.pt")
    rng = np.random.default_rng(0)
    save_masks(folder / "mask.npz", {p.key: rng.random(p.shape) < density for p in traced.parameters})


def encoded(folder: Path) -> None:
    """What the rule does for the MGE."""
    files = [folder / name for name in ("geometry.npz", "model.pt", "mask.npz")]
    names = {"blocks": "blocks.npz", "edges": "edges.parquet", "nodes": "nodes.parquet"}
    output = {f"mge_{key}": folder / name for key, name in names.items()}
    encode.main(*files, output)


def plain(folder: Path) -> None:
    """The same edges with pyarrow's defaults."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = layered.all_edges(layered.load(folder / "blocks.npz"))
    pq.write_table(pa.table(dict(zip(("source", "target", "weight"), columns, strict=True))), folder / "plain.parquet")


def measured(job, arguments, results) -> None:
    """Run `job` and report its wall seconds, the process's CPU seconds and its peak memory in GB."""
    start = time.perf_counter()
    job(*arguments)
    used = resource.getrusage(resource.RUSAGE_SELF)
    results.put((time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20))


def alone(job, *arguments):
    """`measured` in a new process. This one never imports torch: a child's peak memory starts at its parent's."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=measured, args=(job, arguments, results))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{job.__name__} failed")
    return results.get()


def report(job, folder: Path, written: list[str]) -> None:
    wall, cpu, memory = alone(job, folder)
    edges = layered.load(folder / "blocks.npz").edge_count
    sizes = ", ".join(f"{name} {(folder / name).stat().st_size / edges:.3f} bytes/edge" for name in written)
    times = f"{wall:.1f} s wall, {cpu:.1f} s CPU, {memory:.2f} GiB"
    print(f"  {job.__name__}: {edges:,} edges, {times}, {sizes}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", default=["conv6", "resnet20"])
    parser.add_argument("--densities", nargs="+", type=float, default=[0.4375, 0.02])
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--plain", action="store_true")
    arguments = parser.parse_args()
    for word in arguments.architectures:
        for density in arguments.densities:
            print(f"{word}, density {density}")
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                alone(prepare, folder, word, arguments.classes, density)
                report(encoded, folder, ["edges.parquet", "blocks.npz"])
                if arguments.plain:
                    report(plain, folder, ["plain.parquet"])


if __name__ == "__main__":
    main()
