"""Rank before training: the order, its uncertainty, the procedure's evaluation, the shipped tables."""

import json

import numpy as np
import pandas as pd
import pytest
import rank_evaluate
import rank_importance
import rank_order
from conftest import REPO

from helpers.synthetic_pool import ALGORITHMS, synthetic_pool
from sparse_topology.analysis.mixture import (
    cell_resamples,
    complete_networks,
    importances,
    ranking_coefficients,
    weights_for,
)
from sparse_topology.job import InputError

RESOURCES = REPO / "workflow" / "resources"
TARGET = {"architecture": "conv_small", "dataset": "digits", "sparsity": 0.9}


@pytest.fixture(scope="module")
def pool():
    return synthetic_pool(datasets=("digits", "other"), seeds=(0, 1), encodings=("mge",))


def test_weights_for_known_and_unknown_architectures_and_the_nearest_sparsity():
    fixed, own = np.array([[0.5, np.nan]]), np.array([[0.1, 0.3]])
    importance = {("sparsity_fixed", "0.6"): fixed * 0, ("sparsity_fixed", "0.9"): fixed}
    importance["architecture_fixed", "conv6"] = own
    r, nearest, known = weights_for(importance, "unknown", 0.8)
    assert r.tolist() == [[0.5, 0.0]]
    assert (nearest, known) == ("0.9", False)
    r, nearest, known = weights_for(importance, "conv6", 0.95)
    # What exists is averaged: no r at one of the two is no r of 0.
    np.testing.assert_allclose(r, [[0.3, 0.3]])
    assert (nearest, known) == ("0.9", True)


def test_coefficient_of_metrics_without_a_value():
    scaled = np.array([[0.5, np.nan], [0.5, 0.25]])
    assert ranking_coefficients(scaled, np.array([2.0, 0.0])).tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(ranking_coefficients(scaled, np.array([2.0, 4.0])), [np.nan, 2.0])
    draws = ranking_coefficients(scaled, np.array([[[2.0, 4.0]], [[0.0, 8.0]], [[1.0, 0.0]]]))
    np.testing.assert_array_equal(draws, [[np.nan, 2.0], [np.nan, 2.0], [0.5, 0.5]])


def test_importances_are_correlations_and_resamples_take_whole_cells(pool):
    frame, metrics = complete_networks(pool)
    assert not {"strength", "spectral_gap", "spectral_radius"} & set(metrics)
    weights = cell_resamples(frame, 4)
    assert (weights.reshape(5, -1, 2) == weights.reshape(5, -1, 2)[:, :, :1]).all()
    found = importances(frame, metrics, weights)
    rows = frame[frame["sparsity"] == 0.9]
    expected = rows[metrics].corrwith(rows["drop"])
    np.testing.assert_allclose(found["sparsity_fixed", "0.9"][0], expected)


def candidate_files(tmp_path, sink, broken=()):
    """Metric files of one network per algorithm, with these numbers of sinks."""
    networks = []
    for name, value in sink.items():
        normalised = {"sink": None if name in broken else value, "k_core": 0.1}
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"encodings": {"mge": {"normalised": normalised}}}))
        networks.append({"pruning": name, "seed": "0", "metrics": {"local": str(path)}})
    return networks


def run(tmp_path, networks):
    outputs = tmp_path / "order.csv", tmp_path / "recommendation.txt"
    rank_order.main(networks, RESOURCES / "importance.csv", RESOURCES / "rank-evaluation.csv", *outputs, TARGET)
    return pd.read_csv(outputs[0]), outputs[1].read_text()


def test_fewer_sinks_come_first_and_the_text_says_so(tmp_path):
    # At sparsity 0.9 of the published pool sinks go with a larger drop.
    table, text = run(tmp_path, candidate_files(tmp_path, {"snip": 0.3, "er": 0.1, "synflow": 0.2}))
    assert table["pruning"].tolist() == ["er", "synflow", "snip"]
    assert table["place"].tolist() == [1, 2, 3]
    assert table["first_share"].sum() == pytest.approx(1)
    assert (table["place_low"] <= table["place"]).all()
    assert "Train er first" in text
    assert "conv_small on digits at sparsity 0.9" in text
    assert "RBO 0.55 (random 0.32)" in text


def test_a_candidate_without_a_metric_goes_last(tmp_path):
    networks = candidate_files(tmp_path, {"snip": 0.3, "er": 0.1, "synflow": 0.2}, broken=("er",))
    table, _ = run(tmp_path, networks)
    assert table["pruning"].tolist() == ["synflow", "snip", "er"]
    assert "put last" in table["note"].iloc[2]


def test_all_candidates_collapsed_gives_no_recommendation(tmp_path):
    networks = candidate_files(tmp_path, {"snip": 0.3, "er": 0.1})
    networks[0]["metrics"]["local"] = str(tmp_path / "empty.json")
    (tmp_path / "empty.json").write_text(json.dumps({"encodings": {"mge": {"normalised": {"sink": 1.0}}}}))
    (tmp_path / "er.json").write_text(json.dumps({"encodings": {"mge": {"normalised": {"k_core": 1.0}}}}))
    table, text = run(tmp_path, networks)
    assert table["score"].isna().all()
    assert text.startswith("No recommendation")


def test_no_usable_metric_is_an_input_error(tmp_path):
    path = tmp_path / "strength.json"
    path.write_text(json.dumps({"encodings": {"mge": {"normalised": {"strength": 1.0}}}}))
    with pytest.raises(InputError, match="rank needs"):
        run(tmp_path, [{"pruning": "er", "seed": 0, "metrics": {"strength": str(path)}}])


def test_evaluation_of_a_pool_where_topology_decides(pool):
    pool = pool.copy()
    for name in rank_evaluate.complete_networks(pool)[1]:
        pool[name] = pool["drop"]
    cells = rank_evaluate.cell_table(pool)
    mixture = cells[cells["procedure"].str.startswith("leave_one")]
    assert set(cells["procedure"]) == {
        "leave_one_architecture_out",
        "leave_one_dataset_out",
        "in_sample",
        "constant_order",
        "random_order",
    }
    assert (mixture["tau"] > 0.99).all()
    assert mixture["lost_points"].to_numpy() == pytest.approx(0)
    summary = rank_evaluate.summary_table(cells)
    overall = summary[(summary["procedure"] == "random_order") & (summary["sparsity"] == "all")].iloc[0]
    assert overall["cells"] == 2 * 3 * 2
    assert overall["first_is_best"] == pytest.approx(1 / len(ALGORITHMS), abs=1e-4)


def test_left_out_networks_do_not_influence_their_own_prediction(pool):
    """Turning the left-out architecture's accuracies round changes its truth, not what is predicted for it."""
    frame, metrics = complete_networks(pool)
    others = frame[frame["architecture"] != "conv_small"]
    candidates = frame[(frame["architecture"] == "conv_small") & (frame["sparsity"] == 0.9)]
    before = rank_evaluate.mixture_score(others, candidates, metrics)
    after = rank_evaluate.mixture_score(others, candidates.assign(drop=-candidates["drop"]), metrics)
    pd.testing.assert_series_equal(before, after)


def test_shipped_importances_have_all_metrics_and_scenarios():
    found, metrics = rank_order.read_importance(RESOURCES / "importance.csv")
    assert len(metrics) == 13
    assert len(found) == 9
    assert all(np.abs(np.nan_to_num(r)).max() <= 1 for r in found.values())
    assert all(r.shape == (1 + rank_importance.RESAMPLES, 13) for r in found.values())
