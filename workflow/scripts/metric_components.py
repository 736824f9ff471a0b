"""Weakly connected components: their number (isolated nodes count) and mean size (paper, Table 2)."""

from snn import measure, undirected
from snn.edgelist import igraph_graph, unroll
from snn.job import job

NORMALISED_BY = {"components": None, "component_size": "nodes"}
COMPILED = 4_000_000  # edges from which on the compiled walks of `snn.links` pay for their import


def structured(graph, cfg) -> dict:
    return described(component_count(graph), graph.node_count)


def component_count(graph) -> int:
    if graph.edge_count < COMPILED:
        edges = unroll(graph)
        return undirected.component_count(graph.node_count, edges.source, edges.target)
    from snn import links

    return links.component_count(graph)


def reference(edges, cfg) -> dict:
    return described(len(igraph_graph(edges).connected_components()), edges.node_count)


def described(components: int, nodes: int) -> dict:
    return {"components": components, "component_size": nodes / components}


def main(inputs, output, cfg):
    engines = {"structured": structured, "igraph": reference}
    measure.run("components", engines, NORMALISED_BY, ["mge", "rolled", "rolled_channel"], inputs, output, cfg)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        cfg = snakemake.params.cfg
        main(measure.graph_files(snakemake.input, cfg), snakemake.output[0], cfg)
