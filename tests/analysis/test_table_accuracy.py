"""Accuracy cells: means, sample deviations, the star at chance, runs without accuracy."""

import numpy as np
import pandas as pd
import pytest
import table_accuracy

from helpers.synthetic_pool import synthetic_pool


@pytest.fixture
def pool():
    return synthetic_pool(seeds=(0, 1, 2), sparsities=(0.9,))


def set_accuracy(pool, pruning, values):
    """Give the three seeds of conv_small and one algorithm these accuracies."""
    for seed, value in enumerate(values):
        rows = (pool["pruning"] == pruning) & (pool["architecture"] == "conv_small") & (pool["seed"] == seed)
        pool.loc[rows, "accuracy"] = value


def cell(table, pruning):
    return table[(table["pruning"] == pruning) & (table["architecture"] == "conv_small")].iloc[0]


def test_means_are_over_networks_not_rows(pool):
    set_accuracy(pool, "snip", [0.90, 0.91, 0.95])
    table = table_accuracy.accuracy_table(pool)
    snip = cell(table, "snip")
    assert snip["accuracy_mean"] == pytest.approx(92.0)
    assert snip["accuracy_std"] == pytest.approx(np.std([90, 91, 95], ddof=1))
    assert snip["seeds"] == 3
    assert snip["printed"] == "92.0±2.6"
    assert len(table) == 2 * (7 + 1)


def test_star_at_or_below_chance(pool):
    set_accuracy(pool, "er", [0.1, 0.1, 0.1])
    set_accuracy(pool, "erk", [0.1, 0.1, 0.4])
    table = table_accuracy.accuracy_table(pool)
    assert cell(table, "er")["printed"] == "*"
    assert cell(table, "er")["at_chance"] == 3
    assert cell(table, "er")["printed_above_chance"] == ""
    assert cell(table, "erk")["printed"] == "20.0±17.3"
    assert cell(table, "erk")["printed_above_chance"] == "40.0"


def test_runs_without_accuracy_are_counted_apart(pool):
    set_accuracy(pool, "uniform", [np.nan, 0.5, 0.7])
    pool["collapsed"] = pool["accuracy"].isna()
    uniform = cell(table_accuracy.accuracy_table(pool), "uniform")
    assert uniform["accuracy_mean"] == pytest.approx(60.0)
    assert uniform["note"] == "1 without accuracy; 1 collapsed"


def test_all_collapsed_gives_a_table_without_values(pool, tmp_path):
    pool.assign(accuracy=np.nan, drop=np.nan, collapsed=True).to_parquet(tmp_path / "pool.parquet")
    table_accuracy.main(tmp_path / "pool.parquet", tmp_path / "accuracy.csv")
    table = pd.read_csv(tmp_path / "accuracy.csv")
    sparse = table[table["pruning"] != "dense"]
    assert sparse["accuracy_mean"].isna().all()
    assert sparse["note"].str.contains("3 collapsed").all()
    assert (table[table["pruning"] == "dense"]["printed"] == "95.0±1.0").all()
