"""Ranks and exchanges of weights against plain loops; schedules; exact layer counts."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sparse_topology.job import InputError
from sparse_topology.pruning.layer_densities import largest_remainder, random_subsets
from sparse_topology.pruning.masks import stream
from sparse_topology.training.ranking import Ranking, exchanged
from sparse_topology.training.schedule import cosine, interval, training_steps

CPU = torch.device("cpu")
layer_sizes = st.lists(st.integers(1, 12), min_size=1, max_size=5)


def ranking_of(sizes, seed=0):
    return Ranking(sizes, np.random.default_rng(seed), CPU)


def segments(sizes):
    ends = np.cumsum(sizes)
    return [range(end - size, end) for size, end in zip(sizes, ends, strict=True)]


@given(layer_sizes, st.integers(0, 1000))
def test_ranks_are_places_in_the_sorted_layer_ties_by_priority(sizes, seed):
    random, ranking = np.random.default_rng(seed), ranking_of(sizes, seed)
    score = torch.from_numpy(random.integers(0, 4, sum(sizes)).astype(np.float32))  # many ties
    place = {j: k for k, j in enumerate(ranking.priority.tolist())}
    key = [(score[j].item(), place[j]) for j in range(sum(sizes))]
    everything = sorted(range(sum(sizes)), key=key.__getitem__)
    assert ranking.overall(score).tolist() == [everything.index(j) for j in range(sum(sizes))]
    for layer in segments(sizes):
        order = sorted(layer, key=key.__getitem__)
        assert ranking.by_layer(score)[list(layer)].tolist() == [order.index(j) for j in layer]


@given(layer_sizes, st.integers(0, 1000), st.floats(0, 1))
def test_exchange_drops_the_smallest_and_grows_the_largest(sizes, seed, rate):
    """Against sorting each layer by hand; without ties, with layers that are full, empty or both exchanged whole."""
    random, ranking = np.random.default_rng(seed), ranking_of(sizes)
    total = sum(sizes)
    kept, magnitude, growth = random.random(total) < random.random(), random.random(total), random.random(total)
    drop = [int(rate * kept[list(layer)].sum()) for layer in segments(sizes)]
    expected = kept.copy()
    for layer, count in zip(segments(sizes), drop, strict=True):
        smallest = sorted((j for j in layer if kept[j]), key=lambda j: magnitude[j])[:count]
        expected[smallest] = False
        largest = sorted((j for j in layer if not expected[j]), key=lambda j: -growth[j])[:count]
        expected[largest] = True
    counts = torch.tensor(drop)
    tensors = [torch.from_numpy(array) for array in (kept, magnitude, growth)]
    got = exchanged(ranking, tensors[0], tensors[1], counts, tensors[2], counts)
    assert got.tolist() == expected.tolist()
    assert ranking.counts(got).tolist() == [int(kept[list(layer)].sum()) for layer in segments(sizes)]


def test_zeros_are_dropped_in_an_order_that_favours_nobody():
    """All values 0: over many networks each weight is dropped equally often (chi-square)."""
    kept, nothing = torch.ones(10, dtype=torch.bool), torch.zeros(10)
    hits = np.zeros(10)
    for seed in range(2000):
        ranks = ranking_of([10], seed).by_layer(torch.where(kept, nothing, nothing + torch.inf))
        hits[ranks.argmin()] += 1
    assert stats.chisquare(hits).pvalue > 1e-3


def test_random_growth_is_uniform_without_replacement_and_may_bring_back_what_was_dropped():
    """3 of 10 candidates each time, two of them just dropped. Inclusions of a draw without replacement have variance
    p (1 - p) and equal covariances, hence the factor (n - 1) / n."""
    ranking, repeats, grow = ranking_of([14, 5]), 3000, 3
    kept = torch.tensor([True] * 6 + [False] * 8 + [True] * 5)
    magnitude = torch.arange(19.0)
    drop, growth = torch.tensor([2, 0]), torch.tensor([grow, 0])
    hits = np.zeros(19)
    for number in range(repeats):
        keys = torch.from_numpy(stream(0, f"set {number}").random(19, dtype=np.float32))
        hits += exchanged(ranking, kept, magnitude, drop, keys, growth).numpy()
    assert (hits[2:6] == repeats).all()
    assert (hits[14:] == repeats).all()
    candidates = hits[[0, 1, *range(6, 14)]]
    p, n = grow / 10, 10
    statistic = ((candidates - repeats * p) ** 2).sum() / (repeats * p * (1 - p)) * (n - 1) / n
    assert 1e-3 < stats.chi2.sf(statistic, n - 1) < 1 - 1e-3


# -- schedules


def test_cosine_by_hand():
    rates = cosine(10, 40, 0.3, 0.0)
    assert list(rates) == [10, 20, 30]
    assert list(rates.values()) == pytest.approx([0.3 * (1 + math.sqrt(0.5)) / 2, 0.15, 0.3 * (1 - math.sqrt(0.5)) / 2])
    assert list(cosine(10, 40.5, 0.5, 0.005)) == [10, 20, 30, 40]
    assert cosine(1, 1e4, 0.5, 0.005)[9999] == pytest.approx(0.005, rel=1e-4)


def test_the_papers_trainings_take_the_interval_as_it_is_and_short_ones_twenty_updates():
    steps = training_steps(50_000, {"epochs": 160, "batch_size": 128})
    assert steps == 160 * 391
    assert interval({}, 100, 0.75 * steps, "set") == 100
    assert interval({}, 2000, steps, "itop") == 2000
    assert interval({}, 2000, 400, "itop") == 20
    assert interval({}, 100, 7, "set") == 1
    assert interval({"interval": 300}, 100, 400, "set") == 300
    with pytest.raises(InputError, match=r"options.set.interval: 400 leaves no update"):
        interval({"interval": 400}, 100, 400, "set")


# -- exact counts


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=8), st.integers(-1, 1))
def test_largest_remainder_meets_the_total_within_one_of_each_quota(layers, off):
    capacities = np.array([size for size, _ in layers])
    quotas = np.array([size * share for size, share in layers])
    total = min(max(round(quotas.sum()), 0), capacities.sum())
    counts = largest_remainder(quotas, total, capacities)
    assert counts.sum() == total
    assert (counts <= capacities).all()
    assert (np.abs(counts - quotas) <= 1 + 1e-6).all()
    assert largest_remainder(quotas, 10**6, capacities).tolist() == capacities.tolist()


def test_largest_fractions_are_rounded_up():
    assert largest_remainder(np.array([1.5, 2.9, 0.6]), 5, np.array([9, 9, 9])).tolist() == [1, 3, 1]
    assert largest_remainder(np.array([1.5, 2.9, 0.6]), 5, np.array([9, 2, 9])).tolist() == [2, 2, 1]


def test_random_subsets_have_their_counts_and_are_uniform():
    shapes, hits = {"a.weight": (2, 3), "b.weight": (2, 2)}, np.zeros(6)
    for seed in range(1000):
        masks = random_subsets(shapes, np.array([2, 4]), np.random.default_rng(seed))
        assert [int(mask.sum()) for mask in masks.values()] == [2, 4]
        hits += masks["a.weight"].ravel()
    assert stats.chisquare(hits).pvalue > 1e-3
