"""The path score: hand-made masks, parameters recovered from simulated pools, held-out accuracies that never count."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from helpers.synthetic_pool import synthetic_layers, synthetic_pool
from sparse_topology.analysis import path_score
from sparse_topology.analysis.design import TASK
from sparse_topology.analysis.pool import NETWORK

CLASSES = {"ten": 10, "hundred": 100, "two_hundred": 200}
SIZES = {"small": [432, 2304, 9216, 640], "large": [864, 5000, 5000, 20000, 20000, 1280]}
ALGORITHMS = ["a", "b", "c", "d", "e", "f", "g"]


def layer_rows(masks: list[np.ndarray], **network) -> pd.DataFrame:
    identity = dict(zip(NETWORK, ("ten", "small", "a", 0.9, 0), strict=True)) | network
    rows = [
        identity | {"layer_id": k, "layer": f"layer{k}", "weights": mask.size, "kept": int(mask.sum())}
        for k, mask in enumerate(masks)
    ]
    return pd.DataFrame(rows)


def masks_of(*densities) -> list[np.ndarray]:
    """Masks of 3, 7 and 11 weights, ... with about these shares kept."""
    sizes = [3 + 4 * k for k in range(len(densities))]
    return [np.arange(size) < round(size * share) for size, share in zip(sizes, densities, strict=True)]


def plain_score(masks, p, q, k, classes) -> float:
    """The docstring's formula, term by term."""
    total = 0.0
    for number, mask in enumerate(masks):
        density = (mask.sum() + 1) / (mask.size + 1)
        value = np.log(density) if p == 0 else (density**p - 1) / p
        late = k * number / (len(masks) - 1) * (np.log10(classes / 10) - 0.75)
        total -= mask.size**q * np.exp(late) * value
    return total


@pytest.mark.parametrize("parameters", [(0, 0, 0), (0.3, 0.2, 1.4), (-0.1, 0.0, -2.0), (1.0, 0.5, 0.0)])
@pytest.mark.parametrize("dataset", CLASSES)
def test_score_of_hand_made_masks_is_the_formula(parameters, dataset):
    networks = {0: masks_of(1, 0.5, 0.25), 1: masks_of(1, 1, 0, 0.5, 0.1)}
    layers = pd.concat([layer_rows(masks, dataset=dataset, seed=seed) for seed, masks in networks.items()])
    found = path_score.path_score(np.array(parameters, float), path_score.profile(layers, CLASSES))
    expected = [plain_score(masks, *parameters, CLASSES[dataset]) for masks in networks.values()]
    np.testing.assert_allclose(found, expected)


def test_parameter_free_score_is_the_logarithm_of_the_share_of_paths():
    """A chain of fully connected layers, every second weight kept: 2^-3 of the paths up to the added ones."""
    masks = [np.arange(1000) % 2 == 0] * 3
    of = path_score.profile(layer_rows(masks), CLASSES)
    assert path_score.path_score(path_score.PARAMETER_FREE, of) == pytest.approx(-3 * np.log(501 / 1001))


def test_rows_of_layers_may_come_in_any_order():
    layers = pd.concat([layer_rows(masks_of(1, 0.5, 0.25), seed=s) for s in (0, 1)])
    parameters = np.array([0.1, 0.2, 1.0])
    scores = [
        path_score.path_score(parameters, path_score.profile(rows, CLASSES))
        for rows in (layers, layers.sample(frac=1, random_state=1))
    ]
    np.testing.assert_array_equal(*scores)


def test_every_network_of_a_pool_gets_its_sum_and_its_score(tmp_path):
    pool = synthetic_pool()
    layers = synthetic_layers(pool).sample(frac=1, random_state=0)
    lacking = (layers["pruning"] == "er") & (layers["sparsity"] == 0.9)
    parameters = tmp_path / "parameters.csv"
    rows = [[0, 1.0, 0.0, 0.0, 0.5], [1, 9, 9, 9, 9]]
    pd.DataFrame(rows, columns=["draw", *path_score.NAMES]).to_csv(parameters, index=False)
    found = path_score.with_scores(pool, layers[~lacking], parameters)
    assert len(found) == len(pool)
    density = (layers["kept"] + 1) / (layers["weights"] + 1)
    for column, value in (("log_density_sum", np.log(density)), ("path_score", 1 - density)):
        expected = layers.assign(value=value.where(~lacking)).groupby(NETWORK)["value"].sum(min_count=3)
        values = found.groupby(NETWORK)[column].agg(["min", "max", "size"]).sort_index()
        np.testing.assert_allclose(values["min"], expected)
        np.testing.assert_array_equal(values["min"], values["max"])
        assert set(values["size"]) == {3}


def simulated(parameters, rng, seeds=3, noise=0.02):
    """Profile and drops of a pool whose drops follow the score with these parameters."""
    frames = []
    for dataset in CLASSES:
        for architecture, sizes in SIZES.items():
            for sparsity in (0.6, 0.8, 0.9, 0.95, 0.98):
                for pruning in ALGORITHMS:
                    density = np.clip((1 - sparsity) * np.exp(rng.normal(0, 1.2, len(sizes))), 0.002, 1)
                    for seed in range(seeds):
                        kept = rng.binomial(sizes, density)
                        identity = dict(zip(NETWORK, (dataset, architecture, pruning, sparsity, seed), strict=True))
                        layers = {"layer_id": np.arange(len(sizes)), "weights": sizes, "kept": kept}
                        frames.append(pd.DataFrame(identity | layers))
    of = path_score.profile(pd.concat(frames), CLASSES)
    score = pd.Series(path_score.path_score(np.array(parameters), of))
    task = score.groupby([of.networks[name] for name in TASK])
    z = (score - task.transform("mean")) / task.transform("std")
    return of, (0.1 * z + rng.normal(0, noise, len(z))).to_numpy()


@pytest.mark.parametrize("parameters", [(0.0, 0.1, 1.4), (0.25, 0.3, 0.0), (-0.15, 0.0, -1.0)])
def test_fit_recovers_the_parameters_of_a_simulated_pool(parameters):
    of, drop = simulated(parameters, np.random.default_rng(4))
    found = path_score.fit(path_score.comparisons(of, drop))
    np.testing.assert_allclose(found[:3], parameters, atol=0.15)


def test_fixed_parameters_stay():
    of, drop = simulated((0.0, 0.1, 1.4), np.random.default_rng(5), seeds=1)
    p, q, k, _ = path_score.fit(path_score.comparisons(of, drop), {"p": 1.0, "k": 0.0})
    assert (p, k) == (1.0, 0.0)
    assert q != path_score.PRIOR_MEAN[1]


def test_labels_say_which_is_better_and_how_surely():
    of = path_score.profile(
        pd.concat([layer_rows(masks_of(1, 0.5), pruning=name, seed=s) for name in "abc" for s in (0, 1)]), CLASSES
    )
    drop = np.array([0.1, 0.1, 0.1, 0.1, 0.3, 0.32])
    data = path_score.comparisons(of, drop)
    pairs = dict(zip(zip(data.first, data.second, strict=True), data.label, strict=True))
    assert pairs[0, 1] == 0.5
    assert pairs[0, 2] == pairs[1, 2] > 0.99
    without = path_score.comparisons(of, np.where(np.arange(6) == 0, np.nan, drop))
    assert len(without.cell) == 5
    assert np.isfinite(without.label).all()


def test_a_resample_counts_tasks_as_often_as_they_are_drawn():
    of, drop = simulated((0.0, 0.1, 1.4), np.random.default_rng(6), seeds=1)
    data = path_score.comparisons(of, drop)
    drawn = path_score.resampled(data, np.random.default_rng(0))
    assert drawn.weight.sum() == len(data.task)
    assert (np.ptp(drawn.weight.reshape(-1, len(ALGORITHMS)), axis=1) == 0).all()
    theta = np.array([0.1, 0.1, 1.0, 0.5])
    chosen = drawn.weight[data.cell] > 0
    only = path_score.comparisons(of.part(chosen), drop[chosen])
    expected = path_score.negative_log_posterior(theta, only)
    again = path_score.negative_log_posterior(theta, replace(data, weight=np.sign(drawn.weight)))
    assert again == pytest.approx(expected)
