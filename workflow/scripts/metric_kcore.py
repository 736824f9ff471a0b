"""K-core: mean coreness, edge direction ignored (paper, Table 2; Batagelj & Zaversnik 2003)."""

import numpy as np

from sparse_topology.graphs.edge_list import igraph_graph, unroll
from sparse_topology.metrics import measure, traversal

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"k_core": "edges"}
WEIGHTED = []
COMPILED = 4_000_000  # edges from which on `metrics.compiled_cores` pays for its import of numba


def structured(graph, cfg) -> dict:
    return {"k_core": coreness(graph).mean()}


def coreness(graph) -> np.ndarray:
    """Coreness of every node, int32 or int64 [N]."""
    if graph.edge_count < COMPILED:
        edges = unroll(graph)
        return traversal.coreness(*traversal.neighbour_lists(graph.node_count, edges.source, edges.target))
    from sparse_topology.metrics import compiled_cores

    return compiled_cores.coreness(graph)


def reference(edges, cfg) -> dict:
    return {"k_core": np.mean(igraph_graph(edges).coreness())}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
