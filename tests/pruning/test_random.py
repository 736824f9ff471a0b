"""Uniform, ER and ERK: counts, densities by rule, the published masks."""

import math

import numpy as np
import prune_er
import prune_erk
import prune_uniform
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pruning_cases import init_file, settings
from helpers.published_densities import deviations, published
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.pruning.layer_densities import redistributed_densities
from sparse_topology.pruning.masks import kept, load_masks, prunable, size, stream

SPARSITIES = (0.6, 0.8, 0.9, 0.95, 0.98)


def shapes_of(word, classes=10):
    state = load(word)(num_classes=classes).state_dict()
    return {name: tuple(state[name].shape) for name in prunable(state)}


def sizes_of(shapes):
    return np.array([math.prod(shape) for shape in shapes.values()])


@pytest.mark.parametrize("script", [prune_uniform, prune_er, prune_erk])
def test_a_mask_per_weight_that_depends_on_the_seed_alone(tmp_path, script):
    init, out, seen = init_file(tmp_path, "resnet_small"), tmp_path / "mask.npz", []
    for seed in (0, 0, 1):
        script.main(init, out, settings("resnet_small", 0.9, seed))
        seen.append(out.read_bytes())
    assert {name: mask.shape for name, mask in load_masks(out).items()} == shapes_of("resnet_small")
    assert seen[0] == seen[1] != seen[2]
    script.main(init, out, settings("resnet_small", 0.9999))
    assert kept(load_masks(out)) < 0.001 * size(load_masks(out))


@pytest.mark.parametrize(("sparsity", "expected"), [(0.6, 108358), (0.9, 27090), (0.98, 5418)])
def test_uniform_keeps_its_exact_share_of_the_network_and_varies_by_layer(sparsity, expected):
    shapes = shapes_of("resnet20")
    masks = prune_uniform.uniform_masks(shapes, sparsity, stream(0, "uniform"))
    assert (kept(masks), size(masks)) == (expected, 270896)
    sizes, d = sizes_of(shapes), 1 - sparsity
    z = (np.array([m.mean() for m in masks.values()]) - d) / np.sqrt(d * (1 - d) / sizes)
    assert 0.5 < np.sqrt((z**2).mean()) < 1.6


def test_erk_by_hand():
    """Sums 2 and 9, products 1 and 20: eps = (0.5 * 21) / 11 would give the single weight density 1.9, so it is dense
    and the others share 9.5 of 20."""
    shapes = {"a.weight": (1, 1), "b.weight": (4, 5)}
    assert prune_erk.erk_densities(shapes, 0.5) == pytest.approx([1.0, 9.5 / 20])
    convolution = {"a.weight": (8, 4, 3, 3), "b.weight": (8, 8)}
    raw = [18 / 288, 16 / 64]
    epsilon = 0.05 * 352 / (18 + 16)
    assert prune_erk.erk_densities(convolution, 0.95) == pytest.approx([epsilon * raw[0], epsilon * raw[1]])


layers = st.lists(st.tuples(st.integers(1, 64), st.integers(1, 64)), min_size=1, max_size=8)


@given(layers, st.floats(0.001, 0.999))
def test_redistribution_meets_the_budget_and_saturates_no_layer_too_many(layers, density):
    sizes, raw = [a * b for a, b in layers], [(a + b) / (a * b) for a, b in layers]
    densities = np.array(redistributed_densities(sizes, raw, density))
    assert densities @ sizes == pytest.approx(density * sum(sizes))
    assert (densities > 0).all()
    assert (densities <= 1).all()
    free = densities < 1
    epsilon = densities[free] / np.array(raw)[free]
    if free.any():
        assert epsilon == pytest.approx([epsilon[0]] * len(epsilon))
        assert (np.array(raw)[~free] * epsilon[0] >= 1 - 1e-9).all()


@pytest.mark.parametrize(
    ("word", "classes", "sparsity", "iterations", "ratio"),
    [
        ("resnet32", 10, 0.95, 18, 0.791),
        ("resnet32", 200, 0.98, 27, 1.1315),
        ("resnet20", 200, 0.98, 31, 0.8934),
        ("resnet32", 100, 0.98, 50, 1.0403),
        ("conv6", 10, 0.6, 100, 0.9969),
    ],
)
def test_stale_epsilon_ends_where_the_reference_did(word, classes, sparsity, iterations, ratio, capsys):
    shapes = shapes_of(word, classes)
    epsilon = prune_er.stale_epsilon(shapes, sparsity)
    assert f"after {iterations} iterations" in capsys.readouterr().out
    digits = len(str(ratio)) - 2
    assert round(epsilon / prune_er.exact_epsilon(shapes, sparsity), digits) == ratio


def test_stale_epsilon_ends_with_a_message_where_the_reference_would_search_for_ever():
    with pytest.raises(InputError, match=r"options\.er\.stale_epsilon: the reference's search does not end"):
        prune_er.stale_epsilon({"a.weight": (10**6, 10**6)}, 0.1)


def test_er_rules():
    shapes = shapes_of("conv6")
    sizes = sizes_of(shapes)
    reference = dict(zip(shapes, prune_er.er_densities(shapes, 0.9, "reference", True), strict=True))
    paper = dict(zip(shapes, prune_er.er_densities(shapes, 0.9, "paper", False), strict=True))
    assert reference["convs1.3.weight"] == pytest.approx(0.123, abs=5e-4)
    assert reference["linear.0.weight"] == pytest.approx(0.141, abs=5e-4)
    assert paper["convs1.3.weight"] == pytest.approx(0.383, abs=5e-4)
    assert paper["linear.0.weight"] == pytest.approx(0.051, abs=5e-4)
    assert np.array(list(paper.values())) @ sizes == pytest.approx(0.1 * sizes.sum())
    with pytest.raises(InputError, match=r"options\.er\.rule: 'set' is unknown"):
        prune_er.er_densities(shapes, 0.9, "set", False)
    with pytest.raises(InputError, match=r"options\.er\.stale_epsilon: true belongs to rule 'reference'"):
        prune_er.er_densities(shapes, 0.9, "paper", True)


@pytest.mark.parametrize(
    ("word", "sparsity", "published_sparsity"),
    [("conv6", 0.6, 0.621), ("resnet20", 0.6, 0.655), ("resnet32", 0.95, 0.961), ("wrn28_2", 0.8, 0.816)],
)
def test_er_of_the_tables_misses_the_budget(word, sparsity, published_sparsity):
    shapes = shapes_of(word)
    sizes = sizes_of(shapes)
    reached = 1 - prune_er.er_densities(shapes, sparsity, "reference", True) @ sizes / sizes.sum()
    assert reached == pytest.approx(published_sparsity, abs=0.001)


def test_er_options_reach_the_mask(tmp_path):
    init, out, totals = init_file(tmp_path, "conv_small"), tmp_path / "mask.npz", {}
    for options in ({}, {"rule": "reference"}, {"rule": "paper"}, {"stale_epsilon": True}):
        prune_er.main(init, out, settings("conv_small", 0.6, **options))
        totals[tuple(options.items())] = kept(load_masks(out))
    assert totals[()] == totals[("rule", "reference"),]
    assert len(set(totals.values())) == 3


@pytest.mark.parametrize("algorithm", ["uniform", "er", "erk"])
@pytest.mark.parametrize("architecture", ["conv6", "resnet20"])
def test_layer_densities_are_the_published_ones(released, architecture, algorithm):
    """Three masks of each sparsity against the authors' three, within 4 standard deviations in every layer."""
    expected, shapes = published(released[0], architecture, "cifar10"), shapes_of(architecture)
    sizes = sizes_of(shapes)
    for sparsity in SPARSITIES:
        random = [stream(seed, algorithm) for seed in (0, 1, 2)]
        if algorithm == "uniform":
            likely = np.full(len(sizes), 1 - sparsity)
            masks = [prune_uniform.uniform_masks(shapes, sparsity, r) for r in random]
        elif algorithm == "erk":
            likely = np.array(prune_erk.erk_densities(shapes, sparsity))
            masks = [prune_erk.erk_masks(shapes, sparsity, r) for r in random]
        else:
            likely = np.array(prune_er.er_densities(shapes, sparsity, "reference", True))
            masks = [prune_er.er_masks(shapes, sparsity, "reference", True, r) for r in random]
        ours = np.array([[mask.mean() for mask in network.values()] for network in masks])
        z = deviations(ours, expected[algorithm, sparsity].densities, sizes, likely)
        assert np.abs(z).max() <= 4
