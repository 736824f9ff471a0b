"""CIFAR: archives found, downloaded, truncated, altered, half-extracted; through torchvision's loader."""

import hashlib
import json
import pickle
import tarfile

import dataset_cifar10
import dataset_cifar100
import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from helpers.web import serving
from sparse_topology.job import InputError


def digest(file):
    return hashlib.md5(file.read_bytes()).hexdigest()


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path / "web") as server:
        yield server


@pytest.fixture
def small(tmp_path, server):
    """CIFAR-10 with 20 + 10 random images in the original format, served under its own checksum."""
    folder = tmp_path / "make" / CIFAR10.base_folder
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    checksums = {}
    for name, count in (("data_batch_1", 12), ("data_batch_2", 8), ("test_batch", 10)):
        entry = {
            "data": random.integers(0, 256, (count, 3072)).astype(np.uint8),
            "labels": [k % 10 for k in range(count)],
        }
        (folder / name).write_bytes(pickle.dumps(entry))
        checksums[name] = digest(folder / name)
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [f"class{k}" for k in range(10)]}))
    archive = tmp_path / "web" / CIFAR10.filename
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, CIFAR10.base_folder)

    class Small(CIFAR10):
        url = f"{server.url}/{CIFAR10.filename}"
        tgz_md5 = digest(archive)
        train_list = [[name, checksums[name]] for name in ("data_batch_1", "data_batch_2")]  # noqa: RUF012
        test_list = [["test_batch", checksums["test_batch"]]]  # noqa: RUF012
        meta = CIFAR10.meta | {"md5": digest(folder / "batches.meta")}

    return Small, archive


def make(small, tmp_path, data_dir="data"):
    dataset_cifar10.main(tmp_path / "out", {"data_dir": str(tmp_path / data_dir)}, small[0])
    return json.loads((tmp_path / "out" / "dataset.json").read_text())


def test_download_then_nothing_again(small, tmp_path, server):
    facts = make(small, tmp_path)
    assert (facts["classes"], facts["train"], facts["test"], facts["shape"]) == (10, 20, 10, [3, 32, 32])
    assert facts["mean"] == [0.4914, 0.4822, 0.4465]
    assert facts["augmentation"] == {"shift": 4, "flip": True}
    assert np.load(tmp_path / "out" / "train_labels.npy").tolist() == [*range(10), 0, 1, *range(8)]
    entry = pickle.loads((tmp_path / "make" / CIFAR10.base_folder / "test_batch").read_bytes())
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "test_images.npy"), entry["data"].reshape(-1, 3, 32, 32))
    before = len(server.asked)
    make(small, tmp_path)
    assert len(server.asked) == before > 0


def test_archive_put_there_by_hand_needs_no_network(small, tmp_path, server):
    (tmp_path / "data").mkdir()
    small[1].rename(tmp_path / "data" / CIFAR10.filename)
    assert make(small, tmp_path)["train"] == 20
    assert server.asked == []


def test_half_extracted_folder_is_extracted_again(small, tmp_path):
    make(small, tmp_path)
    batch = tmp_path / "data" / CIFAR10.base_folder / "data_batch_2"
    whole = batch.read_bytes()
    batch.write_bytes(whole[:1000])
    assert make(small, tmp_path)["train"] == 20
    assert batch.read_bytes() == whole


def test_truncated_archive_is_refused_and_left_alone(small, tmp_path, server):
    (tmp_path / "data").mkdir()
    broken = tmp_path / "data" / CIFAR10.filename
    broken.write_bytes(small[1].read_bytes()[:-50])
    with pytest.raises(InputError, match=r"cifar-10-python\.tar\.gz is truncated or altered: its MD5 is"):
        make(small, tmp_path)
    assert server.asked == []
    assert [file.name for file in (tmp_path / "data").iterdir()] == [broken.name]
    assert not (tmp_path / "out").exists()


def test_altered_download_is_not_kept(small, tmp_path):
    small[1].write_bytes(small[1].read_bytes() + b"x")
    with pytest.raises(
        InputError, match=r"what came has MD5 .* put the file there by hand as .*cifar-10-python\.tar\.gz"
    ):
        make(small, tmp_path)
    assert list((tmp_path / "data").iterdir()) == []


def test_what_a_killed_download_left_is_not_used(small, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / f".{CIFAR10.filename}.tmp").write_bytes(b"the first bytes")
    assert make(small, tmp_path)["train"] == 20


def test_published_constants():
    """As the specification has them: URLs and checksums come with torchvision."""
    assert (CIFAR10.tgz_md5, CIFAR100.tgz_md5) == (
        "c58f30108f718f92721af3b95e74349a",
        "eb9058c3a382ffc7106e4002c42a8d85",
    )
    assert dataset_cifar10.STATISTICS == ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])
    assert dataset_cifar100.STATISTICS == ([0.5071, 0.4867, 0.4408], [0.2675, 0.2565, 0.2761])
    assert CIFAR100.meta["key"] == "fine_label_names"
