"""Components against igraph."""

from itertools import pairwise

import metric_components
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.graphs.layered import KernelBlock, Layer, LayeredGraph
from sparse_topology.metrics import connectivity


@random_graphs.each(random_graphs.layered_graphs())
def test_both_engines_agree(graph):
    assert metric_components.structured(graph, {}) == metric_components.reference(unroll(graph), {})


@random_graphs.each(random_graphs.layered_graphs())
def test_cores_keep_every_component(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectivity, "FEW", 0)
        assert metric_components.structured(graph, {}) == metric_components.reference(unroll(graph), {})


@random_graphs.each(random_graphs.layered_graphs())
def test_compiled_forests_keep_every_component(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectivity, "COMPILED", 0)
        assert metric_components.structured(graph, {}) == metric_components.reference(unroll(graph), {})


def test_isolated_nodes_are_components_and_halves_stay_apart():
    graph = random_graphs.from_pairs([(0, 2), (1, 3), (3, 4)], sizes=[2, 2, 2])
    assert metric_components.structured(graph, {}) == {"components": 3, "component_size": 2}


def test_a_long_path_whose_ids_run_back_and_forth_is_one_component():
    order = [0, 7, 1, 6, 2, 5, 3, 4]
    graph = random_graphs.from_pairs([sorted(pair) for pair in pairwise(order)], sizes=[1] * 8)
    assert metric_components.structured(graph, {})["components"] == 1


def test_many_small_parts_are_not_made_cores_one_by_one(monkeypatch):
    monkeypatch.setattr(connectivity, "FEW", 0)
    graph = random_graphs.from_pairs([(k, k + 500) for k in range(500)], sizes=[500, 500])
    core, source, _ = connectivity.remaining(graph, 1, connectivity.component_core)
    assert core.max() == 0
    assert len(source) == 500
    assert metric_components.structured(graph, {})["components"] == 500


def test_a_sample_of_an_attention_lists_no_pair_of_positions_twice_over():
    """Every position reads every other: as many pairs as positions squared, of which a few per position are enough."""
    n, kernel = 60, np.ones((4, 4, 1, 1), bool)
    pairs = np.stack(np.meshgrid(np.arange(n), [0], np.arange(n), indexing="ij"), -1).reshape(-1, 3).astype(np.int32)
    point = np.zeros((1, 3), np.int32)
    layers = [Layer("a", 4, 1, n, 0), Layer("b", 4, 1, n, 4 * n)]
    block = KernelBlock("b", 0, 1, 0, 0, 1, kernel, kernel.astype(np.float32), point, pairs)
    few = connectivity.sampled(block, layers, np.random.default_rng(0))
    assert few.edge_count < 8 * 2 * 2 * n
    assert set(map(tuple, few.x.tolist())) <= set(map(tuple, pairs.tolist()))
    assert set(few.x[:, 0]) == set(few.x[:, 2]) == set(range(n))
    graph = LayeredGraph("mge", layers, [block], np.array([[0, 4 * n]]), np.array([[4 * n, 8 * n]]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectivity, "FEW", 0)
        assert metric_components.structured(graph, {})["components"] == 1
        assert connectivity.cut_counts(graph) == (0, 0)
