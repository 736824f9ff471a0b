"""Paths against enumeration by igraph and by a plain walk, and between the engines."""

import igraph
import metric_paths
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.metrics.measure import Missing
from sparse_topology.metrics.path_counts import PathSums

NAMES = ["ln_paths", "ln_path_kernel_trace", "live_edges", "live_channels"]


def walks(edges, limit=20_000):
    """Every path from an input to an output as a list of edge numbers; None if there are too many."""
    outgoing = {}
    for number, u in enumerate(edges.source.tolist()):
        outgoing.setdefault(u, []).append(number)
    outputs = {v for a, b in edges.outputs for v in range(a, b)}
    todo = [(v, []) for a, b in edges.inputs for v in range(a, b)]
    found = []
    while todo:
        node, path = todo.pop()
        if node in outputs:
            found.append(path)
        todo += [(int(edges.target[number]), [*path, number]) for number in outgoing.get(node, [])]
        if len(found) + len(todo) > limit:
            return None
    return found


@random_graphs.each(random_graphs.layered_graphs())
def test_both_engines_agree_with_a_walk_along_every_path(graph):
    edges = unroll(graph)
    structured, reference = metric_paths.structured(graph, {}), metric_paths.reference(edges, {})
    for name in NAMES:
        if isinstance(reference[name], Missing):
            assert structured[name] == reference[name]
        else:
            assert structured[name] == pytest.approx(reference[name], rel=1e-9, abs=1e-9)
    paths = walks(edges)
    if paths is None:
        return
    assert structured["live_edges"] == len({number for path in paths for number in path})
    if not paths:
        assert isinstance(structured["ln_paths"], Missing)
        return
    assert structured["ln_paths"] == pytest.approx(np.log(len(paths)), abs=1e-9)
    square = edges.weight.astype(float) ** 2
    trace = sum(np.prod(np.delete(square[path], k)) for path in paths for k in range(len(path)))
    assert structured["ln_path_kernel_trace"] == pytest.approx(np.log(trace), abs=1e-6)


def test_number_of_paths_is_that_of_igraph():
    graph = random_graphs.from_pairs(
        [[0, 2], [0, 3], [1, 3], [2, 4], [3, 4], [3, 5], [0, 5]], sizes=[2, 2, 2], kernels=True
    )
    edges = unroll(graph)
    built = igraph.Graph(n=6, edges=list(zip(edges.source.tolist(), edges.target.tolist(), strict=True)), directed=True)
    count = sum(len(built.get_all_simple_paths(u, to=[4, 5])) for u in (0, 1))
    assert metric_paths.structured(graph, {})["ln_paths"] == pytest.approx(np.log(count))


def test_dead_units_hold_no_live_edge():
    graph = random_graphs.from_pairs([[0, 2], [1, 3], [3, 5]], sizes=[2, 3, 1])
    raw = metric_paths.structured(graph, {})
    assert raw["live_edges"] == 2
    assert raw["live_channels"] == pytest.approx((1 / 3 + 1) / 2)
    assert raw["ln_paths"] == 0


def test_nothing_overflows_in_a_network_of_more_than_10_to_the_308_paths():
    width, depth = 10, 400
    pairs = [
        (layer * width + a, (layer + 1) * width + b)
        for layer in range(depth)
        for a in range(width)
        for b in range(width)
    ]
    graph = random_graphs.from_pairs(pairs, [width] * (depth + 1), kernels=True)
    assert PathSums(graph).log_sum() == pytest.approx((depth + 1) * np.log(width), rel=1e-12)
    assert PathSums(graph, squared_weights=True).log_sum_without_each_edge() == pytest.approx(
        (depth + 1) * np.log(width) + np.log(depth), rel=1e-12
    )
