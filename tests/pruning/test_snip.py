"""SNIP: the score is the derivative of the loss by the mask; counts; same seed, same mask."""

import numpy as np
import prune_snip
import pytest
import torch
from torch.nn import functional as F

from helpers.pruning_cases import digits_folder, init_file, run_on_data, settings, tiny, tiny_batches
from sparse_topology.job import InputError
from sparse_topology.pruning.masks import kept, size
from sparse_topology.pruning.scores import weights


def test_scores_are_finite_differences_of_the_mask():
    model, (batch,), step = tiny(), tiny_batches(1), 1e-6
    scores = prune_snip.snip_scores(model, batch)
    for name, weight in weights(model).items():
        brute = np.zeros(weight.shape)
        for j in np.ndindex(*weight.shape):
            value, loss = weight.data[j].item(), []
            for sign in (1, -1):
                weight.data[j] = value * (1 + sign * step)
                loss.append(F.cross_entropy(model(batch[0]), batch[1]).item())
            weight.data[j] = value
            brute[j] = abs(loss[0] - loss[1]) / (2 * step)
        np.testing.assert_allclose(scores[name], brute, rtol=1e-5, atol=1e-9)
    assert max(score.max() for score in scores.values()) > 0.01


@pytest.mark.parametrize("architecture", ["conv_small", "resnet_small"])
def test_counts_and_determinism(tmp_path, architecture):
    data, init = digits_folder(tmp_path / "data"), init_file(tmp_path, architecture)
    seen = {}
    for sparsity, exact in ((0.5, 2), (0.9, 10), (0.98, 50), (0.9999, 10000)):
        masks = run_on_data(prune_snip, data, init, tmp_path / "mask.npz", settings(architecture, sparsity))
        assert kept(masks) == size(masks) // exact
        seen[sparsity] = (tmp_path / "mask.npz").read_bytes()
    for seed, same in ((0, True), (1, False)):
        run_on_data(prune_snip, data, init, tmp_path / "mask.npz", settings(architecture, 0.9, seed))
        assert ((tmp_path / "mask.npz").read_bytes() == seen[0.9]) is same


def test_an_overflowing_network_is_refused(tmp_path):
    data, init = digits_folder(tmp_path / "data"), init_file(tmp_path, "conv_small")
    state = torch.load(init, weights_only=True)
    state["linear.3.weight"] *= 1e39
    torch.save(state, init)
    with pytest.raises(InputError, match="pruning scores are not finite"):
        run_on_data(prune_snip, data, init, tmp_path / "mask.npz", settings("conv_small", 0.9))
    assert not (tmp_path / "mask.npz").exists()
