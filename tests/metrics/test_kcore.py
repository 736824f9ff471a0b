"""Coreness against igraph."""

import metric_kcore
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import igraph_graph, unroll
from sparse_topology.metrics.traversal import coreness, neighbour_lists


@random_graphs.each(random_graphs.layered_graphs())
def test_coreness_of_every_node(graph):
    edges = unroll(graph)
    expected = igraph_graph(edges).coreness()
    assert coreness(*neighbour_lists(graph.node_count, edges.source, edges.target)).tolist() == expected
    assert metric_kcore.structured(graph, {})["k_core"] == pytest.approx(np.mean(expected))
    assert metric_kcore.reference(edges, {})["k_core"] == pytest.approx(np.mean(expected))


@random_graphs.each(random_graphs.layered_graphs())
def test_compiled_peeling_agrees(graph):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metric_kcore, "COMPILED", 0)
        core = metric_kcore.coreness(graph)
    assert core.tolist() == igraph_graph(unroll(graph)).coreness()
