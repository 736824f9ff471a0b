"""Rank before training: the order, its uncertainty, the procedure's evaluation, the shipped tables."""

import json

import numpy as np
import pandas as pd
import pytest
import rank_by_mixture
import rank_by_paths
import rank_evaluate
import rank_importance
import rank_parameters
from conftest import REPO

from helpers.synthetic_pool import ALGORITHMS, WEIGHTED, synthetic_layers, synthetic_pool
from sparse_topology.analysis import path_score, recommendation
from sparse_topology.analysis.design import RANKED_CELL
from sparse_topology.analysis.mixture import (
    cell_resamples,
    complete_networks,
    importances,
    ranking_coefficients,
    weights_for,
)
from sparse_topology.analysis.pool import NETWORK
from sparse_topology.job import InputError

RESOURCES = REPO / "workflow" / "resources"
FORMS = [(None, None, "by classes"), (0.0, 0.0, "no")]
TARGET = {"architecture": "conv_small", "dataset": "digits", "sparsity": 0.9, "left_out": []}


@pytest.fixture(scope="module")
def pool():
    architectures = ("conv_small", "resnet_small", "conv_large")
    return synthetic_pool(("digits", "other"), architectures, (0.6, 0.9), (0, 1), ("mge",))


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
    frame, metrics = complete_networks(pool, WEIGHTED)
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


def run(tmp_path, networks, target=TARGET):
    outputs = tmp_path / "order.csv", tmp_path / "recommendation.txt"
    files = {"learned": RESOURCES / rank_by_mixture.LEARNED, "evaluation": RESOURCES / "rank-evaluation.csv"}
    recommendation.run(rank_by_mixture.scores, networks, files, *outputs, {"method": "mixture"} | target)
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
    assert "with the architecture and the data set left out, the same method" in text
    assert "`mixture`" in text


def test_what_needs_training_is_left_out_in_one_line(tmp_path):
    networks = candidate_files(tmp_path, {"snip": 0.3, "er": 0.1})
    _, text = run(tmp_path, networks, TARGET | {"left_out": ["rigl", "imp"]})
    assert [line for line in text.splitlines() if line.startswith("Left out")] == [
        "Left out, as their masks need training or are controls: rigl, imp."
    ]
    assert "Left out" not in run(tmp_path, networks)[1]


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
    for name in rank_evaluate.complete_networks(pool, WEIGHTED)[1]:
        pool[name] = pool["drop"]
    cells = rank_evaluate.cell_table(pool, synthetic_layers(pool), WEIGHTED, forms=FORMS)
    assert set(cells["procedure"]) == {*rank_evaluate.PROCEDURES, "leave_one_algorithm_out", "none", "ceiling"}
    mixture = cells[cells["method"] == "mixture"]
    assert (mixture["tau"] > 0.99).all()
    assert mixture["lost_points"].dropna().to_numpy() == pytest.approx(0)
    paths = cells[cells["method"] == "paths"]
    assert paths["tau"].mean() > 0.9
    summary = rank_evaluate.summary_table(cells)
    everything = (summary[["architecture", "dataset", "sparsity"]] == "all").all(axis=1)
    overall = summary[(summary["method"] == "random_order") & everything].iloc[0]
    assert overall["cells"] == 2 * 3 * 2
    assert overall["first_is_best"] == pytest.approx(1 / len(ALGORITHMS), abs=1e-4)


def test_left_out_networks_do_not_influence_their_own_prediction(pool):
    """Turning the left-out architecture's accuracies round changes its truth, not what is predicted for it."""
    frame, metrics = complete_networks(pool, WEIGHTED)
    others = frame[frame["architecture"] != "conv_small"]
    candidates = frame[(frame["architecture"] == "conv_small") & (frame["sparsity"] == 0.9)]
    before = rank_evaluate.mixture_score(others, candidates, metrics)
    after = rank_evaluate.mixture_score(others, candidates.assign(drop=-candidates["drop"]), metrics)
    pd.testing.assert_series_equal(before, after)


@pytest.mark.parametrize("method", ["paths", "mixture", "log_density_sum", "paths_form_chosen"])
@pytest.mark.parametrize("procedure", ["leave_one_architecture_out", "leave_both_out", "leave_one_sparsity_out"])
def test_accuracies_that_are_left_out_reach_no_fit(pool, procedure, method):
    """With NaN for every accuracy that a procedure leaves out, its prediction is the same."""
    if method == "paths_form_chosen" and procedure not in rank_evaluate.CHOOSING:
        pytest.skip("no form is chosen there")
    task = {"architecture": "conv_small", "sparsity": 0.9, "dataset": "digits"}
    frame, metrics = rank_evaluate.complete_networks(pool, WEIGHTED)
    of = path_score.profile(synthetic_layers(pool), {"digits": 10, "other": 10})
    drop = of.networks.merge(rank_evaluate.networks(pool), on=NETWORK)["drop"].to_numpy()
    cells = rank_evaluate.true_drop(pool).reorder_levels(RANKED_CELL).sort_index()

    def score(frame, drop, cells):
        paths = rank_evaluate.PathMethod(of, drop)
        return rank_evaluate.learned_scores(task, procedure, paths, frame, metrics, cells, FORMS)[method]

    def poisoned(values, rows):
        return np.where(rank_evaluate.in_fold(rows, task, procedure), values, np.nan)

    left_out = frame.assign(drop=poisoned(frame["drop"], frame)), poisoned(drop, of.networks)
    assert all(np.isnan(values).any() for values in (left_out[0]["drop"], left_out[1]))
    after = score(*left_out, pd.Series(poisoned(cells, cells.reset_index()), cells.index))
    pd.testing.assert_series_equal(score(frame, drop, cells), after)


def mask_files(tmp_path, kept, seeds=(0,)):
    """Mask files of one network per algorithm and seed: three layers of 100 weights with so many kept."""
    networks = []
    for name, counts in kept.items():
        for seed in seeds:
            path = tmp_path / f"{name}-{seed}.npz"
            np.savez(path, **{f"layer{k}.weight": np.arange(100) < count for k, count in enumerate(counts)})
            networks.append({"pruning": name, "seed": str(seed), "mask": str(path)})
    return networks


def run_paths(tmp_path, networks, classes=10, target=TARGET):
    info, outputs = tmp_path / "dataset.json", (tmp_path / "order.csv", tmp_path / "recommendation.txt")
    info.write_text(json.dumps({"classes": classes}))
    files = {
        "info": info,
        "learned": RESOURCES / rank_by_paths.LEARNED,
        "evaluation": RESOURCES / "rank-evaluation.csv",
    }
    recommendation.run(rank_by_paths.scores, networks, files, *outputs, {"method": "paths"} | target)
    return pd.read_csv(outputs[0]), outputs[1].read_text()


def test_paths_puts_the_densest_layers_first(tmp_path):
    kept = {"snip": (20, 20, 20), "er": (5, 5, 5), "synflow": (10, 10, 10), "uniform": (2, 2, 2)}
    table, text = run_paths(tmp_path, mask_files(tmp_path, kept, seeds=(0, 1)))
    assert table["pruning"].tolist() == ["snip", "synflow", "er", "uniform"]
    assert table["networks"].tolist() == [2, 2, 2, 2]
    assert table["place_low"].tolist() == table["place_high"].tolist() == [1, 2, 3, 4]
    assert "Train snip first: it comes first in 100%" in text
    assert "by `paths`" in text
    assert "with the architecture and the data set left out" in text


def test_paths_says_when_the_first_two_cannot_be_told_apart(tmp_path):
    kept = {"snip": (10, 10, 10), "er": (28, 1, 1), "grasp": (10, 11, 9)}
    table, text = run_paths(tmp_path, mask_files(tmp_path, kept))
    assert set(table["pruning"][:2]) == {"snip", "grasp"}
    assert "Train either" in text
    assert "er is the better" not in text


def test_paths_says_what_it_was_tried_for(tmp_path):
    networks = mask_files(tmp_path, {"snip": (10, 10, 10), "er": (28, 1, 1)})
    _, text = run_paths(tmp_path, networks, 1000, TARGET | {"architecture": "resnet20", "dataset": "cifar100"})
    assert "This data set has 1000" in text
    assert "with the architecture on the data set left out" in text


def test_a_method_that_has_learned_nothing_draws_the_seeds_alone(tmp_path):
    """Without draws of its own its places are as sure as the candidates' seeds are alike."""
    shares = {"snip": (0.3, 0.1), "er": (0.2, 0.21), "synflow": (0.01, 0.02)}
    names = [name for name, values in shares.items() for _ in values]
    values = -np.array([[share for pair in shares.values() for share in pair]])

    def order(names, values, slope=None):
        found = recommendation.Scores(names, values, ["Why."], slope)
        outputs, files = (tmp_path / "o.csv", tmp_path / "t.txt"), {"evaluation": RESOURCES / "rank-evaluation.csv"}
        recommendation.run(lambda *_: found, [], files, *outputs, TARGET | {"method": "mine"})
        return pd.read_csv(outputs[0]), outputs[1].read_text()

    table, text = order(names, values)
    assert table["pruning"].tolist() == ["er", "snip", "synflow"]
    # Of the four equally likely draws of the two seeds of snip, one has a mean above er's.
    assert table["first_share"].to_numpy() == pytest.approx([0.75, 0.25, 0], abs=0.1)
    assert table["place_high"].tolist() == [2, 2, 3]
    assert "Train either er or snip" in text
    assert "not been evaluated on the published networks" in text
    table, text = order(names[::2], values[:, ::2])
    assert table["first_share"].isna().all()
    assert "Train snip first. The second is er." in text
    assert "nan" not in text


def test_shipped_parameters_are_as_many_as_the_importances_draws():
    table = pd.read_csv(RESOURCES / "path-score.csv")
    assert table.columns.tolist() == ["draw", *path_score.NAMES]
    assert len(table) == 1 + rank_parameters.RESAMPLES
    assert np.isfinite(table).all(axis=None)


def test_shipped_importances_have_all_metrics_and_scenarios():
    found, metrics = rank_by_mixture.read_importance(RESOURCES / "importance.csv")
    assert len(metrics) == 13
    assert len(found) == 9
    assert all(np.abs(np.nan_to_num(r)).max() <= 1 for r in found.values())
    assert all(r.shape == (1 + rank_importance.RESAMPLES, 13) for r in found.values())
