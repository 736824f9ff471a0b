"""Tiny-ImageNet: the Box filter, the layout, subsets, archives that are broken."""

import io
import json
import zipfile
from pathlib import Path

import dataset_tiny_imagenet
import numpy as np
import pytest
from dataset_tiny_imagenet import NAME, STATISTICS, halve, main
from PIL import Image

from sparse_topology.job import InputError

MINI = Path(__file__).resolve().parents[3] / "shared" / "data" / "tiny-imagenet-mini.zip"


def jpeg(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def decoded(file):
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB"))


def box(pixels):
    """Means of 2x2 pixels, rounded up from .5 to 8 bit after the horizontal and again after the vertical pass."""
    wide = pixels.astype(np.uint16)
    rows = (wide[:, ::2] + wide[:, 1::2] + 1) >> 1
    return ((rows[::2] + rows[1::2] + 1) >> 1).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_box_filter_to_the_bit(channels):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, channels)).astype(np.uint8)
    file = jpeg(pixels[..., 0] if channels == 1 else pixels)
    image = halve(file)
    assert image.shape == (3, 32, 32)
    np.testing.assert_array_equal(image, box(decoded(file)).transpose(2, 0, 1))


@pytest.fixture
def subset(tmp_path):
    """Two classes in the original layout, the second with a grey image, listed in reverse order."""
    root, random = tmp_path / "data" / NAME, np.random.default_rng(1)
    annotations = []
    for wnid in ("n02", "n01"):
        for k in range(3):
            file = root / "train" / wnid / "images" / f"{wnid}_{k}.JPEG"
            file.parent.mkdir(parents=True, exist_ok=True)
            shape = (64, 64) if wnid == "n02" and k == 0 else (64, 64, 3)
            file.write_bytes(jpeg(random.integers(0, 256, shape).astype(np.uint8)))
        (root / "train" / wnid / f"{wnid}_boxes.txt").write_text("")
        file = root / "val" / "images" / f"val_{wnid}.JPEG"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(random.integers(0, 256, (64, 64, 3)).astype(np.uint8)))
        annotations.append(f"{file.name}\t{wnid}\t0\t0\t63\t63\n")
    (root / "wnids.txt").write_text("n02\nn01\n")
    (root / "val" / "val_annotations.txt").write_text("".join(annotations))
    return tmp_path


def test_folder_is_taken_as_it_is(subset):
    main(subset / "out", {"data_dir": str(subset / "data")})
    facts = json.loads((subset / "out" / "dataset.json").read_text())
    assert facts["class_names"] == ["n01", "n02"]
    assert (facts["train"], facts["test"], facts["shape"]) == (6, 2, [3, 32, 32])
    assert (facts["mean"], facts["std"]) == STATISTICS
    assert np.load(subset / "out" / "train_labels.npy").tolist() == [0, 0, 0, 1, 1, 1]
    assert np.load(subset / "out" / "test_labels.npy").tolist() == [1, 0]
    file = subset / "data" / NAME / "val" / "images" / "val_n02.JPEG"
    np.testing.assert_array_equal(np.load(subset / "out" / "test_images.npy")[0], halve(file.read_bytes()))


def zipped(subset):
    folder = subset / "data" / NAME
    target = subset / "archive" / f"{NAME}.zip"
    target.parent.mkdir()
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
    return target


def test_archive_with_the_right_checksum_gives_the_same_images(subset, monkeypatch):
    import hashlib

    archive = zipped(subset)
    monkeypatch.setattr(dataset_tiny_imagenet, "MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    main(subset / "from-folder", {"data_dir": str(subset / "data")})
    main(subset / "from-zip", {"data_dir": str(archive.parent)})
    assert (subset / "from-zip" / "dataset.json").read_text() == (subset / "from-folder" / "dataset.json").read_text()
    assert [file.name for file in archive.parent.iterdir()] == [archive.name]


def test_other_archive_under_the_official_name_is_refused(subset):
    archive = zipped(subset)
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"tiny-imagenet-200\.zip is truncated or altered: its MD5 is"):
        main(subset / "out", {"data_dir": str(archive.parent)})
    assert not (subset / "out").exists()


def test_class_without_a_validation_image(subset):
    annotations = subset / "data" / NAME / "val" / "val_annotations.txt"
    annotations.write_text(annotations.read_text().splitlines()[0] + "\n")
    with pytest.raises(InputError, match="no validation image of class n01"):
        main(subset / "out", {"data_dir": str(subset / "data")})


@pytest.mark.parametrize("lost", ["val/images/val_n01.JPEG", "wnids.txt", "val/val_annotations.txt"])
def test_missing_file_is_named(subset, lost):
    (subset / "data" / NAME / lost).unlink()
    with pytest.raises(InputError, match=Path(lost).name):
        main(subset / "out", {"data_dir": str(subset / "data")})


@pytest.mark.skipif(not MINI.exists(), reason="the sample images are not beside the repository")
def test_sample_of_the_real_set(tmp_path):
    with zipfile.ZipFile(MINI) as archive:
        archive.extractall(tmp_path)
    main(tmp_path / "out", {"data_dir": str(tmp_path)})
    facts = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert (facts["classes"], facts["train"], facts["test"]) == (21, 1260, 210)
    assert np.bincount(np.load(tmp_path / "out" / "test_labels.npy")).tolist() == [10] * 21
    images = np.load(tmp_path / "out" / "train_images.npy")
    mean = images.mean((0, 2, 3)) / 255
    assert np.abs(mean - STATISTICS[0]).max() < 0.06
