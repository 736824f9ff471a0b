"""Bridges and articulation points against igraph."""

import graphs
import metric_cuts
import pytest

from snn.edgelist import unroll


@graphs.each(graphs.layered_graphs())
def test_both_engines_agree(graph):
    assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


@graphs.each(graphs.layered_graphs())
def test_two_forests_keep_every_cut(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metric_cuts, "FORESTS", 0)
        assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


@graphs.each(graphs.layered_graphs())
def test_compiled_search_agrees(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metric_cuts, "COMPILED", 0)
        assert metric_cuts.structured(graph, {}) == metric_cuts.reference(unroll(graph), {})


def test_a_single_edge_is_a_bridge_without_cut_nodes():
    graph = graphs.from_pairs([(0, 1)], sizes=[1, 1])
    assert metric_cuts.structured(graph, {}) == {"cut_edges": 1, "cut_nodes": 0}
