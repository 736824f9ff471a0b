"""The drawing of a graph: its aggregates against the edge list."""

import xml.etree.ElementTree as ET

import figure_graph
import metric_local
import numpy as np
import pytest
from matplotlib.text import Text
from torch import nn

from sparse_topology.graphs import geometry as geometries
from sparse_topology.graphs import layered
from sparse_topology.graphs.geometry import encode
from sparse_topology.graphs.trace import trace
from sparse_topology.networks.architectures import load
from sparse_topology.words import network_title


def network(module, shape, density):
    geometry = trace(module, shape)
    rng = np.random.default_rng(0)
    weights = {p.key: rng.standard_normal(p.shape, np.float32) for p in geometry.parameters}
    masks = {key: rng.random(weight.shape) < density for key, weight in weights.items()}
    return geometry, encode(geometry, weights, masks)


@pytest.fixture(scope="module")
def small():
    return network(load("resnet_small")(10, 1), (1, 8, 8), 0.05)


def test_bundles_count_every_edge_in_its_bins(small):
    _, graph = small
    tails, heads, _ = layered.all_edges(graph)
    found = figure_graph.bundles(graph, bins=7)
    assert sum(counts.sum() for counts in found.values()) == graph.edge_count
    source, target = graph.layers[1], graph.layers[2]
    expected = np.zeros((7, 7))
    for tail, head in zip(tails, heads, strict=True):
        if 0 <= tail - source.offset < source.size and 0 <= head - target.offset < target.size:
            expected[int((tail - source.offset) / source.size * 7), int((head - target.offset) / target.size * 7)] += 1
    np.testing.assert_array_equal(found[1, 2], expected)


def test_every_pixel_column_has_all_edges():
    counts = np.random.default_rng(0).integers(0, 9, (20, 10))
    image = figure_graph.raster(counts, width=13, height=40)
    np.testing.assert_array_equal(image.sum(0), np.full(13, counts.sum()))
    one = np.zeros((4, 4))
    one[0, 3] = 1
    assert np.argmax(figure_graph.raster(one, 101, 100), axis=0)[[0, 50, 100]].tolist() == [12, 50, 87]


def test_kinds_are_those_of_the_local_metrics(small):
    _, graph = small
    kinds = figure_graph.node_kinds(graph)
    local = metric_local.structured(graph, {})
    counts = dict(zip(figure_graph.KINDS, np.bincount(kinds, minlength=4).tolist(), strict=True))
    assert {kind: counts[kind] for kind in ("sink", "source", "disconnected")} == {
        kind: local[kind] for kind in ("sink", "source", "disconnected")
    }
    assert min(counts.values()) > 0


def test_a_column_of_nodes_shows_the_kinds_in_proportion():
    kinds = np.repeat([0, 3, 1, 2], [50, 50, 50, 50])
    image = figure_graph.composition(kinds, width=4, height=20)
    for first, kind in zip((0, 5, 10, 15), (0, 3, 1, 2), strict=True):
        np.testing.assert_array_equal(image[first : first + 5], np.broadcast_to(figure_graph.COLOURS[kind], (5, 4, 3)))
    mixed = figure_graph.composition(np.array([0, 3] * 100), width=4, height=20)
    assert (mixed == figure_graph.COLOURS[3]).all(2).mean() == 0.5
    few = figure_graph.composition(np.array([0, 3]), width=4, height=20)
    assert (few == figure_graph.COLOURS[3]).all(2).sum(0).tolist() == [10] * 4


NETWORK = {"dataset": "digits", "architecture": "wrn28_2", "pruning": "snip", "sparsity": "0.950"}


def test_every_word_lies_inside_the_drawing_and_all_signs_are_explained(small):
    geometry, graph = small
    ones = {p.key: np.ones(p.shape, bool) for p in geometry.parameters}
    title = network_title(NETWORK) + ", and what else a long title would like to say about this network"
    figure = figure_graph.draw(graph, encode(geometry, ones, ones), title)
    figure.canvas.draw()
    page = figure.bbox
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    for text in texts:
        box = text.get_window_extent()
        assert box.x0 >= page.x0 - 1, text
        assert box.x1 <= page.x1 + 1, text
    said = " ".join(text.get_text() for text in texts)
    dead = (figure_graph.node_kinds(graph) > 0).mean()
    words = [
        "Wide-ResNet-28-2 on Digits, SNIP at sparsity 0.95",
        f"{dead:.1%} of them dead",
        "skip layers",
        "none left",
    ]
    for word in [*words, "sink unit", "Dead units"]:
        assert word in said.replace("\n", " ")


def test_drawings_have_one_scale(small):
    geometry, graph = small
    ones = {p.key: np.ones(p.shape, bool) for p in geometry.parameters}
    dense = encode(geometry, ones, ones)
    limits = []
    for drawn in (graph, dense):
        figure = figure_graph.draw(drawn, dense)
        limits.append([axis.get_ylim() for axis in figure.axes[1:]])
    assert limits[0] == limits[1]


DRAWN = {
    "residual": (load("resnet_small")(10, 1), (1, 8, 8), 0.05),
    "empty": (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3)), (1, 8, 8), 0.0),
    "dense": (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(144, 2)), (1, 8, 8), 1.0),
    "edge blocks": (nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Conv2d(1, 2, 3)), (1, 8, 8), 0.5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_it_is_one_svg_and_the_same_bytes_each_time(name, tmp_path):
    geometry, graph = network(*DRAWN[name])
    geometries.save(geometry, tmp_path / "geometry.npz")
    layered.save(graph, tmp_path / "blocks.npz")
    for output in ("first.svg", "second.svg"):
        figure_graph.main(tmp_path / "geometry.npz", tmp_path / "blocks.npz", tmp_path / output, NETWORK)
    assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()
    assert ET.parse(tmp_path / "first.svg").getroot().tag.endswith("svg")
