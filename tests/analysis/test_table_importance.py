"""Pearson importances against SciPy, and their bootstrap intervals."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import table_importance

from helpers.synthetic_pool import WEIGHTED, synthetic_pool
from sparse_topology.analysis.bootstrap import interval, pearson, resampling_weights, weighted_pearson
from sparse_topology.analysis.pool import topometrics


def test_pearson_against_scipy_also_for_tiny_magnitudes_and_gaps():
    rng = np.random.default_rng(0)
    y = rng.random(50)
    x = np.column_stack([rng.random(50), 1e-6 + 1e-9 * (y + rng.random(50)), 1e9 * y])
    x[3, 0] = np.nan
    kept = ~np.isnan(x[:, 0])
    expected = [scipy.stats.pearsonr(x[kept, 0], y[kept]).statistic, scipy.stats.pearsonr(x[:, 1], y).statistic, 1.0]
    np.testing.assert_allclose(pearson(x, y), expected, rtol=1e-9)


def test_weights_are_repeated_networks():
    rng = np.random.default_rng(1)
    x, y = rng.random((20, 2)), rng.random(20)
    weights = resampling_weights(20, 5)
    assert (weights.sum(1) == 20).all()
    for row, values in zip(weights, weighted_pearson(x, y, weights), strict=True):
        index = np.repeat(np.arange(20), row.astype(int))
        np.testing.assert_allclose(values, pearson(x[index], y[index]))


def test_no_r_for_constants_or_two_networks():
    assert np.isnan(pearson(np.ones((5, 1)), np.arange(5.0))).all()
    assert np.isnan(pearson(np.arange(2.0)[:, None], np.arange(2.0))).all()


def test_interval_ignores_missing_draws_and_needs_one():
    low, high = interval(np.array([[0.0, np.nan], [1.0, np.nan], [np.nan, np.nan]]))
    assert low[0] == pytest.approx(0.025)
    assert high[0] == pytest.approx(0.975)
    assert np.isnan([low[1], high[1]]).all()
    assert np.isnan(interval(np.empty((0, 2)))).all()


def test_table_finds_the_metric_that_follows_the_drop(tmp_path):
    pool = synthetic_pool(seeds=(0, 1, 2))
    pool.to_parquet(tmp_path / "pool.parquet")
    table_importance.main(
        tmp_path / "pool.parquet", tmp_path / "importance.csv", {"bootstrap": 50, "weighted": WEIGHTED}
    )
    table = pd.read_csv(tmp_path / "importance.csv")
    assert len(table) == (3 + 2) * (16 + 10 + 10)
    mge = table[table["encoding"] == "mge"]
    assert (mge[mge["metric"] == "sink"]["r"] > 0.999).all()
    assert (mge["low"] <= mge["r"]).all()
    assert (mge["r"] <= mge["high"]).all()
    assert set(mge.loc[~mge["mask_only"], "metric"]) == {"strength", "spectral_gap", "spectral_radius"}


def test_a_pool_without_topometrics_gives_an_empty_table():
    pool = synthetic_pool(encodings=("mge",))
    pool[topometrics(pool, "mge")] = np.nan
    assert table_importance.importance_table(pool, WEIGHTED, 5).empty


def test_a_constant_metric_and_an_all_missing_drop_are_noted():
    pool = synthetic_pool(encodings=("mge",)).assign(source=0.0)
    table = table_importance.importance_table(pool, WEIGHTED, 10)
    assert table[table["metric"] == "source"]["r"].isna().all()
    empty = table_importance.importance_table(pool.assign(drop=np.nan), WEIGHTED, 10)
    assert empty["r"].isna().all()
    assert (empty["note"] != "").all()
