"""Local metrics against a count over the explicit graph."""

import metric_local
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import unroll


@random_graphs.each(random_graphs.layered_graphs())
def test_counts_agree_with_a_walk_over_every_node(graph):
    edges = unroll(graph)
    ends = list(zip(edges.source.tolist(), edges.target.tolist(), strict=True))
    tails, heads = {u for u, _ in ends}, {v for _, v in ends}
    inner_sinks = {v for v in heads - tails if not any(a <= v < b for a, b in graph.outputs)}
    inner_sources = {u for u in tails - heads if not any(a <= u < b for a, b in graph.inputs)}
    expected = {
        "sink": len(inner_sinks),
        "source": len(inner_sources),
        "disconnected": graph.node_count - len(tails | heads),
        "r_out": sum(u in inner_sources for u, _ in ends),
        "r_in": sum(v in inner_sinks for _, v in ends),
    }
    assert metric_local.structured(graph, {}) == expected
    assert metric_local.reference(edges, {}) == expected


def test_isolated_output_node_is_disconnected_and_never_makes_a_count_negative():
    raw = metric_local.local(np.array([1, 0, 0]), np.array([0, 1, 0]), [[0, 1]], [[1, 3]])
    assert raw == {"sink": 0, "source": 0, "disconnected": 1, "r_out": 0, "r_in": 0}


@pytest.mark.parametrize("engine", ["structured", "reference"])
def test_hidden_sink_and_source_carry_their_edges(engine):
    graph = random_graphs.from_pairs([[0, 2], [3, 4]], sizes=[2, 2, 1])
    subject = graph if engine == "structured" else unroll(graph)
    raw = getattr(metric_local, engine)(subject, {})
    assert raw == {"sink": 1, "source": 1, "disconnected": 1, "r_out": 1, "r_in": 1}
