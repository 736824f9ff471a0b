"""Layer density: unmasked over all weights of a layer, averaged over layers (a baseline of the paper's section 4.3).

A layer without any unmasked weight counts as 0. Both engines divide the number of edges of the rolled graph by the
number of weights, in * out / groups.
"""

from sparse_topology.metrics import measure

ENCODINGS = ["rolled"]
DIVISORS = {"layer_density": None}
WEIGHTED = []


def structured(graph, cfg) -> dict:
    weights = sum(graph.weights)
    return {"layer_density": graph.edge_count / weights if weights else 0.0}


reference = structured  # an edge list has the same two numbers


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference, count_empty_layers=True)
