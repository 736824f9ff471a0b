"""Layer density: unmasked over all weights of a layer, averaged over layers (a baseline of the paper's section 4.3).

A layer without any unmasked weight counts as 0. Both engines divide the number of edges of the rolled graph by the
number of weights, which only the masks know for grouped convolutions; the igraph engine counts in * out.
"""

from sparse_topology.metrics import measure

ENCODINGS = ["rolled"]
DIVISORS = {"layer_density": None}
WEIGHTED = []


def structured(graph, cfg) -> dict:
    weights = sum(block.mask.size for block in graph.blocks)
    return {"layer_density": graph.edge_count / weights if weights else 0.0}


def reference(edges, cfg) -> dict:
    left, right = (layer.size for layer in edges.layers)
    return {"layer_density": edges.edge_count / (left * right)}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference, count_empty_layers=True)
