"""One and two directed hops against igraph."""

import metric_neighbours
import pytest

from helpers import random_graphs
from sparse_topology.graphs.bipartite import layer_graphs
from sparse_topology.graphs.edge_list import unroll


@random_graphs.each(random_graphs.layered_graphs())
def test_both_engines_agree(graph):
    expected = metric_neighbours.reference(unroll(graph), {})
    assert metric_neighbours.structured(graph, {}) == pytest.approx(expected, rel=1e-12)


@random_graphs.each(random_graphs.layered_graphs())
def test_explicit_pairs_agree_even_a_few_rows_at_a_time(graph):
    n2 = metric_neighbours.reference(unroll(graph), {})["n2"]
    pairs = metric_neighbours.explicit_pairs(graph, paths_at_once=5)
    assert 1 + pairs / graph.node_count == pytest.approx(n2, rel=1e-12)


def test_parallel_paths_and_a_shortcut_count_once():
    graph = random_graphs.from_pairs([[0, 1], [0, 2], [1, 3], [2, 3], [0, 3]], sizes=[1, 2, 1])
    assert metric_neighbours.structured(graph, {}) == {"n1": 1 + 5 / 4, "n2": (4 + 2 + 2 + 1) / 4}


@random_graphs.each(random_graphs.bipartite_graphs())
def test_bipartite_layers_have_n1_only(graph):
    for layer in layer_graphs(graph).values():
        expected = {"n1": 1 + layer.edge_count / layer.node_count}
        assert metric_neighbours.structured(layer, {}) == pytest.approx(expected)
        assert metric_neighbours.reference(unroll(layer), {}) == pytest.approx(expected)
