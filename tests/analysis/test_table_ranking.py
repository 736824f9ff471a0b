"""The ranking table: its orders, missing values, subsets, intervals, on pools where the answer is known."""

import numpy as np
import pandas as pd
import pytest
import table_ranking

from helpers.synthetic_pool import ALGORITHMS, synthetic_pool
from sparse_topology.analysis.design import RANKED_CELL
from sparse_topology.analysis.pool import TOPOMETRICS


def table_of(pool, resamples=20):
    return table_ranking.ranking_table(pool, resamples, "last")


def test_a_metric_that_is_the_accuracy_ranks_perfectly():
    table = table_of(synthetic_pool(seeds=(0, 1, 2)))
    density = table[(table["strategy"] == "layer_density") & (table["sparsity"] != "average")]
    assert density["rbo"].to_numpy() == pytest.approx(1)
    assert density["tau"].to_numpy() == pytest.approx(1)
    assert density["lost_points"].to_numpy() == pytest.approx(0)
    row = density[(density["subset"] == "all") & (density["dataset"] == "digits")].iloc[0]
    assert row["predicted"] == row["actual"] == " ".join(ALGORITHMS)


def test_values_are_in_range_and_the_default_is_marked():
    table = table_of(synthetic_pool())
    assert table["rbo"].between(0, 1).all()
    assert table["tau"].between(-1, 1).all()
    assert set(table.loc[table["default"] & (table["strategy"] != "random"), "missing"]) == {"last"}
    assert set(table["subset"]) == {"all", "pruning_at_initialisation", "layerwise_random"}
    assert table[table["subset"] == "layerwise_random"]["algorithms"].eq(3).all()


def test_undefined_goes_first_or_last():
    pool = synthetic_pool(seeds=(0, 1))
    pool.loc[pool["pruning"] == "uniform", "layer_density"] = np.nan
    table = table_of(pool)
    rows = table[(table["strategy"] == "layer_density") & (table["subset"] == "all") & (table["dataset"] == "digits")]
    last, first = (rows[rows["missing"] == choice] for choice in ("last", "first"))
    # uniform is the worst algorithm of the synthetic pool.
    assert (last["rbo"] == 1).all()
    assert first["predicted"].str.startswith("uniform ").all()
    assert (first["rbo"] < 0.9).all()
    assert (rows["undefined"] == 1).all()


@pytest.mark.parametrize("constant", [[], ["sink"], ["sink", "source"]])
def test_mixture_follows_equation_5(constant):
    """Equation 5 written out with pandas, for one architecture and sparsity; a metric that is constant at the sparsity
    has the importance that it has for the architecture."""
    pool = synthetic_pool(seeds=(0, 1, 2), encodings=("mge",))
    names = ["sink", "source", "strength"]
    pool.loc[pool["sparsity"] == 0.9, constant] = 0.25
    rows = pool.sort_values([*RANKED_CELL, "seed"], ignore_index=True)
    starts = np.arange(0, len(rows), 3)
    score = table_ranking.mixture_scores(rows, names, np.ones((1, len(rows))), starts)[0]
    architecture, sparsity = "conv_small", 0.9
    own, same = rows[rows["architecture"] == architecture], rows[rows["sparsity"] == sparsity]
    varying = [name for name in names if name not in constant]
    r = pd.concat([own[names].corrwith(own["drop"]), same[varying].corrwith(same["drop"])]).groupby(level=0).mean()
    scaled = (own[names] - own[names].min()) / (own[names].max() - own[names].min())
    part = scaled[own["sparsity"] == sparsity].mul(r).sum(axis=1)
    expected = part.groupby(own["pruning"]).mean()
    cells = rows.iloc[starts].reset_index(drop=True)
    here = (cells["architecture"] == architecture) & (cells["sparsity"] == sparsity)
    np.testing.assert_allclose(score[here], expected.to_numpy())


def test_resamples_keep_every_cells_size():
    cells = np.array([0, 0, 0, 1, 1, 2])
    weights = table_ranking.seed_resamples(cells, 50)
    assert (weights[0] == 1).all()
    for cell, size in enumerate((3, 2, 1)):
        assert (weights[:, cells == cell].sum(1) == size).all()
    assert len({tuple(row) for row in weights}) > 5


def test_one_seed_has_no_interval_and_three_have():
    columns = ["rbo_low", "rbo_high"]
    assert table_of(synthetic_pool())[columns].isna().all(axis=None)
    ours = table_of(synthetic_pool(seeds=(0, 1, 2))).query("strategy == 'ours'")
    assert (ours["rbo_low"] <= ours["rbo_high"]).all()


def test_average_row_is_the_mean_over_sparsities():
    table = table_of(synthetic_pool(datasets=("digits", "other"), seeds=(0, 1)))
    key = (table["strategy"] == "ours") & (table["missing"] == "last") & (table["subset"] == "all")
    rows = table[key & (table["dataset"] == "all") & (table["architecture"] == "conv_small")]
    average = rows[rows["sparsity"] == "average"].iloc[0]
    others = rows[rows["sparsity"] != "average"]
    assert len(others) == 3
    assert average["rbo"] == pytest.approx(others["rbo"].mean())
    assert average["rbo_std"] == pytest.approx(others["rbo_std"].mean())


def test_the_mixture_with_the_studys_own_metrics_is_a_row_of_its_own():
    pool = synthetic_pool(seeds=(0, 1))
    own = pool.assign(girth=pool["drop"], raw_girth=pool["drop"])
    before, table = table_of(pool), table_of(own)
    further = table["strategy"] == "ours_further"
    pd.testing.assert_frame_equal(table[~further].reset_index(drop=True), before)
    ours = table[table["strategy"] == "ours"]
    assert table.loc[further, "tau"].mean() > ours["tau"].mean()
    # The smallest coefficient comes first, as in the paper's mixture: a layer metric's largest would.
    alone = synthetic_pool(seeds=(0, 1)).drop(columns=[f"raw_{name}" for name in TOPOMETRICS])
    alone = table_of(alone.assign(girth=alone["drop"], raw_girth=alone["drop"]))
    assert "ours" not in set(alone["strategy"])
    assert (alone.loc[alone["strategy"] == "ours_further", "tau"] == 1).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda pool: pool.assign(drop=np.nan, accuracy=np.nan),
        lambda pool: pool[pool["pruning"] == "snip"],
        lambda pool: pool.assign(delta_r=np.nan, layer_density=np.nan),
        lambda pool: pool[pool["encoding"] == "rolled"],
        lambda pool: pool.drop(columns=["sink", "n2"]),
        lambda pool: pool.drop(columns=[*TOPOMETRICS]),
    ],
)
def test_odd_pools_do_not_fail(change, tmp_path):
    change(synthetic_pool()).to_parquet(tmp_path / "pool.parquet")
    table_ranking.main(tmp_path / "pool.parquet", tmp_path / "ranking.csv", {"bootstrap": 0, "missing": "first"})
    table = pd.read_csv(tmp_path / "ranking.csv")
    assert list(table.columns) == table_ranking.COLUMNS
    assert table["rbo"].between(0, 1).all()
