"""A folder of images: sizes, grey and colour, and the ways in which a folder can be wrong."""

import json
import os
import struct
import zlib

import numpy as np
import pytest
from contents import folder_digest
from dataset_folder import main
from PIL import Image

from sparse_topology.job import InputError


def picture(path, size=(32, 32), mode="RGB", level=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    pixels = np.full((height, width) if mode == "L" else (height, width, 3), level, np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    for part, count in (("train", 3), ("test", 2)):
        for name, level in (("cat", 50), ("dog", 200)):
            for k in range(count):
                picture(tmp_path / "images" / part / name / f"{k}.png", level=level + k)
    return tmp_path / "images"


def make(folder, **options):
    out = folder.parent / "out"
    main(out, {"data_dir": "unused", "path": str(folder)} | options)
    arrays = [np.load(out / f"{part}_{what}.npy") for part in ("train", "test") for what in ("images", "labels")]
    return *arrays, json.loads((out / "dataset.json").read_text())


def test_images_and_labels_in_class_order(folder):
    images, labels, test, test_labels, facts = make(folder)
    assert facts["class_names"] == ["cat", "dog"]
    assert labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert test_labels.tolist() == [0, 0, 1, 1]
    assert images.shape == (6, 3, 32, 32)
    assert images[:, 0, 0, 0].tolist() == [50, 51, 52, 200, 201, 202]
    assert test.shape == (4, 3, 32, 32)
    assert facts["augmentation"] == {"shift": 4, "flip": True}


def test_mixed_sizes_are_scaled_and_cut_to_one(folder):
    picture(folder / "train" / "cat" / "wide.png", size=(90, 40))
    picture(folder / "train" / "dog" / "tiny.png", size=(7, 9))
    images, *_ = make(folder)
    assert images.shape == (8, 3, 32, 32)
    small, *_, facts = make(folder, size=16, flip=False)
    assert small.shape == (8, 3, 16, 16)
    assert facts["augmentation"] == {"shift": 2, "flip": False}


def test_centre_is_kept(folder):
    """Of an image twice as wide as high, the middle square stays."""
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, 16:48] = 255
    Image.fromarray(pixels).save(folder / "train" / "cat" / "0.png")
    assert (make(folder)[0][0] == 255).all()


def test_grey_among_colour_gets_three_channels(folder):
    picture(folder / "train" / "cat" / "0.png", mode="L", level=33)
    images, *_ = make(folder)
    assert images.shape[1] == 3
    assert images[0, :, 0, 0].tolist() == [33, 33, 33]


def test_all_grey_has_one_channel(folder):
    for file in folder.rglob("*.png"):
        picture(file, mode="L", level=33)
    Image.fromarray(np.full((32, 32), 33 * 257, np.uint16)).save(folder / "train" / "dog" / "0.png")  # 16 bit
    images, *_, facts = make(folder)
    assert facts["shape"] == [1, 32, 32]
    assert (images == 33).all()


def test_hidden_files_and_folders_are_no_images(folder):
    before = folder_digest(str(folder))
    picture(folder / "train" / "cat" / ".ipynb_checkpoints" / "0-checkpoint.png")
    picture(folder / "train" / ".ipynb_checkpoints" / "0.png")
    picture(folder / "test" / "dog" / "._0.png")
    folder_digest.cache_clear()
    assert folder_digest(str(folder)) == before
    images, labels, test, *_ = make(folder)
    assert (len(images), len(labels), len(test)) == (6, 6, 4)


def test_a_folder_that_the_system_refuses_is_named(folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith("train/cat"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"path: .*train/cat cannot be read: Permission denied"):
        make(folder)


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("0.png", lambda pixels, path: Image.fromarray(pixels).save(path)),
        ("0.tif", lambda pixels, path: Image.fromarray(pixels).save(path)),
        ("0.pgm", lambda pixels, path: path.write_bytes(b"P5 32 32 65535\n" + pixels.astype(">u2").tobytes())),
    ],
)
def test_16_bits_keep_their_range(folder, name, save):
    for file in (folder / "train" / "cat").iterdir():
        file.unlink()
    save(np.full((32, 32), 33 * 257, np.uint16), folder / "train" / "cat" / name)
    assert (make(folder)[0][0] == 33).all()


def test_images_are_turned_as_their_exif_data_say(folder):
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:16] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(pixels).save(folder / "train" / "cat" / "0.png", exif=exif)
    turned = make(folder)[0][0]
    assert (turned[:, 16:] == 255).all()
    assert not turned[:, :16].any()


def remove_test_images_of_dog(folder):
    for file in (folder / "test" / "dog").iterdir():
        file.unlink()


def remove_test(folder):
    (folder / "test").rename(folder / "validation")


def add_class_to_test(folder):
    picture(folder / "test" / "horse" / "0.png")


def break_an_image(folder):
    (folder / "train" / "cat" / "1.png").write_bytes(b"not an image")


def truncate_an_image(folder):
    file = folder / "train" / "cat" / "1.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)).save(file)
    file.write_bytes(file.read_bytes()[:900])


def leave_one_class(folder):
    for part in ("train", "test"):
        (folder / part / "dog").rename(folder / f"{part}-dog")


def add_a_fifo(folder):
    os.mkfifo(folder / "train" / "cat" / "9.png")


def add_a_link_to_nothing(folder):
    (folder / "train" / "cat" / "9.png").symlink_to(folder / "nowhere.png")


def add_a_bomb(folder):
    """A PNG whose header promises more pixels than Pillow decodes."""
    file = folder / "train" / "cat" / "9.png"
    picture(file)
    content = bytearray(file.read_bytes())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    file.write_bytes(content)


def add_32_bits(folder):
    Image.fromarray(np.full((8, 8), 70_000, np.int32)).save(folder / "train" / "cat" / "9.tif")


def add_floats(folder):
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(folder / "train" / "cat" / "9.tif")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (add_a_fifo, r"9\.png is no regular file"),
        (add_a_link_to_nothing, r"9\.png is no regular file"),
        (add_a_bomb, r"9\.png is no readable image: Image size \(2500000000 pixels\) exceeds limit"),
        (add_32_bits, r"9\.tif holds 32-bit numbers, of no known range; allowed: 8 or 16 bits per channel"),
        (add_floats, r"9\.tif holds floating-point numbers, of no known range"),
        (remove_test_images_of_dog, r"test has no image of class 'dog' \(1 of 2\)"),
        (remove_test, r"there is no folder .*test; needed are train/<class>/\* and test/<class>/\*"),
        (add_class_to_test, r"class 'horse' is in .*test but not in .*train"),
        (break_an_image, r"1\.png is no readable image"),
        (truncate_an_image, r"1\.jpg is no readable image"),
        (leave_one_class, r"1 class folders, at least 2"),
    ],
)
def test_fault_is_named_and_nothing_is_written(folder, damage, message):
    damage(folder)
    with pytest.raises(InputError, match=message) as error:
        make(folder)
    assert "\n" not in str(error.value)
    assert not (folder.parent / "out").exists()
