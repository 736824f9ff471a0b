"""SNFS and DSR: weights move between layers; sums, caps, proportions, and updates against plain loops."""

import numpy as np
import pytest
import sparsify_dsr
import sparsify_snfs
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from helpers.training_cases import (
    RECIPE,
    assert_equal_states,
    data,
    network,
    output_files,
    read_outputs,
    shapes_of,
    write_study,
)
from sparse_topology.job import InputError
from sparse_topology.pruning.layer_densities import allotted
from sparse_topology.pruning.masks import kept, kept_round, load_masks, size, stream
from sparse_topology.training.checkpoint import Checkpoint
from sparse_topology.training.dynamic import train_dynamic, uniform_start

METHODS = {"snfs": sparsify_snfs, "dsr": sparsify_dsr}
CFG = RECIPE | {"seed": 3, "epochs": 4}


def layers_of(step, vector):
    return np.split(vector.cpu().numpy(), np.cumsum(step.sizes)[:-1])


def trained_step(word, sparsity=0.8, steps=3):
    """A step after some training, its own updates left out."""
    model = network()
    step = METHODS[word].build(model, data(), uniform_start(shapes_of(model), sparsity, stream(3, word)), CFG)
    step.numbers = {}
    step.learning_rate.fill_(0.05)
    torch.manual_seed(0)
    step.shuffle()
    run = step.ready([8])[8]
    for _ in range(steps):
        run()
    return step


# -- allotment


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(0, 1)), min_size=1, max_size=7),
    st.floats(0, 1),
)
def test_allotment_meets_the_total_and_the_capacities(layers, fraction):
    capacities = np.array([room for room, _ in layers])
    shares = np.array([share for _, share in layers]) + 1e-6
    shares /= shares.sum()
    total = int(fraction * capacities.sum())
    counts = allotted(total, shares, capacities)
    assert counts.sum() == total
    assert (counts >= 0).all()
    assert (counts <= capacities).all()
    if (total * shares <= capacities).all():
        assert (np.abs(counts - total * shares) <= 1 + 1e-6).all()


def test_excess_goes_in_equal_parts_to_the_layers_with_room():
    """50 of 100 would go to the first, which takes 20; of the other 30 the two others get 15 each."""
    assert allotted(100, np.array([0.5, 0.3, 0.2]), np.array([20, 90, 90])).tolist() == [20, 45, 35]
    # 45 and 35, of which the second takes 40: 5 more for the third.
    assert allotted(100, np.array([0.5, 0.3, 0.2]), np.array([20, 40, 90])).tolist() == [20, 40, 40]


def test_uniform_start_has_the_density_in_every_layer():
    shapes = shapes_of(network())
    masks = uniform_start(shapes, 0.9, stream(0, "snfs"))
    assert kept(masks) == kept_round(size(masks), 0.9)
    assert all(abs(mask.sum() - 0.1 * mask.size) < 1 for mask in masks.values())


# -- one update


def test_snfs_drops_in_each_layer_and_grows_by_velocity():
    step = trained_step("snfs")
    rate = 0.4
    kept_before, magnitude = layers_of(step, step.kept()), layers_of(step, step.magnitude())
    velocity = layers_of(step, step.velocity[step.place].abs())
    before = step.velocity.clone()
    step.renew(0, rate)
    assert torch.equal(step.velocity, before)  # what returns keeps the velocity that it gathered
    share = np.array([v[m].mean() for v, m in zip(velocity, kept_before, strict=True)])
    share /= share.sum()
    drop = np.array([int(rate * m.sum()) for m in kept_before])
    for got, m, v, w, count, dropped in zip(
        layers_of(step, step.kept()),
        kept_before,
        velocity,
        magnitude,
        allotted(int(drop.sum()), share, step.sizes - [m.sum() for m in kept_before] + drop),
        drop,
        strict=True,
    ):
        expected = m.copy()
        expected[sorted(np.flatnonzero(m), key=lambda j: w[j])[:dropped]] = False
        expected[sorted(np.flatnonzero(~expected), key=lambda j: -v[j])[:count]] = True
        np.testing.assert_array_equal(got, expected)
    counts = [m.sum() for m in layers_of(step, step.kept())]
    assert sum(counts) == sum(m.sum() for m in kept_before)
    assert counts != [m.sum() for m in kept_before]


def test_snfs_spares_a_dense_layer_with_much_velocity():
    kept_weights, sizes = np.array([95, 95, 10]), np.array([100, 100, 100])
    assert sparsify_snfs.drop_counts(kept_weights, sizes, np.array([0.6, 0.2, 0.2]), 0.5).tolist() == [4, 47, 5]


def test_dsr_drops_the_smallest_of_the_network_but_no_layers_last():
    step = trained_step("dsr")
    place = layers_of(step, step.place)
    step.values[torch.from_numpy(place[2])] *= 1e-6  # the whole third layer is smaller than any other weight
    before, w = layers_of(step, step.kept()), layers_of(step, step.magnitude())
    total, in_third = sum(m.sum() for m in before), before[2].sum()
    count = in_third + 50
    step.renew(0, count / total)
    after = layers_of(step, step.kept())
    assert sum(m.sum() for m in after) == total
    left = [m & n for m, n in zip(before, after, strict=True)]
    assert left[2].sum() == 1
    assert np.flatnonzero(left[2]) == max(np.flatnonzero(before[2]), key=lambda j: w[2][j])
    pairs = [(w[k][j], k, j) for k in range(len(before)) for j in np.flatnonzero(before[k])]
    spared = {(k, max(np.flatnonzero(m), key=lambda j, k=k: w[k][j])) for k, m in enumerate(before)}
    gone = [pair for pair in sorted(pairs) if pair[1:] not in spared][:count]
    for k, m in enumerate(before):
        assert set(np.flatnonzero(m & ~after[k])) == {j for _, layer, j in gone if layer == k}
    survivors = np.array([m.sum() for m in left])
    expected = allotted(count, survivors / survivors.sum(), step.sizes - np.array([m.sum() for m in before]))
    grown = [(n & ~m).sum() for m, n in zip(before, after, strict=True)]
    assert grown == expected.tolist()
    new = torch.cat([torch.from_numpy(p[n & ~m]) for p, m, n in zip(place, before, after, strict=True)])
    assert not step.values[new].any()
    assert not step.velocity[new].any()


def test_dsr_grows_uniformly_within_a_layer():
    step = trained_step("dsr", sparsity=0.5, steps=1)
    mask, explored, values = step.mask.clone(), step.explored.clone(), step.values.clone()
    before, hits, repeats = layers_of(step, step.kept())[0], 0, 400
    for number in range(repeats):
        step.table = torch.zeros(repeats, len(step.sizes) + 2, dtype=torch.int64)
        step.renew(number, 0.1)
        hits = hits + (layers_of(step, step.kept())[0] & ~before)
        for tensor, value in ((step.mask, mask), (step.explored, explored), (step.values, values)):
            tensor.copy_(value)
    candidates = hits[~before]
    p, n = candidates.mean() / repeats, len(candidates)
    statistic = ((candidates - repeats * p) ** 2).sum() / (repeats * p * (1 - p)) * (n - 1) / n
    assert p > 0.05
    assert 1e-3 < stats.chi2.sf(statistic, n - 1) < 1 - 1e-3


def test_dsr_schedule_of_a_paper_training():
    steps = 160 * 391
    updates = sparsify_dsr.schedule(1_463_984, 146_398, steps)
    assert set(updates.values()) == {20056 / 146_398}
    times = np.array(list(updates))
    gaps = np.diff(times)
    assert sorted(set(gaps)) == [100, 200, 400, 800]
    for part, gap in ((0.1, 100), (0.3, 200), (0.6, 400), (0.9, 800)):
        assert gaps[np.searchsorted(times, part * steps)] == gap
    assert 0.95 * steps - 800 <= times[-1] < 0.95 * steps
    assert next(iter(sparsify_dsr.schedule(1_463_984, 29_280, steps).values())) == 8784 / 29_280


# -- whole trainings


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study"))


def run(study, folder, word, changes=None, **options):
    inputs, cfg, _ = study
    outputs = output_files(folder, ("mask", "model", "record"))
    cfg = cfg | {"sparsity": 0.9} | (changes or {})
    train_dynamic(word, METHODS[word].start, METHODS[word].build, inputs, outputs, cfg, 1, **options)
    return *read_outputs(outputs), load_masks(outputs["mask"])


@pytest.mark.parametrize("word", METHODS)
def test_totals_are_exact_at_every_update_and_layers_move(study, tmp_path, word):
    state, record, masks = run(study, tmp_path, word)
    counts = np.array(record["mask_history"]["kept"])
    total = kept_round(size(masks), 0.9)
    assert len(counts) >= 7
    assert (counts.sum(1) == total).all()
    assert (counts <= [mask.size for mask in masks.values()]).all()
    assert (counts >= (1 if word == "dsr" else 0)).all()
    assert len(np.unique(counts, axis=0)) > 3
    assert kept(masks) == total
    assert all(not state[name].numpy()[~mask].any() for name, mask in masks.items())


class Stopped(Exception):
    pass


@pytest.mark.parametrize("word", METHODS)
def test_a_training_that_stops_goes_on_with_the_same_bits(study, tmp_path, word, monkeypatch):
    whole, record, _ = run(study, tmp_path / "whole", word)
    save = Checkpoint.save

    def save_and_stop(self, done):
        save(self, done)
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save_and_stop)
        with pytest.raises(Stopped):
            run(study, tmp_path / "broken", word, checkpoint_seconds=0.0)
    resumed, other, _ = run(study, tmp_path / "broken", word)
    assert_equal_states(whole, resumed)
    assert record["mask_history"] == other["mask_history"]


def test_dsr_needs_a_weight_in_each_layer(study, tmp_path):
    with pytest.raises(InputError, match=r"sparsities: 0.995 leaves 96 of 19184 weights and none for .*dsr needs one"):
        run(study, tmp_path, "dsr", {"sparsity": 0.995})
