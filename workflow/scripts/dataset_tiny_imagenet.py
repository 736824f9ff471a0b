"""Tiny-ImageNet-200 at 32x32: 100,000 training images and the 10,000 of the official validation split as test images.

Paper, section 4 and Appendix A. Images of 64x64 are halved with PIL's Box filter once, before any augmentation. Mean
and standard deviation are those of the 64x64 images, as in the paper's code.
"""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from sparse_topology.data.arrays import save
from sparse_topology.job import InputError, job

NAME = "tiny-imagenet-200"
URL = f"http://cs231n.stanford.edu/{NAME}.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
STATISTICS = (
    [0.48024578664982126, 0.44807218089384643, 0.3975477478649648],
    [0.2769864069088257, 0.26906448510256, 0.282081906210584],
)
SIZE = 32

Read = Callable[[str], bytes]


def sources(data_dir: str) -> tuple[list[str], Read]:
    """Sorted file names below `tiny-imagenet-200/`, and the function that reads one.

    An extracted folder is taken as it is, also with fewer classes; the zip archive, found or downloaded, is read in
    place if its checksum is right, so that no half-extracted folder can be mistaken for the data set.
    """
    folder = Path(data_dir) / NAME
    if folder.is_dir():
        names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
        return names, lambda name: (folder / name).read_bytes()
    from sparse_topology.data.downloads import obtain  # pooch, only for a download

    archive = zipfile.ZipFile(obtain(data_dir, f"{NAME}.zip", URL, MD5))
    names = sorted(name.removeprefix(f"{NAME}/") for name in archive.namelist() if not name.endswith("/"))
    return names, lambda name: archive.read(f"{NAME}/{name}")


def labelled(names: list[str], read: Read) -> tuple[list[str], dict[str, list[tuple[str, int]]]]:
    """The sorted classes (WordNet ids), and (file name, label) of the training and of the validation images."""
    for needed in ("wnids.txt", "val/val_annotations.txt"):
        if needed not in names:
            raise InputError(f"data_dir: {NAME} has no file {needed}")
    classes = sorted(read("wnids.txt").decode().split())
    label = {wnid: k for k, wnid in enumerate(classes)}
    train = []
    for name in names:
        parts = name.split("/")
        if parts[0] == "train" and name.endswith(".JPEG") and parts[1] in label:
            train.append((name, label[parts[1]]))
    annotations = (line.split("\t") for line in read("val/val_annotations.txt").decode().splitlines())
    test = [(f"val/images/{row[0]}", label[row[1]]) for row in annotations if len(row) > 1 and row[1] in label]
    for part, samples in (("training", train), ("validation", test)):
        empty = set(label.values()) - {k for _, k in samples}
        if empty:
            raise InputError(f"data_dir: {NAME} has no {part} image of class {classes[min(empty)]}")
    return classes, {"train": train, "test": test}


def halve(file: bytes) -> np.ndarray:
    """uint8 [3, 32, 32] of a JPEG of 64x64 pixels, grey ones as three equal channels."""
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX)).transpose(2, 0, 1)


def decode(samples: list[tuple[str, int]], read: Read) -> np.ndarray:
    """uint8 [n, 3, 32, 32]"""
    images = np.empty((len(samples), 3, SIZE, SIZE), np.uint8)
    for k, (name, _) in enumerate(samples):
        try:
            images[k] = halve(read(name))
        except (OSError, KeyError) as error:  # PIL's error for what is no image is an OSError
            raise InputError(f"data_dir: {NAME}/{name} cannot be read: {error}") from error
        if (k + 1) % 10_000 == 0:
            print(f"decoded {k + 1} of {len(samples)}")
    return images


def main(folder: str, cfg: dict) -> None:
    names, read = sources(cfg["data_dir"])
    classes, samples = labelled(names, read)
    arrays = {}
    for part, chosen in samples.items():
        arrays[f"{part}_images"] = decode(chosen, read)
        arrays[f"{part}_labels"] = np.array([label for _, label in chosen])
    save(folder, arrays, classes, augmentation={"shift": 4, "flip": True}, statistics=STATISTICS)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(Path(snakemake.output[0]).parent, snakemake.params.cfg | snakemake.params.places)
