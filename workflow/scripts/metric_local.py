"""Local topology of the unrolled graph: sink, source and disconnected nodes and the edges removable with them.

Paper, Appendix B.1 and Table 2 (local metrics).
"""

import numpy as np

from sparse_topology.metrics import measure
from sparse_topology.metrics.degrees import degrees, sinks_and_sources

ENCODINGS = ["mge"]
DIVISORS = {"sink": "nodes", "source": "nodes", "disconnected": "nodes", "r_out": "edges", "r_in": "edges"}
WEIGHTED = []


def structured(graph, cfg) -> dict:
    return local(*degrees(graph), graph.inputs, graph.outputs)


def reference(edges, cfg) -> dict:
    outdegree, indegree = (np.bincount(ends, minlength=edges.node_count) for ends in (edges.source, edges.target))
    return local(outdegree, indegree, edges.inputs, edges.outputs)


def local(outdegree, indegree, inputs, outputs) -> dict:
    """Raw values from int64 [N] degrees and the half-open id ranges [k, 2] of the network's input and output nodes."""
    sink, source = sinks_and_sources(outdegree, indegree, inputs, outputs)
    return {
        "sink": int(sink.sum()),
        "source": int(source.sum()),
        "disconnected": int(((outdegree == 0) & (indegree == 0)).sum()),
        "r_out": int(outdegree[source].sum()),
        "r_in": int(indegree[sink].sum()),
    }


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
