"""Two-colouring of layers against NetworkX."""

import networkx
from hypothesis import given
from hypothesis import strategies as st

from sparse_topology.metrics.colouring import two_colouring


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_colours_change_along_joins_and_are_missing_with_an_odd_cycle(case):
    count, joins = case
    graph = networkx.Graph(joins)
    graph.add_nodes_from(range(count))
    colour = two_colouring(count, joins)
    assert (colour is not None) == networkx.is_bipartite(graph)
    if colour is not None:
        assert all(colour[a] != colour[b] for a, b in joins)
        assert all(colour[min(part)] == 0 for part in networkx.connected_components(graph))
