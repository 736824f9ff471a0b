"""NTK-SAP: scores against the formula written out, the schedule, and that neither data nor weights matter."""

import copy
import itertools

import numpy as np
import prune_ntksap
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.pruning_cases import init_file, settings, tiny, write_facts
from sparse_topology.networks.initialise import kaiming_
from sparse_topology.pruning.masks import kept, load_masks, size
from sparse_topology.pruning.scores import weights

SHAPE = (2, 2, 4)


def forward(model, values, x, mean, var):
    """pruning_cases.TinyNet written out: weights `values`, BatchNorm's statistics given."""
    x = F.conv2d(x, values["conv.weight"], model.conv.bias)
    x = (x - mean[:, None, None]) / (var[:, None, None] + 1e-5).sqrt()
    x = x * model.bn.weight[:, None, None] + model.bn.bias[:, None, None]
    x = F.avg_pool2d(torch.tanh(x), (1, 2)).flatten(1)
    x = torch.tanh(x @ values["hidden.weight"].T + model.hidden.bias)
    return x @ values["out.weight"].T + model.out.bias


def test_output_change_is_the_formula_and_its_gradient_finite_differences():
    model = prune_ntksap.frozen(tiny())
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(6, *SHAPE, generator=generator, dtype=torch.float64)
    drawn = {name: weight.detach().clone() for name, weight in weights(model).items()}
    shifts = {name: 0.01 * torch.randn(w.shape, generator=generator).double() for name, w in drawn.items()}
    masks = {name: (torch.rand(w.shape, generator=generator) < 0.7).double() for name, w in drawn.items()}
    convolved = F.conv2d(x, masks["conv.weight"] * drawn["conv.weight"], model.conv.bias)
    mean, var = convolved.mean((0, 2, 3)), convolved.var((0, 2, 3))

    def change(masks):
        first = forward(model, {n: masks[n] * drawn[n] for n in masks}, x, mean, var)
        second = forward(model, {n: masks[n] * (drawn[n] + shifts[n]) for n in masks}, x, mean, var)
        return sum(float(((a - b) ** 2).sum()) for a, b in zip(first, second, strict=True))

    variables = {name: mask.clone().requires_grad_() for name, mask in masks.items()}
    result = prune_ntksap.output_change(model, variables, shifts, x)
    assert result.item() == pytest.approx(change(masks), rel=1e-10)
    gradients = dict(zip(masks, torch.autograd.grad(result, list(variables.values())), strict=True))
    for name, mask in masks.items():
        for index in np.ndindex(*mask.shape):
            values = []
            for step in (1e-5, -1e-5):
                moved = {other: value.clone() for other, value in masks.items()}
                moved[name][index] += step
                values.append(change(moved))
            expected = (values[0] - values[1]) / 2e-5
            assert gradients[name][index].item() == pytest.approx(expected, rel=1e-6, abs=1e-10)
    assert sum(mask.numel() for mask in masks.values()) == 76


def test_scores_are_those_of_a_plain_loop_over_two_networks():
    """Copies of the network with masks as leaves, drawn with the same generator; sums over batches, then |.|."""
    model = prune_ntksap.frozen(tiny())
    rng = np.random.default_rng(2)
    masks = {name: rng.random(weight.shape) < 0.6 for name, weight in weights(model).items()}
    torch.manual_seed(8)
    scores = prune_ntksap.tangent_scores(model, masks, SHAPE, [5, 3])

    first = tiny()
    torch.manual_seed(8)
    expected = {name: torch.zeros(mask.shape, dtype=torch.float64) for name, mask in masks.items()}
    for count in (5, 3):
        kaiming_(first)
        x = torch.empty(count, *SHAPE, dtype=torch.float64).normal_()
        second = copy.deepcopy(first)
        for module in second.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.weight.data += 0.01 * torch.randn_like(module.weight)
        leaves = {name: torch.tensor(mask, dtype=torch.float64, requires_grad=True) for name, mask in masks.items()}
        convolved = F.conv2d(x, leaves["conv.weight"].detach() * first.conv.weight, first.conv.bias).detach()
        statistics = convolved.mean((0, 2, 3)), convolved.var((0, 2, 3))
        outputs = [
            forward(net, {n: leaves[n] * weights(net)[n].detach() for n in leaves}, x, *statistics)
            for net in (first, second)
        ]
        sum((a - b) @ (a - b) for a, b in zip(*outputs, strict=True)).backward()
        for name, leaf in leaves.items():
            expected[name] += leaf.grad
    for name, score in scores.items():
        np.testing.assert_allclose(score, expected[name].abs(), rtol=1e-9, atol=1e-14)
    assert max(score.max() for score in scores.values()) > 0


@pytest.mark.parametrize(
    ("classes", "sizes"), [(10, [100] * 5), (100, [256] * 3 + [232]), (200, [256] * 7 + [208]), (2, [20] * 5)]
)
def test_batches_are_the_authors(classes, sizes):
    assert prune_ntksap.batch_sizes(classes) == sizes


def test_the_kept_fraction_falls_exponentially_and_nothing_returns(monkeypatch):
    seen, keep = [], prune_ntksap.keep_largest
    monkeypatch.setattr(prune_ntksap, "keep_largest", lambda *arguments: seen.append(keep(*arguments)) or seen[-1])
    torch.manual_seed(0)
    masks = prune_ntksap.ntksap_masks(prune_ntksap.frozen(tiny()), {"shape": SHAPE, "classes": 2}, 0.75, rounds=4)
    assert [kept(m) for m in seen] == [round(76 * 0.25 ** (k / 4)) for k in (1, 2, 3, 4)]
    assert masks is seen[-1]
    for earlier, later in itertools.pairwise(seen):
        assert all((earlier[name] | ~later[name]).all() for name in later)


@pytest.mark.parametrize("architecture", ["conv_small", "resnet_small"])
def test_count_is_exact_and_the_seed_alone_decides(tmp_path, monkeypatch, architecture):
    """Not the images or labels, which the script does not open, nor the weights at initialisation."""
    monkeypatch.setattr(prune_ntksap, "ROUNDS", 3)
    info, out = write_facts(tmp_path / "d.json", 10, (1, 8, 8)), tmp_path / "m"

    def run(sparsity, seed, weights_of):
        init = init_file(tmp_path, architecture, seed=weights_of)
        prune_ntksap.main(info, init, out, settings(architecture, sparsity, seed=seed))
        return out.read_bytes(), load_masks(out)

    for sparsity, share in ((0.5, 2), (0.9, 10), (0.98, 50)):
        content, masks = run(sparsity, 0, 0)
        assert kept(masks) == round(size(masks) / share)
        assert run(sparsity, 0, 7)[0] == content
        assert run(sparsity, 1, 0)[0] != content
