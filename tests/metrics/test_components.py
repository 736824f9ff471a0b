"""Components against igraph."""

from itertools import pairwise

import metric_components
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.metrics import connectivity


@random_graphs.each(random_graphs.layered_graphs())
def test_both_engines_agree(graph):
    assert metric_components.structured(graph, {}) == metric_components.reference(unroll(graph), {})


@random_graphs.each(random_graphs.layered_graphs())
def test_cores_keep_every_component(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectivity, "FEW", 0)
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
