"""Fashion-MNIST: 60,000 training and 10,000 test grey images, zero-padded from 28x28 to 32x32.

Not in the paper: a data set of real images whose files some systems package.
"""

import gzip
import hashlib
import tempfile
from pathlib import Path

import numpy as np
from torchvision.datasets import FashionMNIST

from sparse_topology.data.arrays import save
from sparse_topology.data.downloads import obtain
from sparse_topology.job import InputError, job

# MD5 of the uncompressed IDX files: the same images exist in differently compressed files.
CONTENT = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
FOLDERS = ("", "fashion-mnist", "FashionMNIST/raw")


def locate(data_dir: str, name: str) -> Path:
    """The IDX file `name`, plain or gzipped, in one of FOLDERS of data_dir; else downloaded to the last of them."""
    for folder in FOLDERS:
        for file in (Path(data_dir, folder, name), Path(data_dir, folder, f"{name}.gz")):
            if file.exists():
                return file
    archives = dict(FashionMNIST.resources)
    return obtain(
        Path(data_dir, FOLDERS[-1]), f"{name}.gz", f"{FashionMNIST.mirrors[0]}{name}.gz", archives[f"{name}.gz"]
    )


def content(file: Path, md5: str) -> bytes:
    """The uncompressed file; refused if it is not the one that the data set was published with."""
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (EOFError, gzip.BadGzipFile, OSError, ValueError) as error:
        raise InputError(f"{file} is truncated or altered ({error}); replace or delete it") from error
    found = hashlib.md5(data).hexdigest()
    if found != md5:
        raise InputError(
            f"{file} is truncated or altered: its content has MD5 {found}, not {md5}; replace or delete it"
        )
    return data


def read(data_dir: str, contents: dict[str, str]) -> dict[str, np.ndarray]:
    """The four arrays, padded; torchvision's loader reads the uncompressed files from a temporary folder."""
    arrays = {}
    with tempfile.TemporaryDirectory() as root:
        raw = Path(root, "FashionMNIST", "raw")
        raw.mkdir(parents=True)
        for name, md5 in contents.items():
            (raw / name).write_bytes(content(locate(data_dir, name), md5))
        for part in ("train", "test"):
            images = FashionMNIST(root, train=part == "train")
            arrays[f"{part}_images"] = np.pad(images.data.numpy()[:, None], [(0, 0), (0, 0), (2, 2), (2, 2)])
            arrays[f"{part}_labels"] = images.targets.numpy()
    return arrays


def main(folder: str, cfg: dict, contents: dict[str, str] = CONTENT) -> None:
    arrays = read(cfg["data_dir"], contents)
    save(folder, arrays, FashionMNIST.classes, augmentation={"shift": 4, "flip": True})


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(Path(snakemake.output[0]).parent, snakemake.params.cfg | snakemake.params.places)
