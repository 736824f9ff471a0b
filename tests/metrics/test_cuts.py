"""Bridges and articulation points against igraph."""

import metric_cuts
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import igraph_graph, unroll
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


@random_graphs.each(random_graphs.layered_graphs())
def test_compiled_forests_keep_every_cut(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connectivity, "COMPILED", 0)
        assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


@pytest.mark.parametrize(("density", "share"), [(0.01, 0.2), (0.05, 0.5), (0.5, 0.95)])
def test_cores_of_a_network_with_shortcuts(density, share, monkeypatch):
    graph = random_graphs.traced(lambda: architectures.load("resnet_small")(10, 1), (1, 8, 8), density)
    monkeypatch.setattr(connectivity, "FEW", 0)
    core, source, _ = connectivity.remaining(graph, 2, connectivity.biconnected_core)
    assert (core > 0).mean() > share
    assert len(source) < graph.edge_count * (1 - share)
    expected = metric_cuts.reference(unroll(graph), {})
    assert metric_cuts.structured(graph, {}) == expected
    monkeypatch.setattr(connectivity, "COMPILED", 0)
    assert metric_cuts.structured(graph, {}) == expected


@pytest.mark.parametrize("share", [1, 10, 10**9])
def test_forests_agree_however_early_unmarked_nodes_look_for_marked_ones(share):
    """From the first node on, late, and never; on trees, cycles and pairs hung on one another at random."""
    from sparse_topology.metrics import compiled_connectivity

    rng = np.random.default_rng(share)
    for size in (1, 2, 5, 30, 300):
        pairs = np.unique(np.sort(rng.integers(0, size, (size * 11 // 10, 2))), axis=0)
        graph = random_graphs.from_pairs(pairs[pairs[:, 0] < pairs[:, 1]], sizes=[1] * size)
        links, most = compiled_connectivity.links_of(graph)
        none = np.empty(0, np.int32)
        first = compiled_connectivity.scan_first_forest(links, most, none, share)
        second = compiled_connectivity.scan_first_forest(links, most, first, share)
        cuts = compiled_connectivity.low_links(*compiled_connectivity.union(first, second))
        assert compiled_connectivity.count_roots(first) == len(igraph_graph(unroll(graph)).connected_components())
        assert dict(zip(("cut_edges", "cut_nodes"), cuts, strict=True)) == metric_cuts.reference(unroll(graph), {})


def test_a_single_edge_is_a_bridge_without_cut_nodes():
    graph = random_graphs.from_pairs([(0, 1)], sizes=[1, 1])
    assert metric_cuts.structured(graph, {}) == {"cut_edges": 1, "cut_nodes": 0}
