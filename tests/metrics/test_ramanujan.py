"""Ramanujan metrics against dense eigenvalues of the whole adjacency matrix."""

import metric_ramanujan
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.bipartite import layer_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.metrics.measure import Missing


def magnitudes(biadjacency):
    left, right = biadjacency.shape
    matrix = np.zeros((left + right, left + right))
    matrix[:left, left:] = biadjacency
    values = np.linalg.eigvalsh(matrix + matrix.T)
    return np.sort(np.abs(values))[::-1]


@random_graphs.each(random_graphs.bipartite_graphs())
def test_both_engines_agree(graph):
    for layer in layer_graphs(graph).values():
        raw, expected = metric_ramanujan.structured(layer, {}), metric_ramanujan.reference(unroll(layer), {})
        for metric, value in expected.items():
            assert raw[metric] == (value if isinstance(value, Missing) else pytest.approx(value, abs=1e-7))


def test_complete_bipartite_layer_by_hand():
    mask = np.ones((4, 5), bool)
    raw = metric_ramanujan.layer_metrics(mask, 2.0 * mask, metric_ramanujan.two_largest_singular_values)
    assert raw["delta_r"] == pytest.approx(1)
    assert raw["delta_r_imdb"] == pytest.approx(1)
    assert raw["lambda_imsg"] == pytest.approx(2 * np.sqrt(20))


def test_definition_on_a_random_layer():
    rng = np.random.default_rng(3)
    mask = rng.random((30, 12)) < 0.4
    mask[5], mask[:, 3] = False, False
    weights = rng.random(mask.shape) * mask
    raw = metric_ramanujan.layer_metrics(mask, weights, metric_ramanujan.two_largest_singular_values)
    kept = mask[mask.any(1)][:, mask.any(0)]
    bound = np.sqrt(kept.sum(1).mean() - 1) + np.sqrt(kept.sum(0).mean() - 1)
    assert raw["delta_r"] == pytest.approx((bound - magnitudes(kept)[2]) / bound)
    gaps, bounds = [], []
    for d in range(3, 13):
        part = mask.sum(1) == d
        sub = mask[part][:, mask[part].any(0)]
        if sub.size and d >= 3 and sub.sum(0).mean() >= 3:
            bound = np.sqrt(d - 1) + np.sqrt(sub.sum(0).mean() - 1)
            bounds.append((bound - magnitudes(sub)[2]) / bound)
            spectrum = magnitudes(weights[part])
            gaps.append(spectrum[0] - spectrum[2])
    assert len(gaps) > 1
    assert raw["delta_r_imdb"] == pytest.approx(np.mean(bounds))
    assert raw["lambda_imsg"] == pytest.approx(np.mean(gaps))


def test_without_edges_or_bound_there_is_a_reason_instead_of_a_value():
    for mask in (np.zeros((3, 2), bool), np.eye(3, dtype=bool)):
        raw = metric_ramanujan.layer_metrics(mask, 1.0 * mask, metric_ramanujan.two_largest_singular_values)
        assert all(isinstance(value, Missing) for value in raw.values())


def test_second_singular_value_of_rank_one_is_zero():
    first, second = metric_ramanujan.two_largest_singular_values(np.outer(np.arange(1, 9), np.ones(6)))
    assert first == pytest.approx(np.sqrt(204 * 6))
    assert second < 1e-12
