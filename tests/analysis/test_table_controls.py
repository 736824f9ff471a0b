"""Methods against controls: pairs by seed, plain means, intervals, missing values."""

import numpy as np
import pandas as pd
import pytest
import table_controls

from helpers.synthetic_pool import synthetic_pool
from sparse_topology.analysis.pool import topometrics, write_parquet

CELL = table_controls.WHERE


@pytest.fixture(scope="module")
def pool():
    pool = synthetic_pool(seeds=(0, 1, 2), encodings=("mge",))
    control = pool[pool["pruning"] == "snip"].assign(pruning="snip_shuffled").sample(frac=1, random_state=0)
    shift = 0.1 + 0.01 * control["seed"]
    return pd.concat([pool, control.assign(drop=control["drop"] + shift)], ignore_index=True)


def test_differences_are_of_the_same_seed(pool):
    table = table_controls.controls_table(pool, [["snip_shuffled", "snip"]], 500)
    drop = table[table["metric"] == "drop"]
    cells = pool[CELL].drop_duplicates()
    assert len(drop) == len(cells) + 1
    overall = drop[drop["sparsity"] == "all"].iloc[0]
    assert overall["pairs"] == 3 * len(cells)
    np.testing.assert_allclose(drop["difference"], 0.11)
    assert overall["control_mean"] - overall["reference_mean"] == pytest.approx(0.11)
    assert overall["reference_mean"] == pytest.approx(pool.loc[pool["pruning"] == "snip", "drop"].mean())
    assert (drop["control_higher"] == 1).all()
    assert (drop["low"] >= 0.1 - 1e-9).all()
    assert (drop["high"] <= 0.12 + 1e-9).all()
    assert 0.105 < overall["low"] < 0.11 < overall["high"] < 0.115
    others = table[table["metric"] != "drop"]
    assert set(others["metric"]) == set(topometrics(pool, "mge"))
    assert (others["difference"].dropna() == 0).all()


def test_missing_values_and_seeds_leave_out_their_pairs(pool):
    pool = pool.copy()
    gone = (pool["pruning"] == "snip_shuffled") & (pool["seed"] == 2)
    pool.loc[(pool["pruning"] == "snip") & (pool["seed"] == 1), "drop"] = np.nan
    table = table_controls.controls_table(pool[~gone], [["snip_shuffled", "snip"]], 50)
    cell = table[(table["metric"] == "drop") & (table["sparsity"] != "all")]
    assert (cell["pairs"] == 1).all()
    np.testing.assert_allclose(cell["difference"], 0.1)
    assert cell[["low", "high"]].isna().all(axis=None)
    nothing = table_controls.controls_table(pool, [["erk_shuffled", "erk"]], 50)
    assert (nothing["pairs"] == 0).all()


def test_interval_is_the_percentile_bootstrap_of_scipy():
    from scipy import stats

    rng = np.random.default_rng(3)
    control, reference = rng.normal(0.3, 1, 40), rng.normal(0, 1, 40)
    ours = table_controls.comparison(control, reference, 9999)
    theirs = stats.bootstrap((control - reference,), np.mean, method="percentile", n_resamples=9999, rng=0)
    assert (ours["low"], ours["high"]) == pytest.approx(tuple(theirs.confidence_interval), abs=0.03)


def test_table_file(pool, tmp_path):
    write_parquet(pool, tmp_path / "pool.parquet")
    cfg = {"pairs": [["snip_shuffled", "snip"]], "bootstrap": 20}
    table_controls.main(tmp_path / "pool.parquet", tmp_path / "controls.csv", cfg)
    assert list(pd.read_csv(tmp_path / "controls.csv").columns) == table_controls.COLUMNS
