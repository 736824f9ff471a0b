"""Strength against igraph's weighted degrees."""

import metric_strength
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import igraph_graph, unroll


@random_graphs.each(random_graphs.layered_graphs())
def test_mean_of_igraph_strengths(graph):
    edges = unroll(graph)
    expected = np.mean(igraph_graph(edges).strength(weights=edges.weight.tolist()))
    assert metric_strength.structured(graph, {})["strength"] == pytest.approx(expected, rel=1e-6)
    assert metric_strength.reference(edges, {})["strength"] == pytest.approx(expected, rel=1e-6)
