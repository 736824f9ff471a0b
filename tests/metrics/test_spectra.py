"""Eigenvalues against LAPACK, with multiplicities, odd cycles and a solver that does not converge."""

from dataclasses import replace

import metric_spectra
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import ArpackNoConvergence

from helpers import random_graphs
from sparse_topology.graphs.edge_list import adjacency, unroll
from sparse_topology.metrics import adjacency as products
from sparse_topology.metrics import davidson, lanczos
from sparse_topology.metrics.adjacency import Adjacency
from sparse_topology.metrics.measure import Missing
from sparse_topology.networks import architectures


def dense(graph):
    matrix = adjacency(unroll(graph), weighted=True).toarray()
    magnitudes = np.sort(np.abs(np.linalg.eigvalsh(matrix)))[::-1]
    gap = magnitudes[0] - (magnitudes[2] if len(magnitudes) > 2 else 0)
    return {"spectral_gap": gap, "spectral_radius": np.linalg.eigvalsh(np.diag(matrix.sum(1)) - matrix)[-1]}


@random_graphs.each(random_graphs.layered_graphs())
def test_adjacency_products_are_those_of_the_explicit_matrix(graph):
    check_products(graph)


@random_graphs.each(random_graphs.layered_graphs())
def test_products_of_large_graphs_are_those_of_the_explicit_matrix(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "SPARSE", 2)  # any kernel without its zeros
        patch.setattr(products, "MANY", 0)
        patch.setattr(products, "LONG", 0)
        check_products(graph)


def check_products(graph):
    """All of A, and the columns of every second layer to the rows of the others."""
    vectors = np.random.default_rng(0).standard_normal((graph.node_count, 3))
    explicit = adjacency(unroll(graph), weighted=True)
    operator = Adjacency(graph, vectors.dtype)
    np.testing.assert_allclose(operator.apply(vectors), explicit @ vectors, atol=1e-9)
    near, far = (range(first, len(graph.layers), 2) for first in (1, 0))
    columns, rows = (
        np.concatenate(
            [np.arange(layer.offset, layer.offset + layer.size) for layer in (graph.layers[k] for k in half)]
        )
        for half in (near, far)
    )
    part = operator.apply(vectors[columns], operator.nodes(near), operator.nodes(far))
    np.testing.assert_allclose(part, explicit[rows][:, columns] @ vectors[columns], atol=1e-9)


@random_graphs.each(random_graphs.layered_graphs())
def test_small_graphs(graph):
    assert metric_spectra.structured(graph, {}) == pytest.approx(dense(graph), abs=1e-7)


@random_graphs.each(random_graphs.layered_graphs())
def test_iterations_agree_with_lapack(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metric_spectra, "DENSE", 2)
        raw = metric_spectra.structured(graph, {})
    assert raw == pytest.approx(dense(graph), abs=1e-6)


@random_graphs.each(random_graphs.layered_graphs())
def test_reference_agrees_with_lapack(graph):
    assert metric_spectra.reference(unroll(graph), {}) == pytest.approx(dense(graph), abs=1e-7)


def two_equal_halves(size=400):
    rng = np.random.default_rng(0)
    half = np.argwhere(rng.random((size // 2, size // 2)) < 0.05)
    pairs = np.concatenate([half + np.array(shift) for shift in ([0, size], [size // 2, size + size // 2])])
    return random_graphs.from_pairs(pairs, sizes=[size, size], kernels=True)


def three_equal_parts_with_triangles(size=120):
    rng = np.random.default_rng(0)
    part = [
        np.argwhere(rng.random((size, size)) < 0.05) + np.array([k * 3 * size, j * 3 * size])
        for k, j in ((0, 1), (1, 2), (0, 2))
    ]
    pairs = np.concatenate([edges + shift for edges in part for shift in (0, size, 2 * size)])
    return random_graphs.from_pairs(pairs, sizes=[3 * size] * 3, kernels=True)


@pytest.mark.parametrize("build", [two_equal_halves, three_equal_parts_with_triangles])
@pytest.mark.parametrize("engine", ["structured", "reference"])
def test_repeated_eigenvalues_are_counted(engine, build):
    graph = build()
    raw = getattr(metric_spectra, engine)(graph if engine == "structured" else unroll(graph), {})
    assert raw["spectral_gap"] == pytest.approx(0, abs=1e-8)


def nearly_equal_parts(count, distance):
    """Equal bipartite graphs side by side, the weights of each so much larger than those of the one before."""
    half = np.random.default_rng(0).random((100, 100)) < 0.1
    graph = random_graphs.bipartite([half] * count)
    blocks = [
        replace(block, weight=block.weight * np.float32(1 + distance * k)) for k, block in enumerate(graph.blocks)
    ]
    return replace(graph, blocks=blocks)


@pytest.mark.parametrize("distance", [1e-3, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("count", [2, 4])
def test_eigenvalues_that_are_nearly_equal(count, distance):
    graph = nearly_equal_parts(count, distance)
    expected = dense(graph)
    raw = metric_spectra.structured(graph, {})
    assert raw == pytest.approx(expected, abs=2e-6 * expected["spectral_radius"])


@pytest.mark.parametrize("unit", [1e-30, 1e-20, 1e19, 1e30])
def test_weights_of_any_size(unit, monkeypatch):
    monkeypatch.setattr(metric_spectra, "DENSE", 2)
    graph = two_equal_halves(60)
    blocks = [replace(block, weight=block.weight * np.float32(unit)) for block in graph.blocks]
    raw = metric_spectra.structured(replace(graph, blocks=blocks), {})
    assert raw["spectral_radius"] == pytest.approx(unit * dense(graph)["spectral_radius"], rel=1e-6)


def test_a_path_whose_eigenvalues_crowd_at_the_end():
    pairs = [(k, 500 + k) for k in range(500)] + [(k + 1, 500 + k) for k in range(499)]
    graph = random_graphs.from_pairs(pairs, sizes=[500, 500], kernels=True)
    assert metric_spectra.structured(graph, {}) == pytest.approx(dense(graph), abs=4e-6)


def test_what_does_not_converge_is_missing_with_a_reason(monkeypatch):
    def give_up(*arguments, **options):
        raise lanczos.NotConverged("residual 1e-3 after 7 steps")

    monkeypatch.setattr(metric_spectra, "refined_eigenpairs", give_up)
    monkeypatch.setattr(metric_spectra, "largest_eigenvalue", give_up)
    raw = metric_spectra.structured(two_equal_halves(), {})
    assert all(isinstance(value, Missing) and "7 steps" in value for value in raw.values())


def test_what_arpack_does_not_solve_is_missing_with_a_reason(monkeypatch):
    def give_up(*arguments, **options):
        raise ArpackNoConvergence("no convergence", np.empty(0), np.empty((0, 0)))

    monkeypatch.setattr("scipy.sparse.linalg.eigsh", give_up)
    raw = metric_spectra.reference(unroll(two_equal_halves()), {})
    assert all(isinstance(value, Missing) and "no convergence" in value for value in raw.values())


def test_too_few_steps_raise():
    matrix = np.diag(np.linspace(0, 1, 500))
    start = np.random.default_rng(0).standard_normal((500, 3))
    with pytest.raises(lanczos.NotConverged):
        lanczos.largest_eigenpairs(lambda x: matrix @ x, start, 2, 1e-8, steps=3)
    values, vectors = lanczos.largest_eigenpairs(lambda x: matrix @ x, start, 2, 1e-8)
    np.testing.assert_allclose(values[:2], np.linspace(0, 1, 500)[[-1, -2]], atol=1e-8)
    np.testing.assert_allclose(np.abs(vectors[[-1, -2], [0, 1]]), 1, atol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_values_in_an_order_that_float32_cannot_tell(seed):
    spectrum = np.linspace(-0.9, 0.9, 500)
    spectrum[:4] = 1, -0.99999996, 0.96195819, -0.96195815
    start = np.random.default_rng(seed).random((500, 3))
    values, _ = lanczos.refined_eigenpairs(
        lambda dtype: lambda x: spectrum.astype(dtype)[:, None] * x, start, 3, 1e-9, magnitude=True
    )
    assert np.abs(values[:3]) == pytest.approx(np.abs(spectrum[:3]), abs=1e-9)


def laplacian_of(pairs, size):
    matrix = np.zeros((size, size))
    for i, j in pairs:
        matrix[i, j] = matrix[j, i] = -1
    return np.diag(-matrix.sum(1)) + matrix


def star_beside_a_complete_bipartite_graph(rays, half):
    """Largest eigenvalues rays + 1, at the unit of largest degree, and 2 * half, spread over units of degree half."""
    star = [(0, 1 + k) for k in range(rays)]
    return laplacian_of(
        star + [(1 + rays + i, 1 + rays + half + j) for i in range(half) for j in range(half)], 1 + rays + 2 * half
    )


@pytest.mark.parametrize(("rays", "half"), [(150, 100), (150, 77), (150, 75), (400, 210), (10, 200)])
def test_the_largest_eigenvalue_need_not_be_where_the_degree_is_largest(rays, half):
    matrix = star_beside_a_complete_bipartite_graph(rays, half)
    degree = np.diag(matrix).copy()
    for seed in range(5):
        start = np.random.default_rng(seed).random(len(matrix)) / (1.02 * degree.max() - degree) ** 2
        value = davidson.largest_eigenvalue(lambda dtype: lambda x: matrix.astype(dtype) @ x, degree, start, 1e-9)
        assert value == pytest.approx(max(rays + 1, 2 * half), rel=1e-9)


@given(st.integers(2, 60), st.floats(0, 3), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_the_largest_eigenvalue_of_any_symmetric_matrix(size, diagonal, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((size, size))
    matrix = matrix + matrix.T + np.diag(diagonal * size * rng.random(size))
    start = rng.random(size)
    value = davidson.largest_eigenvalue(lambda dtype: lambda x: matrix.astype(dtype) @ x, np.diag(matrix), start, 1e-9)
    assert value == pytest.approx(np.linalg.eigvalsh(matrix)[-1], rel=2e-9, abs=1e-9)


def test_too_few_steps_of_davidson_raise():
    matrix = np.diag(np.linspace(0, 1, 500))
    with pytest.raises(lanczos.NotConverged, match="after 2 steps"):
        davidson.largest_eigenvalue(
            lambda dtype: lambda x: matrix.astype(dtype) @ x, np.zeros(500), np.ones(500), 1e-9, steps=2
        )


def test_without_edges_the_spectrum_is_zero():
    graph = random_graphs.from_pairs([], sizes=[2, 2])
    assert metric_spectra.structured(graph, {}) == {"spectral_gap": 0, "spectral_radius": 0}
    assert metric_spectra.reference(unroll(graph), {}) == {"spectral_gap": 0, "spectral_radius": 0}


def test_weights_of_0_have_spectra_of_0():
    graph = random_graphs.traced(lambda: architectures.load("resnet_small")(10, 1), (1, 8, 8), 0.5)
    assert graph.node_count > metric_spectra.DENSE
    zero = replace(graph, blocks=[replace(block, weight=0 * block.weight) for block in graph.blocks])
    assert metric_spectra.structured(zero, {}) == {"spectral_gap": 0, "spectral_radius": 0}
