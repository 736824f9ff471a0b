"""Strength: mean over nodes of the sum of the weights of all their edges (paper, Table 2, edge-weight metrics)."""

import numpy as np

from sparse_topology.graphs.layered import EdgeBlock
from sparse_topology.metrics import measure

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"strength": "edges"}
WEIGHTED = ["strength"]


def structured(graph, cfg) -> dict:
    """Every edge counts at both of its ends, so the mean is 2 * (sum of all weights) / N."""
    return {"strength": 2 * sum(block_weight(block) for block in graph.blocks) / graph.node_count}


def block_weight(block) -> float:
    """Sum of the weights of a block's edges: each kernel entry as often as its offsets occur along both axes."""
    if isinstance(block, EdgeBlock):
        return float(block.weight.sum(dtype=np.float64))
    height, width = block.weight.shape[2:]
    y, x = np.bincount(block.y[:, 1], minlength=height), np.bincount(block.x[:, 1], minlength=width)
    return float(y @ block.weight.sum((0, 1), dtype=np.float64) @ x)


def reference(edges, cfg) -> dict:
    ends = np.concatenate([edges.source, edges.target])
    strengths = np.bincount(ends, np.tile(edges.weight.astype(np.float64), 2), edges.node_count)
    return {"strength": float(strengths.mean())}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
