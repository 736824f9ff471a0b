"""Bridges and articulation points against igraph."""

import metric_cuts
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.metrics import connectivity
from sparse_topology.networks import architectures


@random_graphs.each(random_graphs.layered_graphs())
def test_both_engines_agree(graph):
    assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


@random_graphs.each(random_graphs.layered_graphs())
def test_cores_keep_every_cut(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectivity, "FEW", 0)
        assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


@pytest.mark.parametrize(("density", "share"), [(0.01, 0.2), (0.05, 0.5), (0.5, 0.95)])
def test_cores_of_a_network_with_shortcuts(density, share, monkeypatch):
    graph = random_graphs.traced(lambda: architectures.load("resnet_small")(10, 1), (1, 8, 8), density)
    monkeypatch.setattr(connectivity, "FEW", 0)
    core, source, _ = connectivity.remaining(graph, 2, connectivity.biconnected_core)
    assert (core > 0).mean() > share
    assert len(source) < graph.edge_count * (1 - share)
    assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


def test_a_single_edge_is_a_bridge_without_cut_nodes():
    graph = random_graphs.from_pairs([(0, 1)], sizes=[1, 1])
    assert metric_cuts.structured(graph, {}) == {"cut_edges": 1, "cut_nodes": 0}
