"""CIFAR-10: 50,000 training and 10,000 test colour images of 32x32, 10 classes (paper, section 4)."""

from pathlib import Path

from torchvision.datasets import CIFAR10

from sparse_topology.data.arrays import save
from sparse_topology.data.cifar import read
from sparse_topology.job import job

STATISTICS = ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])


def main(folder: str, cfg: dict, kind=CIFAR10) -> None:
    arrays, class_names = read(kind, cfg["data_dir"])
    save(folder, arrays, class_names, augmentation={"shift": 4, "flip": True}, statistics=STATISTICS)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(Path(snakemake.output[0]).parent, snakemake.params.cfg | snakemake.params.places)
