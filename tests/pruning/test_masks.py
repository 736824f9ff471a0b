"""Masks: which weights are prunable, exact counts, ranking with ties, and the file."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load, words
from sparse_topology.pruning import masks


@pytest.mark.parametrize("word", words())
def test_prunable_weights_are_those_of_convolutions_and_linear_layers_in_module_order(word):
    model = load(word)(num_classes=10)
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert masks.prunable(model.state_dict()) == [f"{name}.weight" for name in layers]
    assert masks.prunable(dict(model.named_parameters())) == [f"{name}.weight" for name in layers]


def test_a_decimal_sparsity_gives_its_exact_share():
    # As floats, 270896 * (1 - 0.9) = 27089.599999999995 and 1000 * (1 - 0.9) = 99.99999999999997.
    assert masks.density(0.9) == Fraction(1, 10)
    assert masks.kept_floor(1000, 0.9) == masks.kept_ceil(1000, 0.9) == masks.kept_round(1000, 0.9) == 100
    assert (masks.kept_floor(270896, 0.9), masks.kept_ceil(270896, 0.9)) == (27089, 27090)
    assert masks.kept_round(270896, 0.9) == 27090
    assert masks.kept_floor(3, 0.98) == 0


scores = st.lists(st.integers(-3, 3), min_size=1, max_size=40)


@given(scores, st.integers(0, 40), st.integers(0, 40))
def test_keeping_the_largest_is_exact_with_ties(values, count, cut):
    values = np.array(values, float)
    count, cut = min(count, values.size), min(cut, values.size)
    layers = {"a.weight": values[:cut].reshape(1, -1), "b.weight": values[cut:].reshape(-1, 1)}
    chosen = masks.keep_largest(layers, count)
    assert masks.kept(chosen) == count
    assert [m.shape for m in chosen.values()] == [v.shape for v in layers.values()]
    flat = np.concatenate([m.ravel() for m in chosen.values()])
    expected = np.zeros(values.size, bool)
    expected[np.argsort(-values, kind="stable")[:count]] = True
    np.testing.assert_array_equal(flat, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused(value):
    with pytest.raises(InputError, match="1 of 3 pruning scores are not finite"):
        masks.keep_largest({"a": np.array([1.0, value, 2.0])}, 2)


def test_streams_differ_between_algorithms_and_seeds_and_repeat():
    draws = [masks.stream(seed, word).random() for word in ("er", "erk", "uniform") for seed in (0, 1, 2)]
    assert len(set(draws)) == 9
    assert masks.stream(1, "erk").random() == draws[4]


def test_masks_survive_the_file_in_order(tmp_path, capsys):
    stored = {"z.weight": np.eye(3, dtype=bool), "a.0.weight": np.zeros((2, 1, 3, 3), bool)}
    masks.save_masks(tmp_path / "mask.npz", stored)
    loaded = masks.load_masks(tmp_path / "mask.npz")
    assert list(loaded) == list(stored)
    for name, mask in stored.items():
        assert loaded[name].dtype == bool
        np.testing.assert_array_equal(loaded[name], mask)
    assert "kept 3 of 27" in (said := capsys.readouterr().out)
    assert "without any weight left: a.0.weight" in said
    assert [path.name for path in tmp_path.iterdir()] == ["mask.npz"]


def test_equal_masks_make_equal_files(tmp_path):
    stored = {"a.weight": np.arange(12).reshape(3, 4) % 3 == 0}
    for name in ("one.npz", "two.npz"):
        masks.save_masks(tmp_path / name, stored)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_what_is_no_mask_file_is_named(tmp_path):
    path = tmp_path / "mask.npz"
    path.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(InputError, match=r"mask\.npz is no file of arrays"):
        masks.load_masks(path)
    with open(path, "wb") as file:
        np.savez(file, **{"a.weight": np.ones(3)})
    with pytest.raises(InputError, match="float64 values, not booleans"):
        masks.load_masks(path)


def test_split_takes_the_shapes_of_the_layers():
    pieces = masks.split(np.arange(7), {"a": np.zeros((1, 3)), "b": np.zeros((2, 2))})
    assert {name: piece.tolist() for name, piece in pieces.items()} == {"a": [[0, 1, 2]], "b": [[3, 4], [5, 6]]}


def test_biases_and_batchnorm_are_not_prunable():
    state = {"conv.weight": torch.zeros(1, 1, 1, 1), "conv.bias": torch.zeros(1), "bn.weight": torch.zeros(4)}
    assert masks.prunable(state) == ["conv.weight"]
