"""Identities, variance inflation, closest companions."""

import numpy as np
import pandas as pd
import pytest
import table_redundancy

from helpers.synthetic_pool import synthetic_pool


def test_identities_are_found_and_broken_ones_are_not():
    pool = synthetic_pool(seeds=(0, 1), encodings=("mge",))
    names = ["sink", "n1", "components", "component_size"]
    table = pd.DataFrame(table_redundancy.redundancy_rows(pool, "mge", names)[0]).set_index("metric")
    assert table.loc["n1", "is_identity"]
    assert table.loc["component_size", "is_identity"]
    assert table["is_identity"].isna()["sink"]
    pool["n1"] *= 1.01
    table = pd.DataFrame(table_redundancy.redundancy_rows(pool, "mge", names)[0]).set_index("metric")
    assert not table.loc["n1", "is_identity"]
    assert table.loc["n1", "identity_deviation"] == pytest.approx(0.01)


def test_variance_inflation_against_the_inverse_correlation_matrix():
    rng = np.random.default_rng(0)
    values = rng.random((60, 3))
    values[:, 2] = values[:, 0] + 0.1 * values[:, 2]
    pool = pd.DataFrame(values, columns=["a", "b", "c"]).assign(nodes=10.0, edges=rng.integers(20, 90, 60))
    rows, pairs = table_redundancy.redundancy_rows(pool, "mge", ["a", "b", "c"])
    expected = np.diag(np.linalg.inv(np.corrcoef(values.T)))
    np.testing.assert_allclose([row["variance_inflation"] for row in rows], expected)
    assert rows[0]["closest"] == "c"
    assert pairs[1]["r"] == pytest.approx(np.corrcoef(values[:, 0], values[:, 2])[0, 1])


def test_exact_copies_have_infinite_inflation_and_constants_none():
    pool = synthetic_pool(encodings=("mge",))
    pool = pool.assign(copy=pool["sink"], flat=1.0)
    table = pd.DataFrame(table_redundancy.redundancy_rows(pool, "mge", ["sink", "copy", "flat"])[0])
    assert np.isinf(table["variance_inflation"].iloc[:2]).all()
    assert np.isnan(table["variance_inflation"].iloc[2])


def test_a_pool_without_edges_gives_empty_tables(tmp_path):
    synthetic_pool().assign(edges=0.0).to_parquet(tmp_path / "pool.parquet")
    outputs = tmp_path / "redundancy.csv", tmp_path / "correlation.csv"
    table_redundancy.main(tmp_path / "pool.parquet", *outputs)
    assert all(pd.read_csv(path).empty for path in outputs)
