"""CIFAR-10 and CIFAR-100 through torchvision's loader."""

from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10
from torchvision.datasets.utils import extract_archive

from sparse_topology.data.downloads import obtain
from sparse_topology.job import InputError


def read(kind: type[CIFAR10], data_dir: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """The four arrays and the class names of CIFAR10 or (fine labels) CIFAR100.

    The extracted folder in `data_dir` is used if each of its files has torchvision's checksum; else the archive, found
    or downloaded, is extracted (again).
    """
    if not intact(kind, data_dir):
        extract_archive(obtain(data_dir, kind.filename, kind.url, kind.tgz_md5), data_dir)
        if not intact(kind, data_dir):
            raise InputError(f"data_dir: {Path(data_dir) / kind.base_folder} is incomplete after its extraction")
    arrays = {}
    for part in ("train", "test"):
        images = kind(data_dir, train=part == "train")
        arrays[f"{part}_images"] = images.data.transpose(0, 3, 1, 2)
        arrays[f"{part}_labels"] = np.array(images.targets)
    return arrays, images.classes


def intact(kind: type[CIFAR10], data_dir: str) -> bool:
    try:
        kind(data_dir)
    except RuntimeError:
        return False
    return True
