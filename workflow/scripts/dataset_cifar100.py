"""CIFAR-100: 50,000 training and 10,000 test colour images of 32x32, 100 fine labels (paper, section 4)."""

from pathlib import Path

from torchvision.datasets import CIFAR100

from sparse_topology.data.arrays import save
from sparse_topology.data.cifar import read
from sparse_topology.job import job

STATISTICS = ([0.5071, 0.4867, 0.4408], [0.2675, 0.2565, 0.2761])


def main(folder: str, cfg: dict, kind=CIFAR100) -> None:
    arrays, class_names = read(kind, cfg["data_dir"])
    save(folder, arrays, class_names, augmentation={"shift": 4, "flip": True}, statistics=STATISTICS)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(Path(snakemake.output[0]).parent, snakemake.params.cfg | snakemake.params.places)
