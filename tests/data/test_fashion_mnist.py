"""Fashion-MNIST: IDX files plain or gzipped, in any of the folders where systems keep them; broken ones."""

import gzip
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from dataset_fashion_mnist import CONTENT, FOLDERS, main

from sparse_topology.job import InputError

SYSTEM = Path("/usr/share/datasets")


def idx(array):
    return struct.pack(f">I{array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def files():
    """Six training and three test images in IDX format."""
    random = np.random.default_rng(0)
    contents = {}
    for part, count in (("train", 6), ("t10k", 3)):
        contents[f"{part}-images-idx3-ubyte"] = idx(random.integers(0, 256, (count, 28, 28)).astype(np.uint8))
        contents[f"{part}-labels-idx1-ubyte"] = idx((np.arange(count) % 10).astype(np.uint8))
    return contents


def make(files, tmp_path):
    checksums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    main(tmp_path / "out", {"data_dir": str(tmp_path / "data")}, checksums)
    return np.load(tmp_path / "out" / "train_images.npy"), json.loads((tmp_path / "out" / "dataset.json").read_text())


def put(files, folder, zipped):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(content) if zipped else content)


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("zipped", [True, False])
def test_found_files_are_padded_to_32(files, tmp_path, folder, zipped):
    put(files, tmp_path / "data" / folder, zipped)
    images, facts = make(files, tmp_path)
    original = np.frombuffer(files["train-images-idx3-ubyte"], np.uint8, offset=16).reshape(6, 28, 28)
    np.testing.assert_array_equal(images[:, 0, 2:-2, 2:-2], original)
    assert images.sum(dtype=int) == original.sum(dtype=int)
    assert facts["shape"] == [1, 32, 32]
    assert (facts["classes"], facts["train"], facts["test"]) == (10, 6, 3)
    assert facts["augmentation"]["shift"] == 4


@pytest.mark.parametrize("damage", ["truncate", "alter", "alter inside"])
def test_broken_file_is_refused(files, tmp_path, damage):
    put(files, tmp_path / "data", zipped=True)
    name = "train-images-idx3-ubyte"
    file = tmp_path / "data" / f"{name}.gz"
    data = file.read_bytes()
    altered = bytes([files[name][0] ^ 1]) + files[name][1:]
    file.write_bytes(
        {"truncate": data[:-30], "alter": data[:-9] + b"123456789", "alter inside": gzip.compress(altered)}[damage]
    )
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz is truncated or altered"):
        make(files, tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not (SYSTEM / "fashion-mnist").is_dir(), reason="the system has no package of Fashion-MNIST")
def test_packaged_files_have_the_published_content():
    for name, md5 in CONTENT.items():
        assert hashlib.md5(gzip.decompress((SYSTEM / "fashion-mnist" / f"{name}.gz").read_bytes())).hexdigest() == md5
