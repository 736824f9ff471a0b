"""A data set of the user's own: a folder of images laid out as train/<class>/* and test/<class>/*.

Every image is brought to one size (the shorter side scaled, then the centre cut out). If all of them are grey they
have one channel, else three.
"""

import contextlib
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sparse_topology.data.arrays import save
from sparse_topology.job import InputError, job

GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}
SIXTEEN_BITS = {"PNG", "PPM"}  # formats whose images of Pillow's mode I have 16 bits and not 32


def listing(path: Path) -> tuple[list[str], dict[str, list[tuple[Path, int]]]]:
    """The sorted classes of train/, and (file, label) of the training and of the test images."""
    found = {}
    for part in ("train", "test"):
        if not (path / part).is_dir():
            raise InputError(f"path: there is no folder {path / part}; needed are train/<class>/* and test/<class>/*")
        _, folders, _ = next(os.walk(path / part, onerror=refuse))
        found[part] = {name: images(path / part / name) for name in sorted(folders) if not name.startswith(".")}
    classes = list(found["train"])
    if len(classes) < 2:
        raise InputError(f"path: {path / 'train'} has {len(classes)} class folders, at least 2 are needed")
    unknown = sorted(set(found["test"]) - set(classes))
    if unknown:
        raise InputError(f"path: class {unknown[0]!r} is in {path / 'test'} but not in {path / 'train'}")
    for part in found:
        empty = [name for name in classes if not found[part].get(name)]
        if empty:
            raise InputError(f"path: {path / part} has no image of class {empty[0]!r} ({len(empty)} of {len(classes)})")
    label = {name: k for k, name in enumerate(classes)}
    samples = {
        part: [(file, label[name]) for name, files in by_class.items() for file in files]
        for part, by_class in found.items()
    }
    return classes, samples


def images(folder: Path) -> list[Path]:
    """The files below `folder` that have the ending of an image, sorted. Hidden files and folders do not count: editors
    and notebooks leave them."""
    supported = Image.registered_extensions()
    found = []
    for parent, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = (Path(parent, name) for name in names if not name.startswith("."))
        found += [file for file in files if file.suffix.lower() in supported]
    for file in found:
        if not file.is_file():  # a FIFO, which would never end, or a link to nothing
            raise InputError(f"path: {file} is no regular file")
    return sorted(found)


def refuse(error: OSError) -> None:
    raise InputError(f"path: {error.filename} cannot be read: {error.strerror}") from error


@contextlib.contextmanager
def opened(file: Path):
    """The image, as it is meant to be seen. Raises InputError whatever is wrong with the file: Pillow's plugins fail in
    many ways."""
    try:
        with Image.open(file) as image:
            yield image
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"path: {file} is no readable image: {error}") from error


def is_grey(file: Path) -> bool:
    with opened(file) as image:
        return image.mode in GREY


def decode(file: Path, mode: str, size: int) -> np.ndarray:
    """uint8 [C, size, size]; mode: "L" or "RGB". A 16-bit image is scaled: Pillow would clip it.

    Raises InputError for 32-bit numbers, whose range nobody knows.
    """
    with opened(file) as image:
        if image.mode == "F" or (image.mode == "I" and image.format not in SIXTEEN_BITS):
            kind = "floating-point numbers" if image.mode == "F" else "32-bit numbers"
            raise InputError(f"path: {file} holds {kind}, of no known range; allowed: 8 or 16 bits per channel")
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            image = Image.fromarray((np.asarray(image, np.float64) / 257).round().astype(np.uint8))
        image = image.convert(mode)
    if image.size != (size, size):
        image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(size, size, -1).transpose(2, 0, 1)


def main(folder: str, cfg: dict) -> None:
    """cfg: path; size (32); shift (an eighth of the size) and flip (true) of the augmentation."""
    size = cfg.get("size", 32)
    classes, samples = listing(Path(cfg["path"]))
    mode = "L" if all(is_grey(file) for part in samples.values() for file, _ in part) else "RGB"
    arrays = {}
    for part, chosen in samples.items():
        arrays[f"{part}_images"] = np.stack([decode(file, mode, size) for file, _ in chosen])
        arrays[f"{part}_labels"] = np.array([label for _, label in chosen])
    save(folder, arrays, classes, augmentation={"shift": cfg.get("shift", size // 8), "flip": cfg.get("flip", True)})


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(Path(snakemake.output[0]).parent, snakemake.params.cfg | snakemake.params.places)
