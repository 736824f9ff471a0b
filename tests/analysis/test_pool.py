"""The pool from a study's files: columns, means, gaps, collapsed networks."""

import json

import numpy as np
import pandas as pd
import pool
import pytest
import table_layers
import table_ranking
from conftest import REPO

from helpers.synthetic_pool import synthetic_pool
from sparse_topology.analysis import path_score
from sparse_topology.analysis.design import LAYER_SCORES
from sparse_topology.analysis.pool import LAYER_METRICS, layer_metrics, min_max, topometrics

MGE = {"sink": 12, "source": None}
ENCODINGS = ["mge", "rolled"]
PATH_SCORE = REPO / "workflow" / "resources" / "path-score.csv"
FAMILIES = {}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


def local(nodes, edges):
    normalised = {"sink": 12 / nodes, "source": None}
    entry = {"nodes": nodes, "edges": edges, "raw": MGE, "normalised": normalised, "missing": {"source": "why"}}
    return {"family": "local", "encodings": {"mge": entry | {"layers": {}}}}


def kcore():
    entry = {"nodes": 100, "edges": 400, "raw": {"k_core": 3.0}, "normalised": {"k_core": 0.0075}, "missing": {}}
    return {"family": "kcore", "encodings": {"mge": entry, "rolled": entry | {"edges": 50}}}


def ramanujan(values):
    layers = {
        name: {"raw": {"delta_r": value}, "normalised": {"delta_r": value}, "missing": {}}
        for name, value in values.items()
    }
    raw = {"delta_r": 0.5}
    return {
        "family": "ramanujan",
        "encodings": {"rolled": {"nodes": 100, "edges": 50, "raw": raw, "normalised": raw, "layers": layers}},
    }


@pytest.fixture
def study(tmp_path):
    """Two networks with their files, two dense trainings, and a data set of ten classes."""
    networks = []
    for seed, (accuracy, collapsed) in enumerate([(0.8, False), (None, True)]):
        folder = tmp_path / "networks" / str(seed)
        training = write(folder / "training.json", {"accuracy": accuracy, "collapsed": collapsed})
        mask = {"conv1.weight": np.ones((2, 1, 3, 3), bool), "fc.weight": np.arange(8).reshape(2, 4) < 4}
        np.savez(folder / "mask.npz", **mask)
        metrics = {
            "local": write(folder / "local.json", local(100, 400)),
            "kcore": write(folder / "kcore.json", kcore()),
            "ramanujan": write(folder / "ramanujan.json", ramanujan({"conv1": 0.2, "fc": None})),
        }
        network = {"dataset": "digits", "architecture": "tiny", "pruning": "snip", "sparsity": "0.9", "seed": str(seed)}
        networks.append(network | {"training": training, "mask": str(folder / "mask.npz"), "metrics": metrics})
    dense = [
        {
            "dataset": "digits",
            "architecture": "tiny",
            "seed": seed,
            "training": write(tmp_path / f"{seed}.json", record),
        }
        for seed, record in enumerate([{"accuracy": 0.9}, {"accuracy": 1.0}])
    ]
    return networks, dense, {"digits": write(tmp_path / "dataset.json", {"classes": 10})}


def run(study, tmp_path, encodings=ENCODINGS, layer_metrics=()):
    networks, dense, datasets = study
    paths = tmp_path / "topometrics.parquet", tmp_path / "layers.parquet"
    pool.main(
        networks,
        dense,
        datasets,
        *paths,
        {"encodings": encodings, "families": FAMILIES, "layer_metrics": layer_metrics, "path_score": PATH_SCORE},
    )
    return pd.read_parquet(paths[0]), pd.read_parquet(paths[1])


def test_one_row_per_network_and_encoding(study, tmp_path):
    table, _ = run(study, tmp_path)
    assert table[["encoding", "seed"]].to_numpy().tolist() == [["mge", 0], ["mge", 1], ["rolled", 0], ["rolled", 1]]
    first = table.iloc[0]
    assert first["sparsity"] == 0.9
    assert first["classes"] == 10
    assert first["dense_accuracy"] == pytest.approx(0.95)
    assert first["dense_accuracy_std"] == pytest.approx(np.std([0.9, 1.0], ddof=1))
    assert first["drop"] == pytest.approx(1 - 0.8 / 0.95)
    assert (first["sink"], first["raw_sink"], first["nodes"], first["edges"]) == (0.12, 12, 100, 400)
    assert np.isnan(first["source"])
    assert table["edges"].tolist() == [400, 400, 50, 50]


def test_the_scores_of_the_layer_densities_stand_beside_the_metrics(study, tmp_path):
    table, _ = run(study, tmp_path)
    assert table["log_density_sum"].to_list() == pytest.approx([np.log(5 / 9)] * 4)  # the first layer is full
    p, q, k, _ = pd.read_csv(PATH_SCORE).loc[0, path_score.NAMES]
    assert table["path_score"].to_list() == pytest.approx([-(8**q) * np.exp(-0.75 * k) * ((5 / 9) ** p - 1) / p] * 4)
    assert not set(LAYER_SCORES) & {*layer_metrics(table), *topometrics(table, "mge")}


def test_a_collapsed_network_without_accuracy_stays_in_the_pool(study, tmp_path):
    table, _ = run(study, tmp_path)
    assert table["collapsed"].tolist() == [False, True, False, True]
    assert np.isnan(table["drop"].iloc[1])


def test_layer_metrics_are_means_over_layers_with_a_value_on_every_row(study, tmp_path):
    table, layers = run(study, tmp_path)
    assert table["delta_r"].tolist() == [0.2] * 4
    assert table["layer_density"].isna().all()
    assert layers["layer"].tolist() == ["conv1", "fc"] * 2
    assert layers["weights"].tolist() == [18, 8] * 2
    assert layers["kept"].tolist() == [18, 4] * 2
    assert layers["delta_r"].isna().tolist() == [False, True] * 2


def test_family_follows_the_word_unless_the_script_declares_it(study, tmp_path, monkeypatch):
    networks = study[0]
    networks[1]["pruning"] = "snip_shuffled"
    assert run(study, tmp_path)[0]["family"].tolist() == ["at initialisation", "control"] * 2
    monkeypatch.setitem(FAMILIES, "snip", "dynamic")
    table, _ = run(study, tmp_path)
    assert table["family"].tolist() == ["dynamic", "control"] * 2
    assert "family" not in topometrics(table, "mge")


def test_topometrics_are_what_the_encoding_has(study, tmp_path):
    table, _ = run(study, tmp_path)
    assert topometrics(table, "mge") == ["sink", "k_core"]
    assert topometrics(table, "rolled") == ["k_core"]
    assert not set(LAYER_METRICS) & set(topometrics(table, "rolled"))


def test_a_metric_of_ones_own_gets_columns(study, tmp_path):
    networks = study[0]
    entry = {"nodes": 100, "edges": 400, "raw": {"girth": 4}, "normalised": {"girth": 0.04}, "missing": {}}
    own = write(tmp_path / "girth.json", {"family": "girth", "encodings": {"mge": entry}})
    networks[0]["metrics"]["girth"] = own
    table, _ = run(study, tmp_path)
    assert table["girth"].iloc[0] == 0.04
    assert table["raw_girth"].iloc[0] == 4
    assert "girth" in topometrics(table, "mge")


def test_a_layer_metric_of_ones_own_is_like_those_of_the_paper(study, tmp_path):
    values = {"conv1": 0.5, "fc": 0.25}
    layers = {name: {"raw": {"skew": 8 * value}, "normalised": {"skew": value}} for name, value in values.items()}
    whole = {"nodes": 100, "edges": 50, "raw": {"skew": 3.0}, "normalised": {"skew": 0.375}, "layers": layers}
    own = write(tmp_path / "skew.json", {"family": "skew", "encodings": {"rolled": whole}})
    study[0][0]["metrics"]["skew"] = own
    table, rows = run(study, tmp_path, layer_metrics=["skew", "delta_r"])
    assert list(table.columns[-5:]) == [*LAYER_METRICS, "skew"] == layer_metrics(table)
    assert table.loc[table["seed"] == 0, "skew"].tolist() == [0.375] * 2
    assert table.loc[table["seed"] == 1, "skew"].isna().all()
    assert rows["skew"].tolist()[:2] == [0.5, 0.25]
    assert "skew" not in topometrics(table, "rolled")
    profile, correlation = table_layers.layer_profile(rows), table_layers.layer_correlation(rows)
    assert profile["skew_share"].tolist()[:2] == pytest.approx([2 / 3, 1 / 3])
    assert set(correlation["metric"]) == {*LAYER_METRICS[1:], "skew"}
    assert "skew" in set(table_ranking.ranking_table(synthetic_pool().assign(skew=1.0), 0, "last")["strategy"])


def test_what_the_unrolled_graph_says_of_its_layers_gets_a_column_of_the_layers_alone(study, tmp_path):
    layers = {name: {"raw": {"live": v}, "normalised": {"live": v}} for name, v in {"conv1": 1.0, "fc": None}.items()}
    whole = {"nodes": 100, "edges": 400, "raw": {"live": 0.5}, "normalised": {"live": 0.5}, "layers": layers}
    own = write(tmp_path / "live.json", {"family": "live", "encodings": {"mge": whole}})
    for network in study[0]:
        network["metrics"]["live"] = own
    table, rows = run(study, tmp_path)
    assert list(rows.columns[-5:]) == [*LAYER_METRICS, "live"]
    np.testing.assert_array_equal(rows["live"], [1.0, np.nan] * 2)
    assert table["live"].dropna().tolist() == [0.5] * 2
    assert "live" in topometrics(table, "mge")
    assert layer_metrics(table) == LAYER_METRICS


def test_metrics_of_no_family_and_one_encoding(study, tmp_path):
    for network in study[0]:
        network["metrics"] = {}
    table, _ = run(study, tmp_path, ["rolled"])
    assert len(table) == 2
    assert topometrics(table, "rolled") == []


def test_min_max_scales_columns_and_keeps_gaps():
    scaled = min_max(np.array([[1.0, 5.0, np.nan], [3.0, 5.0, 2.0], [2.0, 5.0, 4.0]]))
    np.testing.assert_array_equal(scaled, [[0, 0, np.nan], [1, 0, 0], [0.5, 0, 1]])
