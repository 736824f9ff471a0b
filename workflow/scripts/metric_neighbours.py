"""Neighbourhoods: mean number of nodes within one and within two directed hops (paper, Table 2, neighbour metrics).

The node itself counts, as in igraph's neighborhood_size. On the bipartite encodings every path has one edge: n1 only.
"""

import numpy as np

from sparse_topology.graphs.layered import EdgeBlock
from sparse_topology.metrics import measure
from sparse_topology.metrics.two_hops import forward_steps, layer_pair, pair_classes, single_paths

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"n1": "edges", "n2": "edges"}
WEIGHTED = []


def structured(graph, cfg) -> dict:
    """n1 = 1 + E / N; n2 = 1 + (pairs (u, v) with an edge or a two-edge path from u to v) / N."""
    raw = {"n1": 1 + graph.edge_count / graph.node_count}
    if graph.encoding == "mge":
        explicit = any(isinstance(block, EdgeBlock) for block in graph.blocks)
        pairs = explicit_pairs(graph) if explicit else two_hop_pairs(graph)
        raw["n2"] = 1 + pairs / graph.node_count
    return raw


def two_hop_pairs(graph) -> int:
    """Number of ordered node pairs (u, v), v != u, where v is one or two edges behind u; parallel paths count once."""
    steps = forward_steps(graph)
    shapes = [(layer.channels, layer.height, layer.width) for layer in graph.layers]
    ends = {(a.near, b.far) for a in steps for b in steps if a.far == b.near}
    total = sum(block.edge_count for block in graph.blocks if (block.source, block.target) not in ends)
    for s, t in ends:
        routes = [(a, b) for a in steps for b in steps if a.near == s and a.far == b.near and b.far == t]
        direct = [a for a in steps if (a.near, a.far) == (s, t)]
        pair = layer_pair(shapes[s], shapes[t], routes, direct)
        paths = single_paths(pair)
        if paths is not None:
            total += paths
            continue
        for pairs in pair_classes(pair):
            reached = pairs.routes if pairs.direct is None else pairs.routes + pairs.direct
            total += int(pairs.multiplicity @ np.count_nonzero(reached, axis=(1, 2)))
    return total


def explicit_pairs(graph, paths_at_once: int = 1 << 24) -> int:
    """The same from an edge list: stored entries of A + A A, by runs of rows that hold at most that many paths."""
    from scipy import sparse

    from sparse_topology.graphs.edge_list import unroll

    edges = unroll(graph)
    n = edges.node_count
    ones = np.ones(edges.edge_count, np.int32)
    matrix = sparse.csr_array((ones, (edges.source, edges.target)), (n, n))
    paths = np.cumsum(matrix @ np.diff(matrix.indptr).astype(np.int64))
    total, start = 0, 0
    while start < n:
        done = paths[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(paths, done + paths_at_once, "right")))
        rows = matrix[start:stop]
        total += (rows + rows @ matrix).nnz
        start = stop
    return total


def reference(edges, cfg) -> dict:
    from sparse_topology.graphs.edge_list import igraph_graph

    graph = igraph_graph(edges, directed=True)
    orders = {"n1": 1, "n2": 2} if edges.encoding == "mge" else {"n1": 1}
    return {metric: np.mean(graph.neighborhood_size(order=order, mode="out")) for metric, order in orders.items()}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
