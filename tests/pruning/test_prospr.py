"""ProsPr: the meta-gradient against finite differences through the whole inner training; counts."""

import math

import numpy as np
import prune_prospr
import pytest
import torch
from torch.nn import functional as F

from helpers.pruning_cases import digits_folder, init_file, run_on_data, settings, tiny, tiny_batches
from sparse_topology.pruning.masks import kept, size
from sparse_topology.pruning.scores import weights


def trained_loss(model, start, batches, first=None):
    """Loss on the last batch after plain momentum SGD on the others: PyTorch's optimiser, no graph through it.

    start: values of all parameters. first: a gradient to use at the first step instead of the one found there.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(start[name])
    optimiser = torch.optim.SGD(model.parameters(), lr=prune_prospr.LEARNING_RATE, momentum=prune_prospr.MOMENTUM)
    for step, (inputs, targets) in enumerate(batches[:-1]):
        optimiser.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        if step == 0 and first is not None:
            for name, parameter in model.named_parameters():
                parameter.grad = first[name].clone()
        if step == 0:
            found = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
        optimiser.step()
    with torch.no_grad():
        return F.cross_entropy(model(batches[-1][0]), batches[-1][1]).item(), found


@pytest.mark.parametrize("detach_first", [True, False])
def test_scores_are_finite_differences_of_the_mask_through_the_training(detach_first):
    """With `detach_first` the gradient of the first step is a constant; without, it moves with the mask."""
    model, batches, step = tiny(), tiny_batches(4), 1e-6
    start = {name: value.detach().clone() for name, value in model.named_parameters()}
    scores = prune_prospr.prospr_scores(model, batches, detach_first)
    _, at_start = trained_loss(model, start, batches)
    first = at_start if detach_first else None
    for name in weights(model):
        for j in list(np.ndindex(*start[name].shape))[::3]:
            losses = []
            for sign in (1, -1):
                moved = {n: value.clone() for n, value in start.items()}
                moved[name][j] *= 1 + sign * step
                losses.append(trained_loss(model, moved, batches, first)[0])
            assert scores[name][j] == pytest.approx(abs(losses[0] - losses[1]) / (2 * step), rel=1e-4, abs=1e-8)


def test_the_two_modes_differ_and_the_network_stays_as_it_was():
    model, batches = tiny(), tiny_batches(4)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    one, two = (prune_prospr.prospr_scores(model, batches, detach) for detach in (True, False))
    assert max(np.abs(one[name] - two[name]).max() for name in one) > 1e-3
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters())


@pytest.mark.parametrize("architecture", ["conv_small", "resnet_small"])
def test_counts_and_determinism(tmp_path, architecture):
    data, init, out = digits_folder(tmp_path / "data"), init_file(tmp_path, architecture), tmp_path / "mask.npz"
    seen = {}
    for sparsity, share in ((0.5, 2), (0.98, 50), (0.9999, 10000)):
        masks = run_on_data(prune_prospr, data, init, out, settings(architecture, sparsity))
        assert kept(masks) == math.ceil(size(masks) / share)
        seen[sparsity] = out.read_bytes()
    for seed, same in ((0, True), (1, False)):
        run_on_data(prune_prospr, data, init, out, settings(architecture, 0.98, seed))
        assert (out.read_bytes() == seen[0.98]) is same
