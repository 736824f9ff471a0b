"""Weakly connected components: their number (isolated nodes count) and mean size (paper, Table 2)."""

from sparse_topology.graphs.edge_list import igraph_graph
from sparse_topology.metrics import connectivity, measure

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"components": None, "component_size": "nodes"}
WEIGHTED = []


def structured(graph, cfg) -> dict:
    return described(connectivity.component_count(graph), graph.node_count)


def reference(edges, cfg) -> dict:
    return described(len(igraph_graph(edges).connected_components()), edges.node_count)


def described(components: int, nodes: int) -> dict:
    return {"components": components, "component_size": nodes / components}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
