"""Motif counts by class against igraph's enumeration, and RAND-ESU sampling against the exact number."""

import dataclasses
import math
from fractions import Fraction

import metric_motifs
import metric_neighbours
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.graphs.bipartite import layer_graphs
from sparse_topology.graphs.edge_list import adjacency, igraph_graph, unroll
from sparse_topology.graphs.layered import KernelBlock, Layer, LayeredGraph
from sparse_topology.metrics import measure, two_hops
from sparse_topology.metrics.degrees import degrees


@random_graphs.each(random_graphs.layered_graphs())
def test_structured_classes_are_those_that_igraph_enumerates(graph):
    assert metric_motifs.structured(graph, {}) == metric_motifs.reference(unroll(graph), {})


@random_graphs.each(random_graphs.layered_graphs())
def test_explicit_counts_agree_a_few_rows_at_a_time(graph):
    edges = unroll(graph)
    degree = np.add(*degrees(graph))
    counts = metric_motifs.explicit_counts(adjacency(edges), degree, paths_at_once=5)
    products = metric_motifs.degree_products_of_edges(edges, degree)
    assert metric_motifs.induced(counts, degree, products) == metric_motifs.reference(edges, {})


@pytest.mark.parametrize("elements", [64, two_hops.MAX_ELEMENTS])
def test_grouped_convolutions_are_counted_as_igraph_does(elements, monkeypatch):
    """Whether all channels are taken at once or a few of them, within a group or over its edge."""
    monkeypatch.setattr(two_hops, "MAX_ELEMENTS", elements)

    @random_graphs.each(random_graphs.grouped_networks(), examples=15)
    def check(graph):
        edges = unroll(graph)
        counts = metric_motifs.explicit_counts(adjacency(edges), np.add(*degrees(graph)))
        steps = two_hops.forward_steps(graph)
        assert metric_motifs.structured_counts(graph, steps, np.add(*degrees(graph))) == counts
        if edges.edge_count < 1500:
            assert metric_motifs.structured(graph, {}) == metric_motifs.reference(edges, {})
        n2 = metric_neighbours.reference(edges, {})["n2"]
        assert metric_neighbours.structured(graph, {})["n2"] == pytest.approx(n2, rel=1e-12)

    check()


@random_graphs.each(random_graphs.layered_graphs(identity_blocks=False), examples=25)
def test_a_kernel_in_pieces_is_one_step(graph):
    """As a shuffling of channels leaves it, and keys and values of an attention."""
    pieces = []
    for block in graph.blocks:
        channels = block.mask.shape[1] if block.groups == 1 else 0
        cuts = [slice(k, k + 1) for k in range(channels)] or [slice(None)]
        for cut in cuts:
            first = block.source_channel + (cut.start or 0)
            mask, weight = block.mask[:, cut], block.weight[:, cut]
            pieces.append(dataclasses.replace(block, mask=mask, weight=weight, source_channel=first))
    cut = dataclasses.replace(graph, blocks=pieces)
    assert len(two_hops.forward_steps(cut)) == len(two_hops.forward_steps(graph))
    assert metric_motifs.structured(cut, {}) == metric_motifs.structured(graph, {})
    assert metric_neighbours.structured(cut, {}) == metric_neighbours.structured(graph, {})


@random_graphs.each(random_graphs.bipartite_graphs())
def test_motif3_is_what_igraph_enumerates(graph):
    for layer in layer_graphs(graph).values():
        assert metric_motifs.structured(layer, {}) == metric_motifs.reference(unroll(layer), {})


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ([(0, 1), (1, 2), (2, 3)], "path"),
        ([(0, 1), (0, 2), (0, 3)], "star"),
        ([(0, 1), (0, 2), (1, 3), (2, 3)], "cycle"),
        ([(0, 1), (1, 2), (0, 2), (2, 3)], "paw"),
        ([(0, 1), (1, 2), (0, 2), (2, 3), (1, 3)], "diamond"),
        ([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], "k4"),
    ],
)
def test_each_class_is_recognised_by_both_engines(pairs, name):
    graph = random_graphs.from_pairs(pairs, sizes=[1, 1, 1, 1])
    for raw in (metric_motifs.structured(graph, {}), metric_motifs.reference(unroll(graph), {})):
        assert {key for key, count in raw.items() if count} == {"motif4", f"motif4_{name}"}


def test_dense_concatenation_is_seen_as_a_possible_k4():
    graph = random_graphs.from_pairs([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)], sizes=[1, 1, 1, 1], kernels=True)
    assert metric_motifs.joins_four_layers(two_hops.forward_steps(graph))
    assert metric_motifs.structured(graph, {})["motif4_k4"] == 1


def test_sampling_agrees_within_its_standard_error():
    rng = np.random.default_rng(0)
    pairs = np.argwhere(rng.random((40, 40)) < 0.3) + np.array([0, 40])
    edges = unroll(random_graphs.from_pairs(pairs, sizes=[40, 40]))
    exact = metric_motifs.reference(edges, {})["motif4"]
    raw = metric_motifs.sampled(igraph_graph(edges), share=0.2, seed=1)
    assert 0 < raw["motif4_error"] < 0.1 * exact
    assert abs(raw["motif4"] - exact) < 6 * raw["motif4_error"]


def test_sums_beyond_64_bits_do_not_wrap():
    degree = np.full(4_000_000, 300_000)
    assert metric_motifs.star_count(degree) == 4_000_000 * (300_000 * 299_999 * 299_998 // 6) > 2**63
    edges = random_graphs.from_pairs([(0, 1)], sizes=[1, 1])
    tails = np.zeros(3_000_000, np.int32)
    edges = dataclasses.replace(unroll(edges), source=tails, target=tails + 1, weight=np.ones(len(tails), np.float32))
    assert metric_motifs.degree_products_of_edges(edges, np.array([2_000_001, 2_000_001])) == 3_000_000 * 2_000_000**2


def test_sums_in_parts_are_pythons_integers():
    rng = np.random.default_rng(0)
    many, few = rng.integers(0, 2**59, 1000), rng.integers(0, 2**31, 1000)
    assert metric_motifs.exact_dot(many, few) == sum(a * b for a, b in zip(many.tolist(), few.tolist(), strict=True))
    values = rng.integers(0, 2**53, 5000)
    assert metric_motifs.exact_sum(values.astype(np.float64)) == sum(values.tolist()) > 2**63


def test_channels_are_sorted_by_the_terms_that_join_them_however_many():
    rng = np.random.default_rng(0)
    present = rng.random((70, 200)) < 0.9
    present[:, 100:] = present[:, rng.integers(0, 20, 100)]
    place = np.where(present, np.cumsum(present, 1) - 1, -1).astype(np.int32)
    values = np.zeros((1, 1, 200), np.float32)
    cells = list(two_hops._cells([two_hops.Entries(values, None), *(two_hops.Entries(values, p) for p in place)], 200))
    assert sorted(np.concatenate([cell for _, cell in cells])) == list(range(200))
    for live, cell in cells:
        assert all(live == (0, *(1 + np.flatnonzero(present[:, pair]))) for pair in cell)
    assert len(cells) == len(np.unique(present, axis=1).T)


def test_products_and_squares_beyond_float64_are_exact():
    rng = np.random.default_rng(0)
    u, v = (rng.integers(0, 2**31, (2, rows, 300)) for rows in (4, 5))
    mask = rng.random((2, 5, 4)) < 0.5
    expected = (np.einsum("goi,gip->gop", mask.astype(object), u.astype(object)) * v.astype(object)).sum()
    assert metric_motifs.masked_products(u.astype(float), v.astype(float), mask) == expected > 2**67
    assert metric_motifs.masked_products(v.astype(float), u.astype(float), mask.swapaxes(1, 2)) == expected
    f = metric_motifs.exact(np.full((1, 1 << 11, 1 << 11), 700_001, np.float32), 700_001)
    assert np.einsum("kts,kts->k", f, f).tolist() == [(1 << 22) * 700_001**2]
    values = rng.integers(2**52, 2**53, (2, 3, 1))
    counts = rng.integers(0, 2**20, (2, 3, 500))
    expected = (counts.astype(object) * values.astype(object)).sum()
    assert metric_motifs.dot(counts.astype(float), values.astype(float)) == expected > 2**63


def test_counts_of_a_complete_bipartite_graph_beyond_64_bits():
    """Two layers of m = 90,000 nodes, all joined (8.1e9 edges), in closed form: the paths, 4 C(m, 2)^2 of 3 edges, are
    none of them induced."""
    positions, channels = 150, 600
    m = positions * channels
    layers = [Layer("a", channels, 1, positions, 0), Layer("b", channels, 1, positions, m)]
    pairs = np.stack(np.meshgrid(np.arange(positions), [0], np.arange(positions), indexing="ij"), -1).reshape(-1, 3)
    kernel, point = np.ones((channels, channels, 1, 1), bool), np.zeros((1, 3), np.int32)
    block = KernelBlock("b", 0, 1, 0, 0, 1, kernel, kernel.astype(np.float32), point, pairs.astype(np.int32))
    graph = LayeredGraph("mge", layers, [block], np.array([[0, m]]), np.array([[m, 2 * m]]))
    raw = metric_motifs.structured(graph, {})
    assert raw["motif4_cycle"] == math.comb(m, 2) ** 2 > 2**63
    assert raw["motif4_star"] == 2 * m * math.comb(m, 3) > 2**63
    assert raw["motif4_path"] == raw["motif4_paw"] == 0
    assert raw["motif4"] == raw["motif4_cycle"] + raw["motif4_star"]
    assert metric_neighbours.structured(graph, {}) == {"n1": 1 + m / 2, "n2": 1 + m / 2}
    described = measure.describe(graph, raw, metric_motifs.DIVISORS)
    assert described["raw"]["motif4"] == raw["motif4"]
    assert described["normalised"]["motif4"] == pytest.approx(float(Fraction(raw["motif4"], m * m)), rel=1e-15)
