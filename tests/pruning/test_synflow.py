"""SynFlow: flow is conserved from layer to layer, the schedule, finite scores, the published layer densities."""

import itertools

import numpy as np
import prune_synflow
import pytest
import torch
from init import initialise
from torch import nn

from helpers.pruning_cases import init_file, settings, tiny, write_facts
from helpers.published_densities import published
from sparse_topology.pruning.masks import kept, load_masks, size
from sparse_topology.pruning.scores import kept_after, weights


def flow_of(model, shape):
    with torch.no_grad():
        return model(torch.ones(1, *shape, dtype=torch.float64)).sum().item()


def test_every_layer_of_a_chain_carries_the_whole_flow():
    """With all biases zero the output is linear in each layer's weights: their scores sum to R."""
    model = prune_synflow.linearise(initialise("conv_small", {}, 10, (1, 8, 8), seed=0))
    scores = prune_synflow.synaptic_flow(model, (1, 8, 8))
    flow = flow_of(model, (1, 8, 8))
    assert flow > 1
    assert [score.sum() for score in scores.values()] == pytest.approx([flow] * len(scores), rel=1e-12)


def test_flow_of_a_residual_network_passes_its_first_and_last_layer_whole_and_divides_at_the_shortcut():
    model = prune_synflow.linearise(initialise("resnet_small", {}, 10, (1, 8, 8), seed=0))
    total = {name: score.sum() for name, score in prune_synflow.synaptic_flow(model, (1, 8, 8)).items()}
    flow = flow_of(model, (1, 8, 8))
    assert total["conv1.weight"] == pytest.approx(flow, rel=1e-12)
    assert total["linear.weight"] == pytest.approx(flow, rel=1e-12)
    branches = total["layer2.0.conv2.weight"] + total["layer2.0.shortcut.0.weight"]
    assert branches == pytest.approx(flow, rel=1e-12)
    assert total["layer2.0.conv1.weight"] == pytest.approx(total["layer2.0.conv2.weight"], rel=1e-12)


def test_scores_are_finite_differences():
    model = prune_synflow.linearise(tiny(nn.ReLU))
    scores, step = prune_synflow.synaptic_flow(model, (2, 2, 4)), 1e-4
    for name, weight in weights(model).items():
        for j in list(np.ndindex(*weight.shape))[:5]:
            value, flows = weight.data[j].item(), []
            for sign in (1, -1):
                weight.data[j] = value * (1 + sign * step)
                flows.append(flow_of(model, (2, 2, 4)))
            weight.data[j] = value
            assert scores[name][j] == pytest.approx(abs(flows[0] - flows[1]) / (2 * step), rel=1e-7)


def test_the_kept_fraction_falls_exponentially_to_the_exact_count():
    counts = [kept_after(step, 270896, 0.98, 100) for step in range(101)]
    assert counts[0] == 270896
    assert counts[50] == round(270896 * 0.02**0.5)
    assert counts[100] == 5418  # round(5417.92)
    ratios = np.array(counts[1:]) / counts[:-1]
    assert ratios == pytest.approx([0.02**0.01] * 100, rel=1e-3)


def test_what_is_pruned_stays_pruned(monkeypatch):
    steps, apply = [], prune_synflow.apply
    monkeypatch.setattr(prune_synflow, "apply", lambda masks, model: (steps.append(masks), apply(masks, model)))
    model = prune_synflow.linearise(initialise("resnet_small", {}, 10, (1, 8, 8), seed=0))
    last = prune_synflow.synflow_masks(model, (1, 8, 8), 0.9995, steps=20)
    assert len(steps) == 20
    for earlier, later in itertools.pairwise(steps):
        assert all((earlier[name] | ~later[name]).all() for name in later)
    assert kept(last) == round(size(last) * 0.0005)


def test_scores_of_the_deepest_network_are_finite_where_float32_overflows():
    model = prune_synflow.linearise(initialise("resnet32", {}, 200, (3, 32, 32), seed=0))
    scores = prune_synflow.synaptic_flow(model, (3, 32, 32))
    assert all(np.isfinite(score).all() for score in scores.values())
    assert flow_of(model, (3, 32, 32)) > torch.finfo(torch.float32).max


@pytest.mark.parametrize("architecture", ["conv_small", "resnet_small"])
def test_counts_and_determinism(tmp_path, architecture):
    info, init, out = write_facts(tmp_path / "d.json", 10, (1, 8, 8)), init_file(tmp_path, architecture), tmp_path / "m"
    for sparsity, share in ((0.5, 2), (0.9, 10), (0.98, 50)):
        seen = []
        for _ in range(2):
            prune_synflow.main(info, init, out, settings(architecture, sparsity))
            seen.append(out.read_bytes())
        masks = load_masks(out)
        assert kept(masks) == round(size(masks) / share)
        assert seen[0] == seen[1]


def test_layer_densities_are_the_published_ones(released):
    """Means over three seeds each; one architecture and sparsity, benchmarks/pruning_densities.py does the others."""
    expected, ours = published(released[0], "resnet20", "cifar10")["synflow", 0.95], []
    for seed in (0, 1, 2):
        model = prune_synflow.linearise(initialise("resnet20", {}, 10, (3, 32, 32), seed))
        masks = prune_synflow.synflow_masks(model, (3, 32, 32), 0.95)
        assert [f"{name}.weight" for name in expected.names] == list(masks)
        ours.append([mask.mean() for mask in masks.values()])
    assert np.abs(np.mean(ours, axis=0) - expected.densities.mean(axis=0)).mean() <= 0.005
