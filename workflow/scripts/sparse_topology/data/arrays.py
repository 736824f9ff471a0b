"""A data set on disk: four memory-mapped arrays and `dataset.json`, decoded once and shared by all later jobs."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sparse_topology.files import atomic, write_json

ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


def save(
    folder, arrays: dict[str, np.ndarray], class_names: Sequence[str], augmentation: dict, statistics=None
) -> None:
    """Write the arrays named in `ARRAYS` and then `dataset.json`, each whole or not at all.

    augmentation: {"shift": pixels, "flip": bool} of the training images. statistics: (mean, std) per channel on
    [0, 1]; without it, those of the training images. The digests let a job tell whether a data set has changed
    without reading the images again.
    """
    folder = Path(folder)
    images = arrays["train_images"]
    mean, std = statistics or channel_statistics(images)
    digests = {}
    for name in ARRAYS:
        array = np.ascontiguousarray(arrays[name], np.uint8 if name.endswith("images") else np.int64)
        digests[name] = hashlib.sha256(array).hexdigest()
        with atomic(folder / f"{name}.npy") as temporary, open(temporary, "wb") as file:
            np.save(file, array)
    facts = {
        "classes": len(class_names),
        "class_names": list(class_names),
        "shape": list(images.shape[1:]),
        "train": len(images),
        "test": len(arrays["test_images"]),
        "mean": [float(m) for m in mean],
        "std": [float(s) for s in std],
        "augmentation": augmentation,
        "sha256": digests,
    }
    write_json(folder / "dataset.json", facts)
    print(f"{facts['train']} training and {facts['test']} test images of {facts['classes']} classes, {facts['shape']}")


def channel_statistics(images: np.ndarray) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel of uint8 [n, C, H, W], on the scale [0, 1].

    From the 256-bin histogram of each channel, hence exact and without a float copy of the images. A channel of one
    constant value has standard deviation 0, which nothing can be divided by: it gets 1.
    """
    values = np.arange(256) / 255
    mean, std = [], []
    for c in range(images.shape[1]):
        share = np.bincount(images[:, c].ravel(), minlength=256) / images[:, c].size
        centre = float(share @ values)
        mean.append(centre)
        std.append(float(np.sqrt(share @ (values - centre) ** 2)) or 1.0)
    return mean, std
