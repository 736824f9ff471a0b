"""Cut edges (bridges) and cut nodes (articulation points), edge direction ignored (paper, Table 2)."""

from sparse_topology.graphs.edge_list import igraph_graph
from sparse_topology.metrics import connectivity, measure

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"cut_edges": "edges", "cut_nodes": "edges"}
WEIGHTED = []


def structured(graph, cfg) -> dict:
    bridges, points = connectivity.cut_counts(graph)
    return {"cut_edges": bridges, "cut_nodes": points}


def reference(edges, cfg) -> dict:
    graph = igraph_graph(edges)
    return {"cut_edges": len(graph.bridges()), "cut_nodes": len(graph.articulation_points())}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
