"""Handwritten digits: scikit-learn's 1,797 real 8x8 grey images, nothing to download.

A fixed stratified split into 1,437 training and 360 test images. Not in the paper: the default study's data set.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sparse_topology.data.arrays import save
from sparse_topology.job import job


def digits() -> dict[str, np.ndarray]:
    """The four arrays; grey levels 0..16 stretched to 0..255."""
    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    split = train_test_split(images, bunch.target, test_size=360, stratify=bunch.target, random_state=0)
    return dict(zip(("train_images", "test_images", "train_labels", "test_labels"), split, strict=True))


def main(folder: str) -> None:
    save(folder, digits(), class_names=[str(d) for d in range(10)], augmentation={"shift": 0, "flip": False})


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(Path(snakemake.output[0]).parent)
