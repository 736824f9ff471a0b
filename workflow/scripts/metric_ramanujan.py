"""Ramanujan-based metrics of every rolled layer: delta_r, delta_r_imdb, lambda_imsg (baselines of section 4.3).

Pal et al. 2022 for delta_r, Hoang et al. 2023b for delta_r_imdb and 2023a for lambda_imsg. The eigenvalues of a
bipartite graph are plus and minus the singular values of its biadjacency matrix, so the first and the third largest
magnitude of the adjacency matrix are the two largest singular values.
"""

import numpy as np

from sparse_topology.graphs.layered import KernelBlock
from sparse_topology.metrics import measure
from sparse_topology.metrics.measure import Missing

ENCODINGS = ["rolled"]
DIVISORS = {"delta_r": None, "delta_r_imdb": None, "lambda_imsg": None}
WEIGHTED = ["lambda_imsg"]
LEAST_DEGREE = 3


def structured(graph, cfg) -> dict:
    left, right = (layer.size for layer in graph.layers)
    weights, mask = np.zeros((left, right)), np.zeros((left, right), bool)
    for block in graph.blocks:
        place(block, weights, mask)
    return layer_metrics(mask, weights, two_largest_singular_values)


def place(block: KernelBlock, weights, mask) -> None:
    """Write a block of a bipartite encoding into the dense biadjacency matrices [left, right]."""
    out, per_group = block.mask.shape[:2]
    rows = out // block.groups
    for group in range(block.groups):
        first = block.source_channel + group * per_group
        left = slice(first, first + per_group)
        right = slice(block.target_channel + group * rows, block.target_channel + (group + 1) * rows)
        weights[left, right] = block.weight[group * rows : (group + 1) * rows, :, 0, 0].T
        mask[left, right] = block.mask[group * rows : (group + 1) * rows, :, 0, 0].T


def layer_metrics(mask, weights, singular_values) -> dict:
    """The three metrics from bool and float64 [left, right] and a function for the two largest singular values."""
    subgraphs = [
        (mask[same], weights[same]) for same in same_degree_rows(mask) if min(mean_degrees(mask[same])) >= LEAST_DEGREE
    ]
    none = Missing("no group of left nodes of one degree has mean degrees of at least 3")
    gaps = [first - second for first, second in (singular_values(part) for _, part in subgraphs)]
    bounds = [bound_difference(part, singular_values) for part, _ in subgraphs]
    return {
        "delta_r": bound_difference(mask, singular_values),
        "delta_r_imdb": np.mean(bounds) if bounds else none,
        "lambda_imsg": np.mean(gaps) if gaps else none,
    }


def same_degree_rows(mask) -> list[np.ndarray]:
    """For every left degree of at least 3, which left nodes have it."""
    degree = mask.sum(1)
    return [degree == d for d in np.unique(degree) if d >= LEAST_DEGREE]


def mean_degrees(mask) -> tuple[float, float]:
    """Mean degree of the left and of the right nodes that have an edge; 0 for an empty side."""
    edges = mask.sum()
    return tuple(float(edges / max(1, np.count_nonzero(mask.any(side)))) for side in (1, 0))


def bound_difference(mask, singular_values):
    """(ub - l3) / ub with ub = sqrt(dL - 1) + sqrt(dR - 1), dL and dR the mean degrees, l3 unweighted."""
    if not mask.any():
        return Missing("the layer has no edges")
    bound = sum(np.sqrt(mean - 1) for mean in mean_degrees(mask))
    if bound == 0:
        return Missing("every node has one edge, so the bound is 0")
    return (bound - singular_values(mask.astype(np.float64))[1]) / bound


def two_largest_singular_values(matrix) -> tuple[float, float]:
    """Dense, in float64. From the Gram matrix of the smaller side, unless that would lose the second to rounding."""
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    if len(matrix) == 1:
        return float(np.linalg.norm(matrix)), 0.0
    second, first = np.sqrt(np.maximum(np.linalg.eigvalsh(matrix @ matrix.T)[-2:], 0))
    if second < 1e-4 * first:
        first, second = np.linalg.svd(matrix, compute_uv=False)[:2]
    return float(first), float(second)


def reference(edges, cfg) -> dict:
    """From the edge list, with eigenvalues of the sparse adjacency matrix."""
    left, right = (layer.size for layer in edges.layers)
    weights, mask = np.zeros((left, right)), np.zeros((left, right), bool)
    mask[edges.source, edges.target - left] = True
    weights[edges.source, edges.target - left] = edges.weight
    return layer_metrics(mask, weights, first_and_third_magnitude)


def first_and_third_magnitude(matrix) -> tuple[float, float]:
    from scipy import sparse

    from sparse_topology.metrics.arpack import largest_magnitudes

    half = sparse.csr_array(matrix)
    magnitudes = largest_magnitudes(sparse.block_array([[None, half], [half.T, None]]).tocsr(), 3)
    return float(magnitudes[0]), float(magnitudes[2])


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
