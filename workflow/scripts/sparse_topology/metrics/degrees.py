"""Degrees and weighted degrees of every node, straight from the blocks: the convolution is never unrolled."""

import numpy as np

from sparse_topology.graphs.layered import EdgeBlock, LayeredGraph


def degrees(graph: LayeredGraph) -> tuple[np.ndarray, np.ndarray]:
    """Outdegree and indegree, int64 [N] each."""
    return _sums(graph, weighted=False)


def weighted_degrees(graph: LayeredGraph) -> np.ndarray:
    """Sum of the weights of all edges at each node, float64 [N]."""
    return np.add(*_sums(graph, weighted=True))


def sinks_and_sources(outdegree, indegree, inputs, outputs) -> tuple[np.ndarray, np.ndarray]:
    """Which nodes are sinks and which are sources, bool [N] each (paper, Appendix B.1).

    A sink has in-edges but no out-edges and is no output of the network; a source has out-edges but no in-edges and is
    no input. inputs, outputs: half-open ranges of ids [k, 2].
    """
    sink, source = (outdegree == 0) & (indegree > 0), (indegree == 0) & (outdegree > 0)
    for marked, ranges in ((sink, outputs), (source, inputs)):
        for start, stop in ranges:
            marked[start:stop] = False
    return sink, source


def _sums(graph, weighted):
    """Per node, the sum over its out-edges and over its in-edges: of 1, int64 [N] each, or of the weight, float64.

    For a kernel block the out-sums of a layer are Y n[c] X^T with n[c, a, b] = sum over o of K[o, c, a, b] and
    Y[y, a] = number of targets of position y through offset a. Sums of ones, at most N each, are exact up to 2^53.
    """
    dtype = np.float64 if weighted else np.int64
    out_sums, in_sums = np.zeros(graph.node_count, dtype), np.zeros(graph.node_count, dtype)
    for block in graph.blocks:
        if isinstance(block, EdgeBlock):
            weight = block.weight.astype(np.float64) if weighted else None
            out_sums += np.bincount(block.tails, weight, graph.node_count)
            in_sums += np.bincount(block.heads, weight, graph.node_count)
            continue
        source, target = graph.layers[block.source], graph.layers[block.target]
        values = block.weight if weighted else block.mask
        out, per_group, height, width = values.shape
        grouped = values.reshape(block.groups, out // block.groups, per_group, height, width)
        of_source = grouped.sum(1, dtype=np.float64).reshape(-1, height, width)
        of_target = grouped.sum(2, dtype=np.float64).reshape(-1, height, width)
        for sums, layer, first, kernel, column in (
            (out_sums, source, block.source_channel, of_source, 0),
            (in_sums, target, block.target_channel, of_target, 2),
        ):
            plane = layer.height * layer.width
            start = layer.offset + first * plane
            y = _offset_counts(block.y, column, layer.height, height)
            x = _offset_counts(block.x, column, layer.width, width)
            sums[start : start + len(kernel) * plane] += (y @ kernel @ x.T).ravel().astype(dtype, copy=False)
    return out_sums, in_sums


def _offset_counts(table, column, positions, offsets):
    """float64 [positions, offsets]: how many rows of an axis table hold each (position, kernel offset)."""
    return (
        np.bincount(table[:, column] * offsets + table[:, 1], minlength=positions * offsets)
        .reshape(positions, offsets)
        .astype(np.float64)
    )
