"""Paths from input to output of the unrolled graph: how many, how strong, and what of the graph lies on none.

ln_paths is the natural logarithm of the number of directed paths from an input to an output node, every edge counted
once (exact up to the rounding of float64: one pass over the layers). ln_path_kernel_trace is the logarithm of the trace
of the path kernel, the sum over paths and over their edges of the squared product of the other edges' weights (Gebhart,
Saxena and Schrater 2021). live_edges are the edges on some path, effective_density their share of the edges without a
mask (what remains of the density without dead units: Vysogorets and Kempe 2023). live_channels is the mean over the
layers behind the input of the share of channels with a unit on some path, live_density the share of the unmasked
kernels' edges between such channels that the masks keep. The last three are also given for each network layer, which
live_channels describes by the channels that it writes.

On the bipartite encodings nothing is measured: each graph is one layer, a path there is an edge, and which channels are
dead is decided by the other layers. The edge list does not say what the masks removed, so that the igraph engine gives
no densities.
"""

import numpy as np

from sparse_topology.metrics import measure
from sparse_topology.metrics.measure import Missing

ENCODINGS = ["mge"]
DIVISORS = {
    "ln_paths": None,
    "ln_path_kernel_trace": None,
    "live_edges": "edges",
    "live_channels": None,
    "live_density": None,
    "effective_density": None,
}
WEIGHTED = ["ln_path_kernel_trace"]
NO_PATH = Missing("no path from an input to an output")
NO_LIVE_CHANNEL = Missing("the layer joins no two channels on a path from an input to an output")
EXPLICIT = Missing("a reshape breaks the grid of positions: its edges belong to no channels")
NO_MASKS = Missing("the edge list does not say what the masks removed (engine: structured does)")


def structured(graph, cfg) -> dict:
    from sparse_topology.metrics.path_counts import PathSums

    counts = PathSums(graph)
    ln_paths = counts.log_sum()
    ln_trace = PathSums(graph, squared_weights=True).log_sum_without_each_edge()
    on_paths, live = counts.edges_on_paths(), [unit.any((1, 2)) for unit in counts.live_units()]
    found = values(ln_paths, ln_trace, sum(on_paths.values()), live)
    by_layer = counts.live_counts()
    if by_layer is None:
        return found | {"live_density": EXPLICIT, "effective_density": EXPLICIT}
    kept = {name: on_paths.get(name, 0) for name in by_layer}
    layers = {
        name: {"live_channels": layer["live_channels"] / layer["channels"]} | densities([layer], kept[name])
        for name, layer in by_layer.items()
    }
    return found | densities(by_layer.values(), sum(kept.values())) | {"layers": layers}


def densities(layers, edges_on_paths: int) -> dict:
    """Of layers' live_counts together: what the masks keep between live channels, and what of all is on a path."""
    inside, possible_inside, possible = (
        sum(layer[name] for layer in layers) for name in ("inside", "possible_inside", "possible")
    )
    return {
        "live_density": inside / possible_inside if possible_inside else NO_LIVE_CHANNEL,
        "effective_density": edges_on_paths / possible if possible else NO_LIVE_CHANNEL,
    }


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
    ln_paths = np.logaddexp.reduce(arriving[outputs], initial=-np.inf)
    found = values(ln_paths, ln_trace, int(live_edge.sum()), layers)
    return found | {"live_density": NO_MASKS, "effective_density": NO_MASKS}


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
