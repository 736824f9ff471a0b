"""Training: the step against torch's own, masks, determinism, resuming after a kill, collapses, and the record."""

import json
import math
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from init import main as init_main
from scipy.sparse import coo_array
from torch import nn
from train import main as train_main

from helpers.benchmark import benchmark
from helpers.training_cases import (
    FACTS,
    GPU,
    RECIPE,
    assert_equal_states,
    images,
    masks_of,
    network,
    output_files,
    read_outputs,
    write_study,
)
from sparse_topology.data.augmentation import Standardise, augment
from sparse_topology.graphs.geometry import encode
from sparse_topology.graphs.layered import all_edges
from sparse_topology.graphs.trace import trace
from sparse_topology.job import InputError
from sparse_topology.pruning.masks import prunable, save_masks
from sparse_topology.training.record import not_reproducible
from sparse_topology.training.step import Step, accuracy, batch_counts, has_path, learning_rate, unflattened

REPOSITORY = Path(__file__).resolve().parents[2]
# -- the step


@pytest.mark.parametrize("word", ["conv_small", "resnet_small"])
def test_step_equals_torch_sgd_with_masked_gradients(word):
    """Three epochs, incomplete last batch, weight decay, mask: as torch.optim.SGD with gradient hooks has it."""
    pixels, labels = images(40)
    ours, reference = network(word), network(word)
    masks = masks_of(ours, 0.5)
    step = Step(ours, pixels, labels, FACTS, masks, RECIPE)
    named = dict(reference.named_parameters())
    for name, mask in masks.items():
        keep = torch.from_numpy(mask).float()
        named[name].data *= keep
        named[name].register_hook(lambda gradient, keep=keep: gradient * keep)
    trainable = [p for p in reference.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, lr=0.1, momentum=0.9, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2])
    standardise = Standardise(FACTS["mean"], FACTS["std"], "cpu")
    for epoch in range(3):
        step.learning_rate.fill_(learning_rate(epoch, 0.1, [2]))
        step.shuffle()
        start, total, correct = 0, 0.0, 0
        for count in batch_counts(40, 16):
            step(count)
            chosen, down, right, mirrored = step.draws[:, start : start + count]
            logits = reference(standardise(augment(pixels[chosen], down, right, mirrored.bool(), 1)))
            loss = F.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            start, total = start + count, total + loss.item() * count
            correct += (logits.argmax(1) == labels[chosen]).sum().item()
        schedule.step()
        assert step.loss.item() == pytest.approx(total, rel=1e-5)
        assert step.correct.item() == correct
    for (name, a), b in zip(ours.state_dict().items(), reference.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)
    for name, mask in masks.items():
        assert not ours.state_dict()[name].numpy()[~mask].any()


def test_frozen_biases_stay_zero_and_batchnorm_learns():
    pixels, labels = images(32)
    model = network("conv_small")
    step = Step(model, pixels, labels, FACTS, {}, RECIPE)
    step.learning_rate.fill_(0.1)
    step.shuffle()
    step(16)
    state = model.state_dict()
    assert not state["convs1.0.bias"].any()
    assert not state["linear.3.bias"].any()
    assert state["convs1.1.bias"].any()


def test_an_epoch_shows_every_image_once():
    pixels, labels = images(37)
    step = Step(network(), pixels, labels, FACTS, {}, RECIPE)
    step.shuffle()
    assert sorted(step.draws[0].tolist()) == list(range(37))
    assert set(step.draws[1].tolist()) == set(step.draws[2].tolist()) == {0, 1, 2}
    assert set(step.draws[3].tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("n", "size", "counts"), [(40, 16, [16, 16, 8]), (32, 16, [16, 16]), (33, 16, [16, 16]), (5, 16, [5])]
)
def test_incomplete_batch_is_kept_unless_batchnorm_would_fail(n, size, counts):
    assert batch_counts(n, size) == counts


def test_augmentation_is_crop_of_the_padded_image_and_flip():
    pixels = torch.randint(1, 256, (60, 3, 5, 7), dtype=torch.uint8)
    down, right, mirrored = torch.randint(5, (60,)), torch.randint(5, (60,)), torch.randint(2, (60,)).bool()
    got = augment(pixels, down, right, mirrored, 2)
    padded = np.pad(pixels.numpy(), [(0, 0), (0, 0), (2, 2), (2, 2)])
    for k in range(60):
        expected = padded[k, :, down[k] : down[k] + 5, right[k] : right[k] + 7]
        np.testing.assert_array_equal(got[k], expected[:, :, ::-1] if mirrored[k] else expected)
    middle = torch.full((60,), 2)
    torch.testing.assert_close(augment(pixels, middle, middle, torch.zeros(60).bool(), 2), pixels)


def test_padding_is_black_before_standardisation():
    black = torch.zeros(1, 1, 2, 2, dtype=torch.uint8)
    torch.testing.assert_close(Standardise([0.2], [0.4], "cpu")(black), torch.full((1, 1, 2, 2), -0.5))


def test_accuracy_counts_over_batches_and_restores_training_mode():
    pixels, labels = images(30)
    model = network()
    standardise = Standardise(FACTS["mean"], FACTS["std"], "cpu")
    with torch.no_grad():
        expected = (model.eval()(standardise(pixels)).argmax(1) == labels).float().mean().item()
    assert accuracy(model, pixels, labels, standardise, batch=7) == pytest.approx(expected)
    assert model.training


# -- paths


def test_path_needs_more_than_weights_in_every_layer():
    """conv1 feeds channel 0 only and the next layer reads channel 1 only: weights in every layer, yet no path."""
    model = network("conv_small")
    masks = masks_of(model, 0)
    masks["convs1.0.weight"][1:] = False
    assert has_path(model, masks, [1, 8, 8])
    masks["convs1.4.weight"][:, 0] = False
    assert not has_path(model, masks, [1, 8, 8])
    assert masks["convs1.4.weight"].any()


def test_path_follows_the_masks_where_there_are_any():
    """A kept weight that is 0 still connects; what a mask has removed does not."""
    model, masks = network("conv_small"), masks_of(network("conv_small"), 0.5)
    with torch.no_grad():
        model.convs1[0].weight.zero_()
    assert has_path(model, masks, [1, 8, 8])
    masks["linear.0.weight"][:] = False
    assert not has_path(model, masks, [1, 8, 8])


def test_shortcut_keeps_a_path():
    model = network("resnet_small")
    masks = masks_of(model, 0)
    masks["layer2.0.conv2.weight"][:] = False
    assert has_path(model, masks, [1, 8, 8])
    masks["layer2.0.shortcut.0.weight"][:] = False
    assert not has_path(model, masks, [1, 8, 8])


class Squeezed(nn.Module):
    """A gate that multiplies, between two convolutions."""

    def __init__(self):
        super().__init__()
        self.first, self.gate, self.last = nn.Conv2d(1, 4, 3), nn.Linear(4, 4), nn.Conv2d(4, 3, 6)

    def forward(self, x):
        x = self.first(x)
        return self.last(x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]).flatten(1)


class OneMinus(nn.Module):
    def forward(self, x):
        return 1 - x


def chain(*between):
    return nn.Sequential(nn.Conv2d(1, 4, 3), *between, nn.Conv2d(4, 3, 6), nn.Flatten())


class Rows(nn.Module):
    """A patch embedding, blocks on its plane or on its rows, a mean and a classifier."""

    def __init__(self, *blocks, rows):
        super().__init__()
        self.patch, self.blocks, self.head, self.rows = (
            nn.Conv2d(1, 4, 2, 2),
            nn.Sequential(*blocks),
            nn.Linear(4, 3),
            rows,
        )

    def forward(self, x):
        x = self.patch(x)
        x = self.blocks(x.flatten(2).transpose(1, 2)).mean(1) if self.rows else self.blocks(x).mean((2, 3))
        return self.head(x)


class ConvNeXtBlock(nn.Module):
    """With a layer scale of 1e-6, as it starts, or without the shortcut around it."""

    def __init__(self, shortcut):
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.LayerNorm(4)
        self.mlp = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
        self.scale, self.shortcut = nn.Parameter(torch.full((4,), 1e-6)), shortcut

    def forward(self, x):
        y = (self.scale * self.mlp(self.norm(self.depthwise(x).permute(0, 2, 3, 1)))).permute(0, 3, 1, 2)
        return x + y if self.shortcut else y


class MixerBlock(nn.Module):
    def __init__(self, shortcut):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(4), nn.LayerNorm(4)])
        self.tokens = nn.Sequential(nn.Linear(16, 6), nn.GELU(), nn.Linear(6, 16))
        self.channels = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
        self.shortcut = shortcut

    def forward(self, x):
        x = x * self.shortcut + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return x * self.shortcut + self.channels(self.norms[1](x))


BLOCKS = {  # network, a layer without which one without shortcuts is cut
    "ConvNeXt": (
        lambda shortcut: Rows(*(ConvNeXtBlock(shortcut) for _ in range(3)), rows=False),
        "blocks.1.mlp.2.weight",
    ),
    "MLP-Mixer": (
        lambda shortcut: Rows(*(MixerBlock(shortcut) for _ in range(3)), rows=True),
        "blocks.1.tokens.0.weight",
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_networks_of_rows_are_no_collapse_until_they_are_cut(name):
    build, layer = BLOCKS[name]
    for shortcut in (True, False):
        torch.manual_seed(0)
        model = build(shortcut)
        assert has_path(model, {}, [1, 8, 8])
        emptied = {layer: np.zeros(model.state_dict()[layer].shape, bool)}
        assert has_path(model, emptied, [1, 8, 8]) == shortcut
        assert not has_path(model, {"head.weight": np.zeros((3, 4), bool)}, [1, 8, 8])


# networks with a path, on which a count of linear paths on a blank image is 0, or as good as 0 or infinite
PATHS = {
    "layer norm": lambda: chain(nn.LayerNorm((4, 6, 6))),
    "group norm": lambda: chain(nn.GroupNorm(2, 4)),
    "instance norm": lambda: chain(nn.InstanceNorm2d(4)),
    "zero scale": lambda: chain(zeroed(nn.BatchNorm2d(4))),
    "softmax": lambda: nn.Sequential(chain(), nn.LogSoftmax(1)),
    "shrink": lambda: chain(nn.Hardshrink(2.0)),
    "saturated": lambda: chain(nn.Tanh(), nn.Sigmoid(), nn.Hardtanh(), nn.ReLU6(), nn.Hardsigmoid()),
    "threshold": lambda: chain(nn.Threshold(2.5, 0.0)),
    "negated": lambda: chain(OneMinus(), nn.ReLU()),
    "gate": Squeezed,
    "deep": lambda: chain(*(layer for _ in range(200) for layer in (nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()))),
    "zero head": lambda: nn.Sequential(nn.Flatten(), zeroed(nn.Linear(64, 3))),
}


def zeroed(layer):
    nn.init.zeros_(layer.weight)
    return layer


@pytest.mark.parametrize("name", PATHS)
def test_dense_networks_have_a_path(name):
    torch.manual_seed(0)
    model = PATHS[name]()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    assert has_path(model, {}, [1, 8, 8])
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
    first = next(key for key in before if key.endswith("weight"))
    assert not has_path(model, {first: np.zeros(before[first].shape, bool)}, [1, 8, 8])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("word", ["conv_small", "resnet_small"])
def test_path_agrees_with_the_graph(word, seed):
    """With so few weights that some networks are cut; the graph is walked with SciPy."""
    model = network(word)
    masks = masks_of(model, [0.9, 0.95, 0.97, 0.98, 0.985, 0.99][seed], seed)
    weights = {name: np.ones(mask.shape, np.float32) for name, mask in masks.items()}
    graph = encode(trace(model, (1, 8, 8), "edges"), weights, masks)
    tails, heads, _ = all_edges(graph)
    adjacency = coo_array((np.ones(len(tails)), (heads, tails)), (graph.node_count,) * 2).tocsr()
    reached, new = np.zeros(graph.node_count), np.zeros(graph.node_count)
    new[slice(*graph.inputs[0])] = 1
    while new.any():
        reached, new = np.maximum(reached, new), (adjacency @ new > 0) * (reached == 0)
    outputs = np.concatenate([reached[start:stop] for start, stop in graph.outputs])
    assert has_path(model, masks, [1, 8, 8]) == outputs.any()


# -- the whole job


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


def run(study, tmp_path, changes=None, mask=None, **options):
    inputs, cfg, _ = study
    outputs = output_files(tmp_path)
    train_main(inputs | ({"mask": str(mask)} if mask else {}), outputs, cfg | (changes or {}), 1, **options)
    return read_outputs(outputs)


def test_sparse_training_keeps_pruned_weights_exactly_zero_and_is_deterministic(study, tmp_path):
    mask = study[2] / "mask.npz"
    state, record = run(study, tmp_path, mask=mask)
    masks = np.load(mask)
    assert set(masks.files) == set(prunable(state))
    assert all(not state[name].numpy()[~masks[name]].any() for name in masks.files)
    assert record["parameters"] == {
        "prunable": sum(masks[n].size for n in masks.files),
        "kept": sum(int(masks[n].sum()) for n in masks.files),
    }
    again, other = run(study, tmp_path, mask=mask)
    assert_equal_states(state, again)
    assert record["curve"] == other["curve"]
    different, _ = run(study, tmp_path, {"seed": 4}, mask=mask)
    assert not torch.equal(state["conv1.weight"], different["conv1.weight"])


def test_record(study, tmp_path):
    _, record = run(study, tmp_path, {"epochs": 8, "milestones": [6]})
    assert record["accuracy"] == record["curve"]["test_accuracy"][-1] > 0.9
    assert {len(values) for values in record["curve"].values()} == {record["epochs"]} == {8}
    assert (record["collapsed"], record["collapse_reason"]) == (False, None)
    assert record["parameters"]["kept"] == record["parameters"]["prunable"]
    assert record["versions"]["torch"] == torch.__version__
    assert record["seed"] == 3
    assert record["seconds"] > 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.pt", "training.json"]


def test_dense_training_also_leaves_the_network_of_an_early_epoch(study, tmp_path):
    """It is what a training that ends there would leave; after a kill too."""
    inputs, cfg, _ = study
    early, _ = run(study, tmp_path / "early", {"epochs": 1})
    outputs = output_files(tmp_path, ("model", "record", "early"))
    train_main(inputs, outputs, cfg | {"rewind": 1}, 1)
    assert_equal_states(torch.load(outputs["early"], weights_only=True), early)
    train_main(inputs, outputs, cfg | {"rewind": 9}, 1)
    assert_equal_states(torch.load(outputs["early"], weights_only=True), torch.load(outputs["model"]))


def test_loss_that_is_not_finite_is_recorded_and_leaves_finite_weights(study, tmp_path):
    state, record = run(study, tmp_path, {"learning_rate": 1e30})
    assert record["collapsed"]
    assert "not finite in epoch 1 of 3" in record["collapse_reason"]
    assert record["accuracy"] is None
    assert all(tensor.isfinite().all() for tensor in state.values())


def test_network_without_a_path_is_trained_and_flagged(study, tmp_path):
    masks = masks_of(network(), 0.5)
    masks["conv1.weight"][:] = False
    save_masks(tmp_path / "mask.npz", masks)
    _, record = run(study, tmp_path, {"epochs": 1}, mask=tmp_path / "mask.npz")
    assert record["collapsed"]
    assert record["collapse_reason"] == "no path from an input to an output"
    assert record["accuracy"] == pytest.approx(1 / 3)


def test_mask_of_another_network_is_refused(study, tmp_path):
    save_masks(tmp_path / "mask.npz", masks_of(network("conv_small"), 0.5))
    with pytest.raises(InputError, match=r"the mask of convs1.0.weight has shape"):
        run(study, tmp_path, mask=tmp_path / "mask.npz")
    assert not (tmp_path / "model.pt").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_asked_for_but_absent(study, tmp_path):
    with pytest.raises(InputError, match="there is no usable GPU"):
        run(study, tmp_path, {"device": "cuda"})


def test_image_of_wrong_size_is_refused_before_training(study, tmp_path):
    _, cfg, folder = study
    with pytest.raises(InputError, match=r"conv6 does not take images of shape \[1, 8, 8\]"):
        init_main(folder / "dataset.json", tmp_path / "init.pt", cfg | {"architecture": "conv6"})
    assert not (tmp_path / "init.pt").exists()


def test_initialisation_is_kaiming_and_follows_the_seed(study, tmp_path):
    _, cfg, folder = study
    states = []
    for seed in (0, 0, 1):
        init_main(folder / "dataset.json", tmp_path / "init.pt", cfg | {"seed": seed})
        states.append(torch.load(tmp_path / "init.pt", weights_only=True))
    assert_equal_states(states[0], states[1])
    assert not torch.equal(states[0]["conv1.weight"], states[2]["conv1.weight"])
    weight = states[0]["layer2.0.conv2.weight"]
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (32 * 9)), rel=0.05)
    assert not states[0]["linear.bias"].any()


# -- interruption

INTERRUPTED = """
import json, sys
from train import main
main(*json.loads(sys.argv[1]), threads=1, checkpoint_seconds=0.0)
"""


def test_killed_training_goes_on_as_if_it_had_not_been(study, tmp_path):
    inputs, cfg, folder = study
    inputs, cfg = inputs | {"mask": str(folder / "mask.npz")}, cfg | {"epochs": 16, "milestones": [2, 10]}
    whole, record = run((inputs, cfg, folder), tmp_path / "whole")
    broken = tmp_path / "broken"
    outputs = output_files(broken)
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTED, json.dumps([inputs, outputs, cfg])],
        env={"PYTHONPATH": str(REPOSITORY / "workflow" / "scripts"), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if line.startswith("epoch 3/"):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not Path(outputs["model"]).exists()
    (checkpoint,) = broken.glob(".checkpoint-*.pt")
    done = len(torch.load(checkpoint, weights_only=True)["curve"]["train_loss"])
    assert 2 <= done < 16
    resumed, other = run((inputs, cfg, folder), broken)
    assert_equal_states(whole, resumed)
    assert record["curve"] == other["curve"]
    assert not list(broken.glob(".checkpoint-*"))


def test_checkpoint_of_other_settings_is_not_used(study, tmp_path, capsys):
    stale = tmp_path / ".checkpoint-0123456789abcdef.pt"
    stale.write_bytes(b"of other settings")
    run(study, tmp_path)
    assert "going on" not in capsys.readouterr().out
    assert not stale.exists()


# -- the GPU's path, and several networks in one step


@GPU
def test_recorded_step_equals_the_step_itself():
    """A replayed graph and direct calls see the same images and take the same steps."""
    torch.backends.cudnn.deterministic = True
    results = []
    for record in (False, True):
        pixels, labels = (tensor.cuda() for tensor in images(40))
        model = network().cuda().to(memory_format=torch.channels_last)
        masks = masks_of(model.cpu(), 0.5)
        step = Step(model.cuda(), pixels, labels, FACTS, masks, RECIPE)
        counts = batch_counts(40, 16)
        run = step.ready(counts)  # also in the other case, so that it has seen what follows each BatchNorm
        if not record:
            run = {count: lambda c=count, s=step: s(c) for count in counts}
        torch.manual_seed(0)
        for _ in range(2):
            step.learning_rate.fill_(0.05)
            step.shuffle()
            for count in counts:
                run[count]()
        results.append((model.state_dict(), step.loss.item(), step.correct.item()))
        assert all(not model.state_dict()[name].cpu().numpy()[~mask].any() for name, mask in masks.items())
    (eager, loss, correct), (replayed, loss2, correct2) = results
    assert loss2 == pytest.approx(loss, rel=1e-2)
    assert abs(correct - correct2) <= 1
    for name in eager:
        torch.testing.assert_close(replayed[name], eager[name], rtol=1e-2, atol=1e-3, msg=name)


@GPU
@pytest.mark.parametrize("word", ["conv_small", "resnet_small"])
def test_gpu_functions_give_the_gradients_of_torch(word):
    """A step with training.gpu's convolutions and BatchNorm equals one with torch's, both in bfloat16. The next, with
    shortcut and ReLU in BatchNorm, which rounds less often, is as near to float32 on the CPU as torch's is."""
    torch.backends.cudnn.deterministic = True
    apart, together = [], []
    for device, torchs in (("cpu", True), ("cuda", True), ("cuda", False)):
        pixels, labels = (tensor.to(device) for tensor in images(40))
        step = Step(network(word).to(device), pixels, labels, FACTS, {}, RECIPE)
        step.manner = nullcontext() if torchs else step.manner
        torch.manual_seed(0)
        step.learning_rate.fill_(0.05)
        step.shuffle()
        before = [tensor.clone() for tensor in step.state()]
        for results in (apart, together):
            step(40)
            velocities = unflattened(step.velocity, step.shapes, device == "cuda")
            results.append((torch.cat([part.flatten() for part in velocities]).cpu(), step.loss.item()))
            step.restore(before)
    _, (torchs, loss), (ours, loss2) = apart
    assert loss2 == pytest.approx(loss, rel=1e-2)
    assert (ours - torchs).norm() < 0.03 * torchs.norm()
    (exact, loss), (torchs, loss2), (ours, loss3) = together
    assert loss2 == pytest.approx(loss, rel=1e-2)
    assert loss3 == pytest.approx(loss, rel=1e-2)
    assert (ours - exact).norm() < 1.2 * (torchs - exact).norm() < 0.3 * exact.norm()


BATCHNORM = """
import torch
import torch.nn.functional as F
from sparse_topology.training import batchnorm
from sparse_topology.training.batchnorm import normalise

batchnorm.PARTS = 4  # so that each program goes through several tiles, and the interpreter ends soon
torch.set_default_device("cuda" if torch.cuda.is_available() else "cpu")
for channels, size in ((3, 4), (16, 8), (130, 3)):
    torch.manual_seed(channels)
    x = (2 * torch.randn(5, channels, size, size) + 1.5).to(memory_format=torch.channels_last)
    parameters, upstream = [torch.rand(channels) + 0.5, torch.randn(channels)], torch.randn_like(x)
    for add, relu in ((False, False), (False, True), (True, False), (True, True)):
        results = []
        for ours in (False, True):
            running = torch.ones(channels), torch.ones(channels)
            shortcut = [x.roll(1, 0)] * add
            leaves = [tensor.clone().requires_grad_() for tensor in (x, *parameters, *shortcut)]
            arguments = (leaves[0], *running, *leaves[1:3])
            if ours:
                y = normalise(*arguments, 0.1, 1e-5, *leaves[3:] or [None], relu)
            else:
                y = sum(leaves[3:], F.batch_norm(*arguments, True, 0.1, 1e-5))
                y = F.relu(y) if relu else y
            results.append([y.detach(), *running, *torch.autograd.grad(y, leaves, upstream)])
        for a, b in zip(*results, strict=True):
            torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5)
    x[0, 0, 0, 0] = float("nan")
    lost = normalise(x, torch.ones(channels), torch.ones(channels), *parameters, 0.1, 1e-5, None, True)
    assert lost[:, 0].isnan().all() and lost[:, 1:].isfinite().all()
"""


CONVOLUTIONS = """
import torch
from sparse_topology.training import convolution
from sparse_topology.training.convolution import convolve, input_gradient, takes, weight_gradient

convolution.PROGRAMS = 1  # so that each goes through several tiles
gpu = torch.cuda.is_available()
torch.set_default_device("cuda" if gpu else "cpu")
form = dict(dtype=torch.bfloat16 if gpu else torch.float32, memory_format=torch.channels_last)
shapes = (3, 1, 16, 5, 7), (5, 16, 16, 8, 8), (1, 32, 16, 3, 2), (3, 12, 32, 7, 11), (4, 32, 64, 9, 9)
for batch, inputs, outputs, height, width in shapes:
    torch.manual_seed(inputs)
    x, dy = (torch.randn(batch, channels, height, width).to(**form) for channels in (inputs, outputs))
    weight = torch.randn(outputs, inputs, 3, 3).to(**form)
    assert takes(x, weight, (1, 1), (1, 1), (1, 1), 1)
    leaves = [tensor.double().requires_grad_() for tensor in (x, weight)]
    y = torch.nn.functional.conv2d(*leaves, padding=1)
    exact = [y.detach(), *torch.autograd.grad(y, leaves, dy.double())]
    found = [convolve(x, weight), input_gradient(dy, weight) if inputs in (16, 32) else None, weight_gradient(x, dy)]
    for a, b in zip(exact, found, strict=True):
        if b is not None:
            assert b.shape == a.shape and b.dtype == x.dtype and b.is_contiguous(memory_format=torch.channels_last)
            assert (b.double() - a).norm() < (3e-3 if gpu else 1e-6) * a.norm()
"""


ACCELERATED = """
import contextlib
from unittest.mock import Mock

import torch
from torch import nn
from sparse_topology.training import batchnorm, convolution, gpu

device = "cuda" if torch.cuda.is_available() else "cpu"
if device == "cpu":  # streams that are none
    torch.cuda.Stream = torch.cuda.current_stream = Mock
    torch.cuda.stream = contextlib.nullcontext
    torch.Tensor.record_stream = Mock()
    zeros = torch.zeros
    torch.zeros = lambda *size, device=None, **options: zeros(*size, **options)
batchnorm.PARTS = 4
assert None not in gpu.built()
used = {name: Mock(wraps=getattr(convolution, name)) for name in ("convolve", "input_gradient", "weight_gradient")}
for name, function in used.items():
    setattr(convolution, name, function)
torch.manual_seed(0)
layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1)]
layers += [nn.Conv2d(16, 16, 3, 2, padding=1), nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)]
network = nn.Sequential(*layers).to(device, memory_format=torch.channels_last)
x = torch.randn(4, 3, 8, 8).to(device, memory_format=torch.channels_last)
upstream = torch.randn(4, 16, 4, 4).to(device)

def gradients():
    y = network(x)
    return [y.detach(), *torch.autograd.grad(y, list(network.parameters()), upstream)]

exact, accelerated = gradients(), gpu.Accelerated()
for _ in range(2):  # in the second pass BatchNorm takes along what follows
    with accelerated:
        found = gradients()
    for a, b in zip(exact, found, strict=True):
        assert (a - b).norm() < (1e-2 if device == "cuda" else 1e-5) * a.norm()
assert all(function.called for function in used.values())
"""


@pytest.mark.parametrize(
    "script", [BATCHNORM, CONVOLUTIONS, ACCELERATED], ids=["batchnorm", "convolution", "accelerated"]
)
def test_kernels_equal_torch(script):
    """Without a GPU they are run by Triton's interpreter."""
    pytest.importorskip("triton")
    interpreted = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "workflow" / "scripts")} | interpreted
    process = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def test_the_convolutions_that_have_kernels():
    pytest.importorskip("triton")
    from sparse_topology.training import convolution

    def taken(inputs, outputs, size=3, stride=1, padding=1, dilation=1, groups=1, channels_last=True):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        x = torch.zeros(2, inputs, 8, 8).to(memory_format=layout)
        weight = torch.zeros(outputs, inputs // groups, size, size).to(memory_format=layout)
        return convolution.takes(x, weight, *([setting] * 2 for setting in (stride, padding, dilation)), groups)

    assert all(taken(inputs, outputs) for inputs in (3, 16, 64) for outputs in (16, 32, 64))
    assert not any(taken(16, outputs) for outputs in (8, 48, 128))
    others = ({"size": 5}, {"stride": 2}, {"padding": 0}, {"dilation": 2}, {"groups": 2}, {"channels_last": False})
    assert not any(taken(16, 16, **other) for other in others)
    large = torch.zeros(1024, 3, 224, 224, device="meta").to(memory_format=torch.channels_last)
    kernel = torch.zeros(64, 3, 3, 3, device="meta").to(memory_format=torch.channels_last)
    settings = (1, 1), (1, 1), (1, 1), 1
    assert [convolution.takes(images, kernel, *settings) for images in (large, large[:512])] == [False, True]
    gains = [convolution.gains(torch.zeros(outputs, inputs, 3, 3)) for inputs, outputs in ((3, 64), (16, 16), (32, 32))]
    assert gains == [(True, False, True), (True, True, True), (False, False, True)]


@GPU
def test_job_on_a_gpu(study, tmp_path):
    mask = study[2] / "mask.npz"
    state, record = run(study, tmp_path, {"device": "cuda", "epochs": 12, "milestones": [9]}, mask=mask)
    masks = np.load(mask)
    assert all(not state[name].numpy()[~masks[name]].any() for name in masks.files)
    assert record["device"] == torch.cuda.get_device_name()
    assert record["accuracy"] > 0.8
    assert all(tensor.is_contiguous() for tensor in state.values())


@pytest.fixture
def as_before():
    """torch's setting is the process's; the next test gets it as it was."""
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("deterministic", [False, True])
def test_a_cpu_repeats_its_bits_and_says_so(study, tmp_path, deterministic):
    folders = [tmp_path / name for name in "ab"]
    (first, record), (second, _) = (run(study, folder, {"deterministic": deterministic}) for folder in folders)
    assert_equal_states(first, second)
    assert record["not_reproducible"] is None
    assert torch.are_deterministic_algorithms_enabled() == deterministic
    plain, _ = run(study, tmp_path / "plain")
    assert_equal_states(first, plain)
    assert not torch.are_deterministic_algorithms_enabled()


def test_what_a_gpu_run_does_not_repeat_is_in_its_record():
    device = torch.device("cuda")
    assert "deterministic: true" in not_reproducible(device, {})
    assert not_reproducible(device, {"deterministic": True}) is None


@GPU
@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("word", ["resnet_small", "conv_small"])
def test_a_gpu_repeats_its_bits_if_asked_to(study, tmp_path, word):
    changes = {"device": "cuda", "epochs": 12, "milestones": [9], "deterministic": True, "architecture": word}
    inputs = study[0] | {"init": str(tmp_path / "init.pt")}
    init_main(inputs["info"], inputs["init"], study[1] | changes)
    states = []
    for name in "ab":
        outputs = output_files(tmp_path / name)
        train_main(inputs, outputs, study[1] | changes, 1)
        states.append(read_outputs(outputs)[0])
    assert_equal_states(*states)


@pytest.fixture(scope="module")
def speed():
    return benchmark("training")


@pytest.mark.parametrize("word", ["conv_small", "resnet_small"])
def test_networks_in_one_step_train_as_they_would_alone(speed, word):
    pixels, labels = images(40)
    alone = [network(word, seed) for seed in range(3)]
    joint = speed.together(alone).train()
    masks = [masks_of(model, 0.5, seed) for seed, model in enumerate(alone)]
    stacked = {name: np.concatenate([mask[name] for mask in masks]) for name in masks[0]}
    for name, parameter in joint.named_parameters():
        parameter.requires_grad_(dict(alone[0].named_parameters())[name].requires_grad)
    steps = [Step(m, pixels, labels, FACTS, mask, RECIPE) for m, mask in zip(alone, masks, strict=True)]
    steps.append(speed.TogetherStep(joint, pixels, labels[:, None].expand(-1, 3), FACTS, stacked, RECIPE))
    for step in steps:
        torch.manual_seed(0)
        step.learning_rate.fill_(0.05)
        step.shuffle()
        for count in batch_counts(40, 16):
            step(count)
    assert steps[-1].loss.item() == pytest.approx(sum(step.loss.item() for step in steps[:3]), rel=1e-4)
    assert steps[-1].correct.item() == sum(step.correct.item() for step in steps[:3])
    for name, parameter in joint.named_parameters():
        expected = torch.cat([dict(model.named_parameters())[name] for model in alone])
        torch.testing.assert_close(parameter, expected, rtol=1e-3, atol=1e-5, msg=name)
