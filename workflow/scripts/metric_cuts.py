"""Cut edges (bridges) and cut nodes (articulation points), edge direction ignored (paper, Table 2)."""

from snn import measure, undirected
from snn.edgelist import igraph_graph, unroll
from snn.job import job

NORMALISED_BY = {"cut_edges": "edges", "cut_nodes": "edges"}
COMPILED = 400_000  # edges from which on compiled code pays for its import
FORESTS = 4_000_000  # edges from which on forests on generated neighbours beat the explicit lists


def structured(graph, cfg) -> dict:
    bridges, points = cut_counts(graph)
    return {"cut_edges": bridges, "cut_nodes": points}


def cut_counts(graph) -> tuple[int, int]:
    """Numbers of bridges and of articulation points."""
    if graph.edge_count < FORESTS:
        edges = unroll(graph)
        lists = undirected.neighbour_lists(graph.node_count, edges.source, edges.target)
        if graph.edge_count < COMPILED:
            return undirected.cut_counts(*(part.tolist() for part in lists))
    from snn import links

    return links.cut_counts(graph) if graph.edge_count >= FORESTS else links.compiled_cut_counts(*lists)


def reference(edges, cfg) -> dict:
    graph = igraph_graph(edges)
    return {"cut_edges": len(graph.bridges()), "cut_nodes": len(graph.articulation_points())}


def main(inputs, output, cfg):
    engines = {"structured": structured, "igraph": reference}
    measure.run("cuts", engines, NORMALISED_BY, ["mge", "rolled", "rolled_channel"], inputs, output, cfg)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        cfg = snakemake.params.cfg
        main(measure.graph_files(snakemake.input, cfg), snakemake.output[0], cfg)
