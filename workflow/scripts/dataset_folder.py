"""A data set of the user's own: a folder of images laid out as train/<class>/* and test/<class>/*.

Every image is brought to one size (the shorter side scaled, then the centre cut out). If all of them are grey they
have one channel, else three.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sparse_topology.data.arrays import save
from sparse_topology.job import InputError, job

GREY = {"1", "L", "LA", "I", "I;16", "F"}


def listing(path: Path) -> tuple[list[str], dict[str, list[tuple[Path, int]]]]:
    """The sorted classes of train/, and (file, label) of the training and of the test images."""
    supported = Image.registered_extensions()
    found = {}
    for part in ("train", "test"):
        if not (path / part).is_dir():
            raise InputError(f"path: there is no folder {path / part}; needed are train/<class>/* and test/<class>/*")
        folders = sorted(entry for entry in (path / part).iterdir() if entry.is_dir())
        found[part] = {
            folder.name: sorted(file for file in folder.rglob("*") if file.suffix.lower() in supported)
            for folder in folders
        }
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


def is_grey(file: Path) -> bool:
    with opened(file) as image:
        return image.mode in GREY


def opened(file: Path) -> Image.Image:
    try:
        return Image.open(file)
    except OSError as error:
        raise InputError(f"path: {file} is no readable image: {error}") from error


def decode(file: Path, mode: str, size: int) -> np.ndarray:
    """uint8 [C, size, size]; mode: "L" or "RGB"."""
    with opened(file) as image:
        try:
            if image.mode.startswith("I"):  # 16 bit: Pillow would clip, not scale
                image = Image.fromarray((np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8))
            image = image.convert(mode)
        except OSError as error:
            raise InputError(f"path: {file} is no readable image: {error}") from error
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
