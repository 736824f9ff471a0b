"""Dynamic sparse training: what an update changes and what not, counts, the gradient, resuming, the record."""

import copy
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sparsify_itop
import sparsify_rigl
import sparsify_set
import torch
import torch.nn.functional as F
from train import main as train_main

from helpers.training_cases import (
    FACTS,
    GPU,
    RECIPE,
    assert_equal_states,
    data,
    network,
    output_files,
    read_outputs,
    shapes_of,
    write_study,
)
from sparse_topology.data.augmentation import Standardise, augment
from sparse_topology.job import InputError
from sparse_topology.pruning.layer_densities import erk_densities
from sparse_topology.pruning.masks import kept, kept_round, load_masks, size, stream
from sparse_topology.training.checkpoint import Checkpoint
from sparse_topology.training.dynamic import erk_start, train_dynamic
from sparse_topology.training.step import batch_counts

REPOSITORY = Path(__file__).resolve().parents[2]
METHODS = {"set": sparsify_set, "rigl": sparsify_rigl, "itop": sparsify_itop}
SPARSITY = 0.8  # ERK leaves the first layer and the shortcut of resnet_small dense
CFG = RECIPE | {"seed": 3, "interval": 2, "epochs": 4}


def step_of(word, cfg=CFG, device="cpu", count=40):
    """The step of a method on its start masks, ready to run: (step, a call for each step of an epoch)."""
    model = network().to(device, memory_format=torch.channels_last if device == "cuda" else torch.preserve_format)
    masks = erk_start(shapes_of(model), SPARSITY, stream(cfg["seed"], word))
    step = METHODS[word].build(model, data(count, device), masks, cfg)
    step.learning_rate.fill_(0.05)
    torch.manual_seed(0)
    step.shuffle()
    runs, counts = step.ready(batch_counts(count, 16)), batch_counts(count, 16)
    return step, [runs[count] for count in counts]


def by_layer(step, vector):
    """A vector of the prunable weights as one array per layer."""
    return np.split(vector.cpu().numpy(), np.cumsum([mask.size for mask in step.first_masks.values()])[:-1])


# -- the start


@pytest.mark.parametrize("sparsity", [0.5, 0.8, 0.95, 0.999])
def test_start_has_the_exact_total_and_erks_layer_counts(sparsity):
    shapes = shapes_of(network())
    masks = erk_start(shapes, sparsity, stream(0, "set"))
    assert kept(masks) == kept_round(size(masks), sparsity)
    for mask, density in zip(masks.values(), erk_densities(shapes, sparsity), strict=True):
        assert abs(int(mask.sum()) - density * mask.size) < 1 + 1e-6


# -- one update


@pytest.mark.parametrize("word", METHODS)
def test_an_update_drops_the_smallest_and_touches_nothing_else(word):
    step, runs = step_of(word)
    runs[0]()
    step.numbers = {}  # so that the second step is not followed by its own update
    runs[1]()
    values, velocity, mask = step.values.clone(), step.velocity.clone(), step.mask.clone()
    before, magnitude = by_layer(step, step.kept()), by_layer(step, step.magnitude())
    step.renew(0, 0.3)
    after, indices = by_layer(step, step.kept()), by_layer(step, step.place)
    for old, new, weight, index in zip(before, after, magnitude, indices, strict=True):
        exchanged = int(0.3 * old.sum())
        dropped = old & ~new
        smallest = np.sort(weight[old])[:exchanged]
        assert old.sum() == new.sum()
        assert (new & ~old).sum() == dropped.sum() <= exchanged
        if dropped.any():
            assert weight[dropped].max() <= smallest[-1]
        fresh = torch.from_numpy(index[new & ~old])
        assert not step.values[fresh].any()
        assert not step.velocity[fresh].any()
        assert not step.values[torch.from_numpy(index[dropped])].any()
    same = (step.mask == mask) | (step.mask < mask)
    assert torch.equal(step.velocity[same], velocity[same])
    assert torch.equal(step.values[step.mask == mask], values[step.mask == mask])
    assert (step.mask != mask).sum() > 10
    for name, keep in step.masks().items():
        assert not dict(step.model.named_parameters())[name].detach().numpy()[~keep].any()


def test_each_update_has_random_numbers_of_its_own_and_torchs_generator_is_untouched():
    (a, _), (b, _) = step_of("set"), step_of("itop")
    before = torch.get_rng_state()
    draws = [a.random(0), a.random(1), b.random(0)]
    assert torch.equal(draws[0], a.random(0))
    for k, first in enumerate(draws):
        for second in draws[k + 1 :]:
            assert abs(np.corrcoef(first, second)[0, 1]) < 0.05
    assert torch.equal(torch.get_rng_state(), before)
    masks = []
    for number in (0, 1):
        step, _ = step_of("set")
        step.renew(number, 0.3)
        masks.append(torch.from_numpy(np.concatenate([mask.ravel() for mask in step.masks().values()])))
    assert (masks[0] != masks[1]).sum() > 10


def test_rigl_grows_the_largest_gradients_of_its_steps_batch():
    """The gradient by a plain forward and backward pass, without weight decay, of the network as the step found it."""
    step, runs = step_of("rigl")
    runs[0]()
    reference = copy.deepcopy(step.model)
    start, count = 16, 16
    before, indices = by_layer(step, step.kept()), by_layer(step, step.place)
    runs[1]()  # the second step, after which the mask is renewed
    assert step.table[0].any()
    chosen, down, right, mirrored = step.draws[:, start : start + count]
    inputs = augment(step.images[chosen], down, right, mirrored.bool(), 1)
    loss = F.cross_entropy(reference(Standardise(FACTS["mean"], FACTS["std"], "cpu")(inputs)), step.labels[chosen])
    named = dict(reference.named_parameters())
    gradients = torch.autograd.grad(loss, [named[name] for name in step.first_masks])
    rate, changes = step.updates[2], 0
    for old, new, gradient, index in zip(before, by_layer(step, step.kept()), gradients, indices, strict=True):
        score = gradient.abs().flatten().numpy()
        grown = new & ~old
        waiting = ~old & ~new
        assert grown.sum() <= int(rate * old.sum())
        if grown.any() and waiting.any():
            assert score[grown].min() >= score[waiting].max() - 1e-7
        assert not step.values[torch.from_numpy(index[grown])].any()
        changes += grown.sum()
    assert changes == step.table[0, -2] > 10


def test_hand_written_rigl_on_one_layer():
    """Ten steps of least squares by NumPy alone, an update after every second, and the same by our step."""
    from torch import nn

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(12, 6, bias=False)

        def forward(self, x):
            return self.linear(x.flatten(1))

    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.integers(0, 256, (20, 1, 3, 4)).astype(np.uint8))
    labels = torch.from_numpy(random.integers(0, 6, 20))
    facts = {"mean": [0.5], "std": [0.3], "augmentation": {"shift": 0, "flip": False}}
    model = Layer().double().float()
    weight = model.linear.weight.detach().numpy().copy()
    masks = {"linear.weight": random.random((6, 12)) < 0.4}
    cfg = RECIPE | {"seed": 0, "interval": 2, "rate": 0.4, "batch_size": 20, "epochs": 14}
    whole = data()
    images = type(whole)(whole.device, pixels, labels, (pixels, labels), facts)
    step = sparsify_rigl.build(model, images, masks, cfg)
    step.learning_rate.fill_(0.1)
    run = step.ready([20])[20]

    mask, velocity = masks["linear.weight"].copy(), np.zeros((6, 12))
    weight = weight * mask
    x = (pixels.numpy().reshape(20, 12) / 255 - 0.5) / 0.3
    target = np.eye(6)[labels.numpy()]
    for t in range(1, 11):
        step.shuffle()
        run()
        logits = x @ weight.T
        p = np.exp(logits - logits.max(1, keepdims=True))
        gradient = (p / p.sum(1, keepdims=True) - target).T @ x / 20
        velocity = 0.9 * velocity + gradient + 1e-2 * weight
        weight = (weight - 0.1 * velocity) * mask
        if t % 2 == 0:
            rate = 0.4 * (1 + np.cos(np.pi * t / (0.75 * 14))) / 2
            count = int(rate * mask.sum())
            kept_ones = np.argwhere(mask)
            dropped = sorted(map(tuple, kept_ones), key=lambda ij: abs(weight[ij]))[:count]
            left = mask.copy()
            for ij in dropped:
                left[ij] = False
            grown = sorted(map(tuple, np.argwhere(~left)), key=lambda ij: -abs(gradient[ij]))[:count]
            for ij in grown:
                left[ij] = True
                if not mask[ij]:
                    weight[ij] = velocity[ij] = 0.0
            mask = left
            weight *= mask
        np.testing.assert_array_equal(step.masks()["linear.weight"], mask)
        np.testing.assert_allclose(model.linear.weight.detach().numpy(), weight, rtol=1e-3, atol=1e-5)
    assert (mask != masks["linear.weight"]).sum() > 10


# -- whole trainings


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


def run(study, folder, word, changes=None, **options):
    inputs, cfg, _ = study
    outputs = output_files(folder, ("mask", "model", "record"))
    cfg = cfg | {"sparsity": SPARSITY, "interval": 2} | (changes or {})
    train_dynamic(word, METHODS[word].start, METHODS[word].build, inputs, outputs, cfg, 1, **options)
    return *read_outputs(outputs), load_masks(outputs["mask"])


@pytest.mark.parametrize("word", METHODS)
def test_record_and_counts_at_every_update(study, tmp_path, word):
    state, record, masks = run(study, tmp_path, word)
    assert kept(masks) == kept_round(size(masks), SPARSITY) == record["parameters"]["kept"]
    assert all(not state[name].numpy()[~mask].any() for name, mask in masks.items())
    history = record["mask_history"]
    assert history["layers"] == [name.removesuffix(".weight") for name in masks]
    assert history["step"] == list(range(2, 14 if word != "itop" else 18, 2))  # 3 epochs of 6 steps
    assert history["kept"] == [[int(mask.sum()) for mask in masks.values()]] * len(history["step"])
    assert any(mask.all() for mask in masks.values())  # a saturated layer takes part and stays full
    assert (np.diff(history["rate"]) < 0).all()
    assert (np.diff(history["explored"]) >= 0).all()
    start = erk_start(shapes_of(network()), SPARSITY, stream(3, word))
    assert record["start_kept"] == sum((start[n] & masks[n]).sum() for n in masks) / kept(start)
    assert history["explored"][-1] == record["exploration"] > 1 - SPARSITY
    assert record["exploration"] <= 1 - SPARSITY + sum(history["changed"]) / size(masks) + 1e-3
    assert record["zero_kept"] == sum(int((state[n].numpy()[masks[n]] == 0).sum()) for n in masks)
    assert record["stage"] == "sparsify"
    assert not record["collapsed"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mask.npz", "model.pt", "training.json"]
    other = tmp_path / "again"
    again, record_again, _ = run(study, other, word)
    assert_equal_states(state, again)
    assert record_again["mask_history"] == history


@pytest.mark.parametrize("word", METHODS)
def test_rate_0_is_training_with_a_fixed_mask_bit_for_bit(study, tmp_path, word):
    state, record, _ = run(study, tmp_path / "dynamic", word, {"rate": 0})
    inputs, cfg, _ = study
    outputs = output_files(tmp_path / "static")
    mask = output_files(tmp_path / "dynamic", ("mask",))
    train_main(inputs | mask, outputs, cfg, 1)
    static, other = read_outputs(outputs)
    assert_equal_states(state, static)
    assert record["curve"] == other["curve"]
    assert record["start_kept"] == 1


class Stopped(Exception):
    pass


@pytest.mark.parametrize("word", METHODS)
def test_a_training_that_stops_goes_on_with_the_same_bits(study, tmp_path, word, monkeypatch):
    whole, record, masks = run(study, tmp_path / "whole", word)
    save = Checkpoint.save

    def save_and_stop(self, done):
        save(self, done)
        if len(done["curve"]["train_loss"]) == 2:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_stop)
        with pytest.raises(Stopped):
            run(study, tmp_path / "broken", word, checkpoint_seconds=0.0)
    resumed, other, other_masks = run(study, tmp_path / "broken", word)
    assert_equal_states(whole, resumed)
    for key in ("curve", "mask_history", "exploration", "start_kept", "zero_kept"):
        assert record[key] == other[key]
    assert all((masks[name] == other_masks[name]).all() for name in masks)


INTERRUPTED = """
import json, sys
from sparsify_rigl import build, start
from sparse_topology.training.dynamic import train_dynamic
train_dynamic("rigl", start, build, *json.loads(sys.argv[1]), threads=1, checkpoint_seconds=0.0)
"""


def test_killed_rigl_goes_on_as_if_it_had_not_been(study, tmp_path):
    inputs, cfg, _ = study
    long = {"epochs": 16, "milestones": [10]}
    whole, record, _ = run(study, tmp_path / "whole", "rigl", long)
    outputs = output_files(tmp_path / "broken", ("mask", "model", "record"))
    arguments = [inputs, outputs, cfg | {"sparsity": SPARSITY, "interval": 2} | long]
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTED, json.dumps(arguments)],
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
    assert list((tmp_path / "broken").glob(".checkpoint-*.pt"))
    resumed, other, _ = run(study, tmp_path / "broken", "rigl", long)
    assert_equal_states(whole, resumed)
    assert record["mask_history"] == other["mask_history"]


def test_an_epoch_that_is_not_finite_leaves_its_mask_behind(study, tmp_path):
    _, record, masks = run(study, tmp_path, "rigl", {"learning_rate": 1e30})
    assert record["collapsed"]
    assert record["mask_history"]["step"] == []
    start = erk_start(shapes_of(network()), SPARSITY, stream(3, "rigl"))
    assert all((masks[name] == start[name]).all() for name in masks)


def test_a_network_whose_last_mask_has_no_path_is_recorded(study, tmp_path):
    _, record, masks = run(study, tmp_path, "set", {"sparsity": 0.9999, "epochs": 1})
    assert kept(masks) == kept_round(size(masks), 0.9999)
    assert record["collapse_reason"] == "no path from an input to an output"


def test_an_interval_longer_than_the_training_is_one_line(study, tmp_path):
    with pytest.raises(InputError, match=r"options.itop.interval: 18 leaves no update in a training"):
        run(study, tmp_path, "itop", {"interval": 18})
    assert not list(tmp_path.glob("*.pt"))


# -- on a GPU


@GPU
@pytest.mark.parametrize("word", METHODS)
def test_the_replay_sees_the_new_mask(word):
    """After an update the recorded step trains what is new, leaves 0 what is dropped, and agrees with eager steps."""
    torch.backends.cudnn.deterministic = True
    step, runs = step_of(word, device="cuda")
    for run in runs[:2]:
        run()
    assert step.table[0, -2] > 10
    new = step.place[step.kept() & ~torch.cat([torch.from_numpy(m.ravel()) for m in step.first_masks.values()]).cuda()]
    assert not step.values[new].any()
    runs[2]()
    assert (step.values[new] != 0).float().mean() > 0.5
    assert not step.values[step.mask == 0].any()
    views = dict(step.model.named_parameters())
    for name, mask in step.masks().items():
        assert not views[name].detach().cpu().numpy()[~mask].any()


@GPU
def test_random_growth_draws_the_same_masks_on_a_gpu_and_on_the_cpu():
    """Equal magnitudes and keys: the layout of the values (channels last) must not matter."""
    masks = []
    for device in ("cpu", "cuda"):
        step, _ = step_of("set", device=device)
        step.renew(0, 0.5)
        masks.append(step.masks())
    assert all((masks[0][name] == masks[1][name]).all() for name in masks[0])


@GPU
@pytest.mark.parametrize("word", METHODS)
def test_job_on_a_gpu(study, tmp_path, word):
    state, record, masks = run(study, tmp_path, word, {"device": "cuda", "epochs": 12, "milestones": [9]})
    assert kept(masks) == kept_round(size(masks), SPARSITY)
    assert all(not state[name].numpy()[~mask].any() for name, mask in masks.items())
    assert set(map(tuple, record["mask_history"]["kept"])) == {tuple(int(mask.sum()) for mask in masks.values())}
    assert record["accuracy"] > 0.8
