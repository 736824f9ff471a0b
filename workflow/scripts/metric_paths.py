"""Paths from input to output of the unrolled graph: how many, how strong, and what of the graph lies on none.

ln_paths is the natural logarithm of the number of directed paths from an input to an output node, every edge counted
once (exact up to the rounding of float64: one pass over the layers). ln_path_kernel_trace is the logarithm of the trace
of the path kernel, the sum over paths and over their edges of the squared product of the other edges' weights (Gebhart,
Saxena and Schrater 2021). live_edges are the edges on some path (what remains of the density without dead units:
Vysogorets and Kempe 2023, effective sparsity), live_channels the mean over the layers behind the input of the share of
channels with a unit on some path. On the bipartite encodings a path is an edge, and nothing is measured.
"""

import numpy as np

from sparse_topology.metrics import measure
from sparse_topology.metrics.measure import Missing

ENCODINGS = ["mge"]
DIVISORS = {"ln_paths": None, "ln_path_kernel_trace": None, "live_edges": "edges", "live_channels": None}
WEIGHTED = ["ln_path_kernel_trace"]
NO_PATH = Missing("no path from an input to an output")


def structured(graph, cfg) -> dict:
    from sparse_topology.metrics.path_counts import PathSums

    counts = PathSums(graph)
    ln_paths = counts.log_sum()
    ln_trace = PathSums(graph, squared_weights=True).log_sum_without_each_edge()
    return values(ln_paths, ln_trace, counts.edges_on_paths(), [unit.any((1, 2)) for unit in counts.live_units()])


def values(ln_paths: float, ln_trace: float, live_edges: int, live: list[np.ndarray]) -> dict:
    """live: per layer, bool [channels]. A trace of which every term is 0 (weights of 0) has no logarithm either."""
    return {
        "ln_paths": ln_paths if np.isfinite(ln_paths) else NO_PATH,
        "ln_path_kernel_trace": ln_trace if np.isfinite(ln_trace) else NO_PATH,
        "live_edges": live_edges,
        "live_channels": float(np.mean([channels.mean() for channels in live[1:]])),
    }


def reference(edges, cfg) -> dict:
    """Edge by edge in topological order (ids rise along every edge), in logarithms."""
    order = np.argsort(edges.source, kind="stable")
    source, target = edges.source[order].astype(int), edges.target[order].astype(int)
    square = edges.weight[order].astype(float) ** 2
    ones = np.ones(len(square))
    arriving, leaving = log_sums(source, target, ones, edges)
    arriving_squares, leaving_squares = log_sums(source, target, square, edges)
    outputs = members(edges.outputs, edges.node_count)
    live_edge = np.isfinite(arriving[source]) & np.isfinite(leaving[target])
    through = arriving_squares[source] + leaving_squares[target]
    live = np.isfinite(arriving) & np.isfinite(leaving)
    layers = [live[la.offset : la.offset + la.size].reshape(la.channels, -1).any(1) for la in edges.layers]
    ln_trace = np.logaddexp.reduce(through, initial=-np.inf)
    return values(np.logaddexp.reduce(arriving[outputs], initial=-np.inf), ln_trace, int(live_edge.sum()), layers)


def log_sums(source, target, value, edges):
    """ln of the sums over paths to each node and from each node: edges sorted by source, value >= 0 per edge."""
    arriving, leaving = (
        np.where(members(ends, edges.node_count), 0.0, -np.inf) for ends in (edges.inputs, edges.outputs)
    )
    with np.errstate(divide="ignore"):
        logs = np.log(value)
    for u, v, log in zip(source.tolist(), target.tolist(), logs.tolist(), strict=True):
        arriving[v] = np.logaddexp(arriving[v], arriving[u] + log)
    for u, v, log in zip(source[::-1].tolist(), target[::-1].tolist(), logs[::-1].tolist(), strict=True):
        leaving[u] = np.logaddexp(leaving[u], leaving[v] + log)
    return arriving, leaving


def members(ranges, size: int) -> np.ndarray:
    """bool [size]: which ids lie in any of the half-open ranges."""
    chosen = np.zeros(size, bool)
    for start, stop in ranges:
        chosen[start:stop] = True
    return chosen


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
