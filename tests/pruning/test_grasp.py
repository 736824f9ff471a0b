"""GraSP: the Hessian-gradient product, what is removed, re-drawn or given weights, counts."""

import math

import numpy as np
import prune_grasp
import prune_prospr
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from helpers.pruning_cases import digits_folder, init_file, run_on_data, settings, tiny, tiny_batches
from sparse_topology.job import InputError
from sparse_topology.pruning import scores
from sparse_topology.pruning.masks import kept, size, stream
from sparse_topology.pruning.scores import weights


def test_hessian_gradient_product_is_that_of_the_full_hessian():
    model, halves = tiny(), tiny_batches(2)
    names, parameters = list(weights(model)), list(weights(model).values())
    sizes = [p.numel() for p in parameters]

    def loss(flat, half):
        pieces = {n: piece.view_as(p) for n, piece, p in zip(names, flat.split(sizes), parameters, strict=True)}
        logits = functional_call(model, pieces, (half[0],)) / prune_grasp.TEMPERATURE
        return F.cross_entropy(logits, half[1])

    flat = torch.cat([p.detach().ravel() for p in parameters])
    gradient = sum(torch.autograd.functional.jacobian(lambda w, h=half: loss(w, h), flat) for half in halves)
    hessian = sum(torch.autograd.functional.hessian(lambda w, h=half: loss(w, h), flat) for half in halves)
    ours = torch.cat([part.ravel() for part in prune_grasp.hessian_gradient(model, halves)])
    assert ours.abs().max() > 1e-8
    torch.testing.assert_close(ours, hessian @ gradient, rtol=1e-8, atol=1e-14)


def test_weights_that_reduce_the_gradient_flow_go():
    """Removing weight j changes g'g by about -2 w_j (Hg)_j: what stays is what it would cost most to remove."""
    model, halves, step = tiny(), tiny_batches(2), 1e-5

    def flow():
        parts = [prune_grasp.half_gradient(model, half, differentiable=False) for half in halves]
        return sum((a + b).square().sum() for a, b in zip(*parts, strict=True)).item()

    product = prune_grasp.hessian_gradient(model, halves)
    for weight, part in zip(weights(model).values(), product, strict=True):
        expected = weight.detach() * part
        for j in list(np.ndindex(*weight.shape))[:4]:
            value, flows = weight.data[j].item(), []
            for sign in (1, -1):
                weight.data[j] = value * (1 + sign * step)
                flows.append(flow())
            weight.data[j] = value
            assert (flows[0] - flows[1]) / (2 * step) / 2 == pytest.approx(expected[j].item(), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("architecture", ["conv_small", "resnet_small"])
def test_counts_and_determinism(tmp_path, architecture):
    data, init, out = digits_folder(tmp_path / "data"), init_file(tmp_path, architecture), tmp_path / "mask.npz"
    seen = {}
    for sparsity, share in ((0.5, 2), (0.98, 50), (0.9999, 10000)):
        masks = run_on_data(prune_grasp, data, init, out, settings(architecture, sparsity))
        total = size(masks)
        assert kept(masks) == math.ceil(total / share) == total - math.floor(total * (share - 1) / share)
        seen[sparsity] = out.read_bytes()
    for seed, same in ((0, True), (1, False)):
        run_on_data(prune_grasp, data, init, out, settings(architecture, 0.98, seed))
        assert (out.read_bytes() == seen[0.98]) is same


def test_reinit_all_scores_other_weights_than_none(tmp_path):
    data, init, out = digits_folder(tmp_path / "data"), init_file(tmp_path, "conv_small"), tmp_path / "mask.npz"
    masks = {}
    for reinit in ("all", "none"):
        masks[reinit] = run_on_data(prune_grasp, data, init, out, settings("conv_small", 0.9, reinit=reinit))
    default = run_on_data(prune_grasp, data, init, out, settings("conv_small", 0.9))
    differ = [name for name in default if not np.array_equal(masks["all"][name], masks["none"][name])]
    assert differ == list(default)
    assert all(np.array_equal(default[name], masks["all"][name]) for name in default)
    with pytest.raises(InputError, match=r"options\.grasp\.reinit: 'some' is unknown"):
        run_on_data(prune_grasp, data, init, out, settings("conv_small", 0.9, reinit="some"))


def test_redrawn_weights_are_not_those_at_initialisation(tmp_path):
    """The seed of the initialisation must not give the same weights again."""
    init = torch.load(init_file(tmp_path, "conv_small", seed=3), weights_only=True)
    model = tiny()
    before = {name: weight.detach().clone() for name, weight in weights(model).items()}
    prune_grasp.redraw(model, stream(3, "grasp"))
    assert all((weight != before[name]).all() for name, weight in weights(model).items())
    torch.manual_seed(3)
    again = torch.randn(init["convs1.0.weight"].numel())
    assert torch.allclose(init["convs1.0.weight"].ravel(), again * (2 / 9) ** 0.5)  # the seed does give the init
    prune_grasp.redraw(model, stream(3, "grasp"))
    first = weights(model)["conv.weight"].detach().ravel().float()
    assert not torch.allclose(first, again[: first.numel()] * (2 / 4) ** 0.5)


class Attention(nn.Module):
    """The smallest network with torch's fused attention."""

    def __init__(self):
        super().__init__()
        self.own, self.fc = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(self.own(x, x, x, need_weights=False)[0].mean(1))


def test_second_derivatives_go_through_attention():
    torch.manual_seed(0)
    model, images, labels = Attention(), torch.randn(8, 5, 4), torch.arange(8) % 3
    batches = [(images[k::2], labels[k::2]) for k in range(2)]
    with scores.memory_for("GraSP", 4):
        products = prune_grasp.hessian_gradient(model, batches)
        found = prune_prospr.prospr_scores(model, [batches[0], batches[1], batches[0]])
    assert all(product.abs().sum() > 0 for product in products)
    assert [*found] == ["own.in_proj_weight", "own.out_proj.weight", "fc.weight"]
    assert len(products) == 3
