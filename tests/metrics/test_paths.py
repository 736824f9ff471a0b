"""Paths against enumeration by igraph and by a plain walk, and between the engines."""

import json
from dataclasses import replace

import igraph
import metric_paths
import numpy as np
import pytest
from torch import nn

from helpers import random_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.graphs.layered import save
from sparse_topology.metrics import measure
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


def live_by_walk(graph, edges):
    """Per node layer the channels, bool [C], with a unit on a path, found edge by edge."""
    arriving, leaving = metric_paths.log_sums(edges.source, edges.target, np.ones(edges.edge_count), edges)
    live = np.isfinite(arriving) & np.isfinite(leaving)
    return [live[la.offset : la.offset + la.size].reshape(la.channels, -1).any(1) for la in graph.layers], live


def joined(graph, edges):
    """(first layer, its channel, second layer, its channel) of every edge, int [E, 4]."""
    starts = np.array([layer.offset for layer in graph.layers])
    columns = []
    for ends in (edges.source, edges.target):
        layer = np.searchsorted(starts, ends, "right") - 1
        plane = np.array([la.height * la.width for la in graph.layers])[layer]
        columns += [layer, (ends - starts[layer]) // plane]
    return np.stack(columns, 1)


@pytest.mark.parametrize("density", [0.0, 0.08, 0.2, 1.0])
@pytest.mark.parametrize("shortcuts", ["ignore", "edges"])
def test_densities_of_each_layer_are_those_of_a_count_over_all_edges(density, shortcuts):
    """A depthwise-separable and a strided residual network, against the same network without a mask, edge by edge."""
    shape = (2, 6, 6)
    graph = random_graphs.traced(Blocks, shape, density, shortcuts)
    whole = random_graphs.traced(Blocks, shape, 1.0, shortcuts)
    edges, all_edges = unroll(graph), unroll(whole)
    order = np.argsort(edges.source, kind="stable")
    edges = replace(edges, **{name: getattr(edges, name)[order] for name in ("source", "target", "weight")})
    channels, units = live_by_walk(graph, edges)
    found = metric_paths.structured(graph, {})
    assert set(found["layers"]) == {"first", "depthwise", "pointwise", "strided", "classifier"}
    total = dict.fromkeys(("inside", "possible_inside", "on_path", "possible"), 0)
    kept, possible = joined(graph, edges), joined(whole, all_edges)
    on_path = units[edges.source] & units[edges.target]
    for block in graph.blocks:
        if block.name == "identity":
            continue
        of_layer = [(rows[:, [0, 2]] == (block.source, block.target)).all(1) for rows in (kept, possible)]
        inside = [
            channels[block.source][rows[chosen, 1]] & channels[block.target][rows[chosen, 3]]
            for rows, chosen in zip((kept, possible), of_layer, strict=True)
        ]
        counts = {"inside": inside[0].sum(), "possible_inside": inside[1].sum()}
        counts |= {"on_path": on_path[of_layer[0]].sum(), "possible": of_layer[1].sum()}
        total = {name: total[name] + counts[name] for name in total}
        assert_densities(found["layers"][block.name], counts)
        assert found["layers"][block.name]["live_channels"] == channels[block.target].mean()
    assert_densities(found, total)
    assert (found["live_density"] == 1.0) == (density == 1)


def assert_densities(found, counts):
    assert found["effective_density"] == pytest.approx(counts["on_path"] / counts["possible"])
    if counts["possible_inside"]:
        assert found["live_density"] == pytest.approx(counts["inside"] / counts["possible_inside"])
    else:
        assert isinstance(found["live_density"], Missing)


class Blocks(nn.Module):
    """One convolution of every kind between layers of their own."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1)
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.pointwise = nn.Conv2d(6, 6, 1)
        self.strided = nn.Conv2d(6, 4, 3, stride=2)
        self.classifier = nn.Linear(4 * 2 * 2, 3)

    def forward(self, x):
        x = self.first(x)
        x = self.pointwise(self.depthwise(x)) + x
        return self.classifier(self.strided(x).flatten(1))


def test_no_densities_where_there_are_no_channels():
    raw = metric_paths.structured(random_graphs.from_pairs([[0, 2], [1, 3], [3, 5]], sizes=[2, 3, 1]), {})
    assert raw["live_density"] == raw["effective_density"] == metric_paths.EXPLICIT
    assert "layers" not in raw


def test_a_layers_densities_reach_the_json(tmp_path):
    graph = random_graphs.traced(Blocks, (2, 6, 6), 0.3)
    paths = {"blocks": tmp_path / "blocks.npz"}
    save(graph, paths["blocks"])
    measure.run(
        {"mge": paths},
        tmp_path / "paths.json",
        {"encodings": ["mge"]},
        metric_paths.DIVISORS,
        structured=metric_paths.structured,
    )
    entry = json.loads((tmp_path / "paths.json").read_text())["encodings"]["mge"]
    raw = metric_paths.structured(graph, {})
    assert entry["raw"] == pytest.approx({name: raw[name] for name in metric_paths.DIVISORS})
    assert {name: layer["raw"] for name, layer in entry["layers"].items()} == raw["layers"]


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
