"""The default study that `make quickstart` has run here: every table has its rows, and their numbers make sense."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPO

from helpers.small_study import default_study_is_finished

pytestmark = pytest.mark.study
CONFIG = yaml.safe_load((REPO / "config" / "config.yaml").read_text())
TOPOMETRICS = ["sink", "source", "disconnected", "r_out", "r_in", "n1", "n2", "motif4", "strength", "k_core"]
TOPOMETRICS += ["components", "component_size", "cut_edges", "cut_nodes", "spectral_gap", "spectral_radius"]


@pytest.fixture(scope="module")
def results():
    assert default_study_is_finished(REPO), "`make quickstart` would still do something"
    return REPO / "results"


def table(results, name):
    return pd.read_csv(results / "tables" / f"{name}.csv")


def test_pool_has_every_network(results):
    pool = pd.read_parquet(results / "topometrics.parquet")
    cells = 7 * len(CONFIG["architectures"]) * len(CONFIG["sparsities"]) * len(CONFIG["seeds"])
    assert cells >= 42
    assert (pool["encoding"].value_counts() == cells).all()
    assert set(pool["encoding"]) == {"mge", "rolled", "rolled_channel"}
    mge = pool[pool["encoding"] == "mge"]
    assert np.isfinite(mge[[*TOPOMETRICS, *(f"raw_{name}" for name in TOPOMETRICS)]]).all(axis=None)
    assert mge["layer_density"].between(0, 1).all()


def test_dense_networks_learn_and_the_sparsest_lose(results):
    accuracy = table(results, "accuracy")
    dense = accuracy[accuracy["pruning"] == "dense"]
    assert len(dense) == len(CONFIG["architectures"])
    assert (dense["accuracy_mean"] >= 95).all()
    sparsest = accuracy[accuracy["sparsity"] == max(CONFIG["sparsities"])]
    assert len(sparsest) == 7 * len(CONFIG["architectures"])
    assert sparsest["drop_mean"].max() > 0.1
    assert sparsest.groupby("architecture")["drop_mean"].agg(lambda drop: drop.max() - drop.min()).gt(0.1).all()


def test_regression_is_finite(results):
    regression = table(results, "regression")
    paper = regression[(regression["features"] == "topometrics") & (regression["folds"] == "random")]
    paper = paper[paper["regressor"] == "mean"]
    scenarios = len(CONFIG["sparsities"]) + len(CONFIG["architectures"])
    assert len(paper) == 3 * scenarios
    assert np.isfinite(paper[["r2", "mae"]]).all(axis=None)


def test_importance_is_a_correlation(results):
    importance = table(results, "importance")
    mge = importance[importance["encoding"] == "mge"]
    assert set(mge["metric"]) == set(TOPOMETRICS)
    assert mge["r"].dropna().between(-1, 1).all()
    assert mge["r"].notna().mean() > 0.8


def test_ranking_is_an_overlap(results):
    ranking = table(results, "ranking")
    assert {"ours", "layer_density", "delta_r", "delta_r_imdb", "lambda_imsg"} <= set(ranking["strategy"])
    assert ranking["rbo"].dropna().between(0, 1).all()
    assert ranking["rbo"].notna().any()


def test_figures_page_and_manifest(results):
    figures = {path.stem for path in (results / "figures").glob("*.svg")}
    assert {"accuracy", "regression", "importance", "ranking", "layers", "layer_correlation", "scatter"} <= figures
    assert (results / "report.html").stat().st_size < 10_000_000
    manifest = json.loads((results / "manifest.json").read_text())
    assert "snakemake" in manifest["command"]
    assert manifest["config"]["pruning"] == CONFIG["pruning"]
    assert manifest["git"]["commit"]
