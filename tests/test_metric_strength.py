"""Strength against igraph's weighted degrees."""

import graphs
import metric_strength
import numpy as np
import pytest

from snn.edgelist import igraph_graph, unroll


@graphs.each(graphs.layered_graphs())
def test_mean_of_igraph_strengths(graph):
    edges = unroll(graph)
    expected = np.mean(igraph_graph(edges).strength(weights=edges.weight.tolist()))
    assert metric_strength.structured(graph, {})["strength"] == pytest.approx(expected, rel=1e-6)
    assert metric_strength.reference(edges, {})["strength"] == pytest.approx(expected, rel=1e-6)
