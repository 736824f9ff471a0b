"""Pruning of trained networks: one shot, lottery tickets, and gradually during one training."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import sparsify_gmp
import sparsify_imp
import sparsify_oneshot
import torch
from train import main as train_main

from helpers.training_cases import RECIPE, assert_equal_states, data, network, output_files, read_outputs, write_study
from sparse_topology.pruning.masks import kept, kept_round, load_masks, prunable, size
from sparse_topology.training import survivors
from sparse_topology.training.checkpoint import Checkpoint
from sparse_topology.training.dynamic import train_dynamic

METHODS = {
    "oneshot": sparsify_oneshot.main,
    "imp": sparsify_imp.main,
    "gmp": partial(train_dynamic, "gmp", sparsify_gmp.start, sparsify_gmp.build),
}
SPARSITY = 0.6
STILL = {"learning_rate": 1e-30}  # no float32 weight moves


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """With the dense network of the seed, at its end and after one epoch."""
    inputs, cfg, folder = write_study(tmp_path_factory.mktemp("study"))
    outputs = output_files(folder / "dense", ("model", "record", "early"))
    train_main(inputs, outputs, cfg | {"rewind": 1}, 1)
    return inputs | {"dense": outputs["model"], "early": outputs["early"]}, cfg, folder


def run(study, folder, word, changes=None, **options):
    inputs, cfg, _ = study
    outputs = output_files(folder, ("mask", "model", "record"))
    METHODS[word](inputs, outputs, cfg | {"sparsity": SPARSITY, "rewind": 1} | (changes or {}), 1, **options)
    return *read_outputs(outputs), load_masks(outputs["mask"])


def largest(state, masks, count):
    """Plainly: the `count` kept weights of largest magnitude, as masks."""
    pairs = [(abs(state[n].flatten()[j].item()), n, j) for n in masks for j in np.flatnonzero(masks[n])]
    found = {name: np.zeros(mask.size, bool) for name, mask in masks.items()}
    for _, name, j in sorted(pairs, reverse=True)[:count]:
        found[name][j] = True
    return {name: flat.reshape(masks[name].shape) for name, flat in found.items()}


def full(state):
    return {name: np.ones(tuple(state[name].shape), bool) for name in prunable(state)}


def same(a, b):
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def test_oneshot_keeps_the_largest_of_the_dense_network_and_starts_from_it(study, tmp_path):
    dense = torch.load(study[0]["dense"], weights_only=True)
    state, record, masks = run(study, tmp_path, "oneshot", STILL)
    assert kept(masks) == kept_round(size(masks), SPARSITY) == record["parameters"]["kept"]
    assert same(masks, largest(dense, full(dense), kept(masks)))
    for name, mask in masks.items():
        np.testing.assert_array_equal(state[name].numpy(), np.where(mask, dense[name].numpy(), 0))
    assert record["epochs"] == 3
    trained, record, again = run(study, tmp_path / "trained", "oneshot")
    assert same(masks, again)
    assert not torch.equal(trained["conv1.weight"], state["conv1.weight"])
    assert record["stage"] == "sparsify"
    assert [row["kept"] for row in record["levels"]] == [kept(masks)]
    assert record["accuracy"] == record["levels"][-1]["accuracy"]


@pytest.mark.parametrize(("sparsity", "levels"), [(0.6, 5), (0.8, 8), (0.9, 11), (0.95, 14), (0.98, 18), (0.2, 1)])
def test_levels_of_the_papers_sparsities(sparsity, levels):
    counts = sparsify_imp.level_counts(270_896, sparsity)
    assert len(counts) == levels
    assert counts[-1] == kept_round(270_896, sparsity)
    ratios = np.diff(np.log([270_896, *counts]))
    assert ratios == pytest.approx([math.log(1 - sparsity) / levels] * levels, rel=1e-3)
    assert (np.exp(ratios) > 0.8 - 1e-4).all()


def test_imp_prunes_survivors_of_each_level_and_rewinds(study, tmp_path, monkeypatch):
    """Every level's mask is what a plain sort of the level's trained weights gives, inside the mask before."""
    seen, original = [], survivors.survivors

    def watched(state, masks, count):
        found = original(state, masks, count)
        assert same(found, largest({n: torch.from_numpy(state[n]) for n in masks}, masks, count))
        seen.append(found)
        return found

    monkeypatch.setattr(survivors, "survivors", watched)
    state, record, masks = run(study, tmp_path, "imp")
    assert [kept(found) for found in seen] == sparsify_imp.level_counts(size(masks), SPARSITY)
    assert [row["kept"] for row in record["levels"]] == [kept(found) for found in seen]
    for larger, smaller in pairwise(seen):
        assert all((larger[name] | ~smaller[name]).all() for name in masks)
    assert same(seen[-1], masks)
    dense = torch.load(study[0]["dense"], weights_only=True)
    assert same(seen[0], largest(dense, full(dense), kept(seen[0])))
    assert not same(masks, largest(dense, full(dense), kept(masks)))
    assert record["epochs"] == 2  # of three, after the first
    assert all(not state[name].numpy()[~mask].any() for name, mask in masks.items())
    early = torch.load(study[0]["early"], weights_only=True)
    state, _, masks = run(study, tmp_path / "still", "imp", STILL)
    for name, mask in masks.items():
        np.testing.assert_array_equal(state[name].numpy(), np.where(mask, early[name].numpy(), 0))
    assert torch.equal(state["bn1.weight"], early["bn1.weight"])
    assert state["bn1.num_batches_tracked"] == early["bn1.num_batches_tracked"] + 2 * 6


class Stopped(Exception):
    pass


@pytest.mark.parametrize(("word", "saves"), [("imp", 4), ("imp", 5), ("oneshot", 2), ("gmp", 2)])
def test_what_stops_goes_on_at_its_level_with_the_same_bits(study, tmp_path, word, saves, monkeypatch, capsys):
    whole, record, masks = run(study, tmp_path / "whole", word)
    save, calls = Checkpoint.save, []

    def save_and_stop(self, done):
        save(self, done)
        calls.append(done)
        if len(calls) == saves:
            raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_stop)
        with pytest.raises(Stopped):
            run(study, tmp_path / "broken", word, checkpoint_seconds=0.0)
    capsys.readouterr()
    resumed, other, other_masks = run(study, tmp_path / "broken", word)
    printed = capsys.readouterr().out
    assert "going on" in printed
    if word == "imp":
        assert printed.count("\nepoch ") == 10 - saves  # 5 levels of 2 epochs
    assert_equal_states(whole, resumed)
    assert same(masks, other_masks)
    assert record["curve"] == other["curve"]
    assert not list((tmp_path / "broken").glob(".checkpoint-*"))


def test_gmp_has_the_scheduled_counts_and_nothing_returns(study, tmp_path):
    state, record, masks = run(study, tmp_path, "gmp")
    total, history = size(masks), record["mask_history"]
    end = round(110 / 160 * 18)
    assert history["step"] == list(range(1, end + 1))
    for t, counts in zip(history["step"], history["kept"], strict=True):
        assert sum(counts) == round(total * (1 - SPARSITY * (1 - (1 - t / end) ** 3)))
    assert (np.diff(history["kept"], axis=0) <= 0).all()
    assert set(history["changed"]) == {0}
    assert record["exploration"] == 1
    assert kept(masks) == kept_round(total, SPARSITY)
    assert all(not state[name].numpy()[~mask].any() for name, mask in masks.items())


def test_gmp_keeps_the_largest_of_the_network():
    cfg = RECIPE | {"seed": 3, "sparsity": SPARSITY}
    model = network()
    start = full(model.state_dict())
    step = sparsify_gmp.build(model, data(), start, cfg)
    step.learning_rate.fill_(0.05)
    step.shuffle()
    step(16)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    step.renew(0, 0.5)
    assert same(step.masks(), largest(state, start, kept_round(size(start), 0.5)))
    before = step.masks()
    step(16)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    step.renew(1, 0.75)
    assert same(step.masks(), largest(state, before, kept_round(size(start), 0.75)))
