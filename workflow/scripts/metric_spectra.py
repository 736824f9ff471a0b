"""Spectral gap and spectral radius of the undirected weighted graph (paper, Table 2).

spectral_gap: l1 - l3 of the three largest eigenvalue magnitudes of the adjacency matrix, multiplicity counted.
spectral_radius: the largest eigenvalue of the Laplacian D - A.
"""

import math
from dataclasses import replace
from functools import cache

import numpy as np

from sparse_topology.metrics import measure
from sparse_topology.metrics.adjacency import Adjacency
from sparse_topology.metrics.colouring import two_colouring
from sparse_topology.metrics.davidson import largest_eigenvalue
from sparse_topology.metrics.degrees import weighted_degrees
from sparse_topology.metrics.lanczos import NotConverged, refined_eigenpairs
from sparse_topology.metrics.measure import Missing

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"spectral_gap": None, "spectral_radius": None}
WEIGHTED = ["spectral_gap", "spectral_radius"]
DENSE = 300  # rows below which LAPACK solves the whole problem
TOLERANCE = 1e-9  # error bound over the largest eigenvalue


def structured(graph, cfg) -> dict:
    largest = max((block.weight.max(initial=0) for block in graph.blocks), default=0)
    if not largest:  # no edges, or all of weight 0
        return {"spectral_gap": 0.0, "spectral_radius": 0.0}
    # Products of tiny or huge weights would leave float32; a power of two divides and multiplies exactly.
    unit = 2.0 ** math.frexp(largest)[1]
    blocks = [replace(block, weight=block.weight / np.float32(unit)) for block in graph.blocks]
    graph = replace(graph, blocks=blocks)
    adjacency = cache(lambda dtype: Adjacency(graph, dtype))
    return {
        "spectral_gap": attempt(lambda seed: unit * gap(graph, adjacency, seed)),
        "spectral_radius": attempt(lambda seed: unit * laplacian_radius(graph, adjacency, seed)),
    }


def attempt(compute):
    """The value, from a second start if the first does not converge, and missing if neither does."""
    for seed in (0, 1):
        try:
            return compute(seed)
        except NotConverged as error:
            reason = str(error)
    return Missing(f"the eigenvalue iteration did not converge: {reason}")


def gap(graph, adjacency, seed=0) -> float:
    """l1 - l3. If the layers can be two-coloured, A = [[0, B], [B^T, 0]] has the singular values of B twice (plus and
    minus), so l3 is the second one; else it is the third largest |eigenvalue| of A.
    """
    side = smaller_half(graph)
    if side is None:
        values = largest_magnitudes(graph.node_count, lambda dtype: adjacency(dtype).apply, 3, seed)
        return values[0] - values[2]
    first, second = singular_values(adjacency, side, 2, seed)
    return first - second


def largest_magnitudes(size: int, operator, count: int, seed: int) -> list[float]:
    """The `count` largest |eigenvalues| of a symmetric operator (dtype -> [size, k] -> [size, k]), zeros added."""
    if size <= max(DENSE, count):
        values = np.linalg.eigvalsh(operator(np.dtype(np.float64))(np.eye(size)))
    else:
        start = np.random.default_rng(seed).random((size, count))
        values, _ = refined_eigenpairs(operator, start, count, TOLERANCE, magnitude=True)
    values = np.sort(np.abs(values))[::-1]
    return [float(value) for value in np.pad(values, (0, count))[:count]]


def singular_values(adjacency, half, count: int, seed: int) -> list[float]:
    """The `count` largest singular values of B, the columns of A that belong to the layers `half`.

    From the eigenvectors of B^T B; the values themselves are those of B V, which loses nothing to the squaring.
    """
    whole = adjacency(np.dtype(np.float64))
    near = whole.nodes(sorted(half))
    far = whole.nodes(k for k in range(len(whole.layers)) if k not in half)

    def square(dtype):
        half = adjacency(dtype)
        return lambda x: half.apply(half.apply(x, near, far), far, near)

    if near.size <= max(DENSE, count):
        vectors = np.eye(near.size)
    else:
        start = np.random.default_rng(seed).random((near.size, count))
        _, vectors = refined_eigenpairs(square, start, count, TOLERANCE)
    values = np.linalg.svd(whole.apply(vectors, near, far), compute_uv=False)
    return [float(value) for value in np.pad(values, (0, count))[:count]]


def laplacian_radius(graph, adjacency, seed=0) -> float:
    degree = weighted_degrees(graph)

    def laplacian(dtype):
        diagonal = degree.astype(dtype)[:, None]
        return lambda x: diagonal * x - adjacency(dtype).apply(x)

    if graph.node_count <= DENSE:
        return float(np.linalg.eigvalsh(laplacian(degree.dtype)(np.eye(graph.node_count)))[-1])
    # Random, and the larger the nearer a unit's degree is to the eigenvalue, which is a little above the largest one.
    start = np.random.default_rng(seed).random(graph.node_count, np.float32)
    start /= (1.02 * degree.max() - degree) ** 2
    return largest_eigenvalue(laplacian, degree, start, TOLERANCE)


def smaller_half(graph) -> set[int] | None:
    """Layers of the smaller half, if every block joins the two halves; None if the layers have an odd cycle."""
    joins = ((block.source, block.target) for block in graph.blocks if block.edge_count)
    colour = two_colouring(len(graph.layers), joins)
    if colour is None:
        return None
    halves = [{k for k, own in enumerate(colour) if own == c} for c in (0, 1)]
    return min(halves, key=lambda half: sum(graph.layers[k].size for k in half))


def reference(edges, cfg) -> dict:
    from scipy import sparse
    from scipy.sparse.linalg import ArpackNoConvergence

    from sparse_topology.graphs.edge_list import adjacency
    from sparse_topology.metrics import arpack

    matrix = adjacency(edges, weighted=True)
    laplacian = sparse.diags_array(matrix.sum(1)) - matrix
    try:
        magnitudes = arpack.largest_magnitudes(matrix, 3)
        return {
            "spectral_gap": magnitudes[0] - magnitudes[2],
            "spectral_radius": arpack.largest_magnitudes(laplacian.tocsr(), 1)[0],
        }
    except ArpackNoConvergence as error:
        reason = Missing(str(error))
        return {"spectral_gap": reason, "spectral_radius": reason}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
