"""Rank-biased overlap and Kendall's tau against hand-computed lists and an independent formulation."""

import itertools

import numpy as np
import pytest
import scipy.stats

from sparse_topology.analysis.rankings import kendall_tau, mean_rbo, places, random_rbo, rank_biased_overlap


def test_identical_lists_agree_entirely():
    order = np.array([2, 0, 1, 3])
    for alpha in (0.25, 0.5, 0.75):
        assert rank_biased_overlap(order, order, alpha) == pytest.approx(1)
    assert kendall_tau(order, order) == 1


def test_two_swapped_items_by_hand():
    # Overlaps X_1 = 0, X_2 = 2: RBO = (2/2) a^2 + (1 - a) (0/1 + a 2/2) = a^2 + a - a^2 = a.
    for alpha in (0.25, 0.5, 0.75):
        assert rank_biased_overlap(np.array([0, 1]), np.array([1, 0]), alpha) == pytest.approx(alpha)
    assert mean_rbo(np.array([0, 1]), np.array([1, 0])) == pytest.approx(0.5)
    assert kendall_tau(np.array([0, 1]), np.array([1, 0])) == -1


def test_three_items_by_hand():
    # a b c against c a b: X = 0, 1, 3; alpha = 1/2: 1/8 + 1/2 (0 + 1/2 * 1/2 + 1/4 * 1) = 3/8.
    assert rank_biased_overlap(np.array([0, 1, 2]), np.array([1, 2, 0]), 0.5) == pytest.approx(0.375)


def test_against_growing_sets():
    """The definition on lists of names, with Python sets."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.permutation(7), rng.permutation(7)
        total = 0.0
        for depth in range(1, 8):
            overlap = len(set(first[:depth]) & set(second[:depth]))
            total += 0.4 * 0.6 ** (depth - 1) * overlap / depth
        expected = total + 0.6**7
        assert rank_biased_overlap(np.argsort(first), np.argsort(second), 0.6) == pytest.approx(expected)


def test_expectation_of_a_random_order_is_the_mean_over_all_orders():
    orders = np.array(list(itertools.permutations(range(4))))
    assert random_rbo(4) == pytest.approx(mean_rbo(orders, np.arange(4)[None]).mean())


def test_kendall_tau_against_scipy():
    rng = np.random.default_rng(1)
    first, second = rng.permuted(np.tile(np.arange(7), (10, 1)), axis=1), rng.permuted(np.arange(7))
    expected = [scipy.stats.kendalltau(row, second).statistic for row in first]
    np.testing.assert_allclose(kendall_tau(first, np.broadcast_to(second, first.shape)), expected)


def test_places_keep_order_among_ties_and_put_missing_where_asked():
    score = np.array([0.3, np.nan, 0.1, 0.3, np.nan])
    assert places(score).tolist() == [1, 3, 0, 2, 4]
    assert places(score, missing="first").tolist() == [3, 0, 2, 4, 1]
    assert places(score, largest_first=True).tolist() == [0, 3, 2, 1, 4]
    assert places(np.array([[1, 2], [2, 1]])).tolist() == [[0, 1], [1, 0]]
