"""Ceilings of a ranking: agreement by hand, one seed against the others, simulated perfect predictors."""

import numpy as np
import pytest

from sparse_topology.analysis import ceiling


def test_agreement_by_hand():
    found = ceiling.agreement(np.array([3.0, 1.0, 2.0]), np.array([0.3, 0.2, 0.1]))
    assert found["tau"] == pytest.approx(1 / 3)
    assert found["lost_points"] == pytest.approx(10)
    assert found["first_is_best"] == 0
    assert ceiling.agreement(np.array([np.nan, 1.0]), np.array([0.1, 0.2]))["tau"] == -1


def test_seeds_that_agree_predict_each_other_and_noise_does_not():
    agree = np.array([[0.1, 0.2, 0.3]] * 3)
    assert ceiling.one_seed(agree) == {"rbo": 1, "tau": 1, "lost_points": 0, "first_is_best": 1}
    assert ceiling.perfect_predictor(agree, shrunk=True)["tau"] == 1
    rng = np.random.default_rng(0)
    taus = [ceiling.one_seed(rng.normal(size=(3, 7)))["tau"] for _ in range(300)]
    assert np.mean(taus) == pytest.approx(0, abs=0.05)


def test_drawing_the_means_together_lowers_the_ceiling():
    drops = np.random.default_rng(1).normal(np.linspace(0, 1, 7), 0.4, size=(3, 7))
    near, far = (ceiling.perfect_predictor(drops, shrunk) for shrunk in (True, False))
    assert near["tau"] < far["tau"] < 1
