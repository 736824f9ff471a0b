"""Families of words, and regression across them on pools where the truth is known."""

import shutil

import codehash
import numpy as np
import pandas as pd
import pytest
import study
import table_families
import yaml
from conftest import REPO
from scipy import stats

from helpers.synthetic_pool import synthetic_pool
from sparse_topology.analysis.bootstrap import weighted_ranks, weighted_spearman
from sparse_topology.analysis.pool import topometrics
from sparse_topology.families import FAMILIES, family

DYNAMIC = ["set", "rigl", "itop"]
AT_INITIALISATION = ["snip", "grasp", "synflow", "prospr"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("random", ["uniform", "er", "erk"]),
        ("at initialisation", ["snip", "grasp", "synflow", "prospr", "ntksap", "magnitude"]),
        ("dynamic", ["set", "rigl", "itop", "snfs", "dsr"]),
        ("after training", ["oneshot", "imp", "gmp"]),
        ("control", ["snip_shuffled", "erk_reinit", "rigl_static", "magnitude_shuffled"]),
    ],
)
def test_family_of_a_word(name, words):
    assert {family(word) for word in words} == {name}
    assert name in FAMILIES
    assert family(words[0], {words[0]: "dynamic"}) == "dynamic"


def test_no_job_that_makes_or_measures_a_network_knows_families():
    scripts = (REPO / "workflow" / "scripts").glob("*.py")
    stages = ("prune_", "metric_", "dataset_", "train", "init", "encode", "geometry", "sparsify_")
    makers = [path.name for path in scripts if path.name.startswith(stages)]
    assert len(makers) > 25
    assert not [name for name in makers if "sparse_topology/families.py" in codehash.import_closure(name)]


def test_a_script_declares_the_family_of_its_word(tmp_path, monkeypatch):
    scripts = shutil.copytree(study.SCRIPTS, tmp_path / "scripts")
    (scripts / "prune_mine.py").write_text('import nothing_that_exists\n\nFAMILY = "dynamic"\n')
    (scripts / "prune_other.py").write_text('def f():\n    FAMILY = "dynamic"\n')
    monkeypatch.setattr(study, "SCRIPTS", scripts)
    config = yaml.safe_load((REPO / "config" / "config.yaml").read_text())
    config["pruning"] = ["mine", "other", "mine_shuffled"]
    assert study.Study(config).declared_families == {"mine": "dynamic"}
    for wrong in ('"dynamc"', "name()"):
        (scripts / "prune_mine.py").write_text(f"FAMILY = {wrong}\n")
        with pytest.raises(study.ConfigError, match=r"'mine' has FAMILY = .*allowed: after training, at init"):
            study.Study(config)


@pytest.mark.parametrize("seed", range(20))
def test_weighted_rank_correlation_is_scipys_of_the_repeated_sample(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 6, 15).astype(float), rng.random(15).round(1)
    weights = rng.multinomial(15, np.full(15, 1 / 15), size=4).astype(float)
    for row, ranks, found in zip(weights, weighted_ranks(x, weights), weighted_spearman(x, y, weights), strict=True):
        copies = np.repeat(np.arange(15), row.astype(int))
        np.testing.assert_allclose(ranks[copies], stats.rankdata(x[copies]))
        assert found == pytest.approx(stats.spearmanr(x[copies], y[copies]).statistic)
    assert np.isnan(weighted_spearman(np.ones(15), y, weights)).all()


def known_pool(slopes: dict[str, float]) -> pd.DataFrame:
    """Networks whose drop follows `sink` with a slope of their family's, plus a little noise."""
    words = {"at initialisation": AT_INITIALISATION, "dynamic": DYNAMIC, "random": ["uniform", "er", "erk"]}
    used = [word for name in slopes for word in words[name]]
    pool = synthetic_pool(datasets=("digits", "cifar10"), seeds=range(4), encodings=("mge",), pruning=used)
    rng = np.random.default_rng(5)
    pool["sink"] = rng.random(len(pool))
    slope = pool["family"].map(slopes)
    pool["drop"] = 0.5 + slope * (pool["sink"] - 0.5) + 0.01 * rng.standard_normal(len(pool))
    return pool


def line(table, trained_on, tested_on, regressor="mean", features="topometrics"):
    chosen = table.query("value == 'all' and regressor == @regressor and features == @features")
    (found,) = chosen.query("trained_on == @trained_on and tested_on == @tested_on").to_dict("records")
    return found


def test_a_shared_relation_transfers_and_a_reversed_one_transfers_negatively():
    pool = known_pool({"random": 0.6, "at initialisation": 0.6, "dynamic": -0.6})
    table = table_families.families_table(pool, 200)
    for name in ("random", "at initialisation", "dynamic"):
        assert line(table, name, name)["adjusted_r2_low"] > 0.95
    for source, target in (("random", "at initialisation"), ("at initialisation", "random")):
        found = line(table, source, target)
        assert found["adjusted_r2_low"] > 0.95
        assert found["rank_correlation_low"] > 0.95
        assert found["mae"] < 0.03
    for source, target in (("random", "dynamic"), ("dynamic", "random"), ("dynamic", "at initialisation")):
        found = line(table, source, target)
        assert found["adjusted_r2_high"] < -2
        assert found["rank_correlation_high"] < -0.95
        assert found["mae_low"] > 0.2
    assert abs(line(table, "random", "dynamic", features="architecture_dataset_sparsity")["r2"]) < 0.5


def test_scores_are_those_of_scikit_learn_fitted_on_one_family():
    from sklearn.linear_model import LinearRegression, Ridge
    from sklearn.metrics import mean_absolute_error, r2_score

    pool = known_pool({"at initialisation": 0.4, "dynamic": 0.2})
    table = table_families.families_table(pool, 20)
    names = topometrics(pool, "mge")
    trained, tested = pool[pool["family"] == "dynamic"], pool[pool["family"] == "at initialisation"]
    low, high = pool[names].min(), pool[names].max()
    X, new = (((part[names] - low) / (high - low)).to_numpy() for part in (trained, tested))
    for name, model in {"linear": LinearRegression(), "ridge": Ridge(1.0)}.items():
        expected, found = model.fit(X, trained["drop"]).predict(new), line(table, "dynamic", "at initialisation", name)
        assert found["r2"] == pytest.approx(r2_score(tested["drop"], expected), abs=1e-6)
        assert found["mae"] == pytest.approx(mean_absolute_error(tested["drop"], expected), abs=1e-6)
        rank = stats.spearmanr(tested["drop"], expected).statistic
        assert found["rank_correlation"] == pytest.approx(rank, abs=1e-3)
        n, p = len(tested), len(names)
        assert found["adjusted_r2"] == pytest.approx(1 - (1 - found["r2"]) * (n - 1) / (n - p - 1))
        assert found["r2_low"] < found["r2"] < found["r2_high"]


def test_within_a_family_the_seeds_of_a_cell_are_never_on_both_sides():
    pool = known_pool({"at initialisation": 0.4, "dynamic": 0.2})
    source, groups = (pool["family"] == "dynamic").to_numpy(), table_families.cells(pool)
    weights = table_families.fold_weights(source, groups)
    assert weights.shape == (6, len(pool))
    assert (weights[0] == source).all()
    left_out = source & (weights[1:] == 0)
    assert (left_out.sum(0) == source).all()
    for fold, row in zip(left_out, weights[1:], strict=True):
        assert not set(groups[fold]) & set(groups[row > 0])
        assert not row[~source].any()


def test_what_cannot_be_learned_or_tested_says_so(tmp_path):
    pool = known_pool({"at initialisation": 0.4, "dynamic": 0.2})
    few = pool[(pool["family"] != "dynamic") | (pool.index == pool.index[pool["family"] == "dynamic"][0])]
    table = table_families.families_table(few, 10)
    assert "fewer than 3 networks" in line(table, "dynamic", "at initialisation")["note"]
    assert "fewer than 3 networks" in line(table, "at initialisation", "dynamic")["note"]
    still = pool.assign(drop=pool["drop"].where(pool["family"] != "dynamic", 0.5))
    assert "does not vary" in line(table_families.families_table(still, 10), "dynamic", "dynamic")["note"]
    without = pool.assign(drop=np.nan)
    without.to_parquet(tmp_path / "pool.parquet")
    table_families.main(tmp_path / "pool.parquet", tmp_path / "out.csv", {"bootstrap": 10})
    empty = pd.read_csv(tmp_path / "out.csv")
    assert len(empty)
    assert empty["note"].str.contains("fewer than 3").all()
