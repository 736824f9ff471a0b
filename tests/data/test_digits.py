"""Digits: the fixed split, what is written, and that nothing half-written stays."""

import json

import numpy as np
import pytest
from dataset_digits import digits, main
from sklearn.datasets import load_digits

from sparse_topology.data.arrays import channel_statistics, save


def test_split_is_stratified_complete_and_always_the_same():
    first, again = digits(), digits()
    assert first["train_images"].shape == (1437, 1, 8, 8)
    assert first["test_images"].shape == (360, 1, 8, 8)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    counts = np.bincount(load_digits().target)
    assert np.abs(np.bincount(first["test_labels"]) - counts * 360 / 1797).max() <= 1
    together = np.concatenate([first["train_images"], first["test_images"]]).reshape(1797, 64)
    original = np.rint(load_digits().data * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, together)) == sorted(map(bytes, original))


def test_files(tmp_path):
    main(tmp_path)
    facts = json.loads((tmp_path / "dataset.json").read_text())
    assert (facts["classes"], facts["shape"], facts["train"], facts["test"]) == (10, [1, 8, 8], 1437, 360)
    assert facts["augmentation"]["shift"] <= 1
    assert not facts["augmentation"]["flip"]
    images = np.load(tmp_path / "train_images.npy", mmap_mode="r")
    assert images.dtype == np.uint8
    assert np.load(tmp_path / "test_labels.npy").dtype == np.int64
    assert facts["mean"] == pytest.approx([images.mean() / 255])
    assert facts["std"] == pytest.approx([images.std() / 255])
    assert len(list(tmp_path.iterdir())) == 5


def test_statistics_per_channel_and_of_a_constant_one():
    images = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4)).astype(np.uint8)
    images[:, 2] = 7
    mean, std = channel_statistics(images)
    assert mean == pytest.approx(list(images.mean((0, 2, 3)) / 255))
    assert std == pytest.approx([images[:, 0].std() / 255, images[:, 1].std() / 255, 1.0])


def test_failed_write_leaves_no_data_set(tmp_path, monkeypatch):
    """A full disk while the third array is written: no dataset.json, no partial array."""
    calls = []

    def full(file, array):
        calls.append(array)
        if len(calls) == 3:
            file.write(b"partial")
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, digits(), ["0"] * 10, {"shift": 0, "flip": False})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["train_images.npy", "train_labels.npy"]
