"""The authors' published layer densities (column layer_sparsity of graph_metrics/rolled), for tests and benchmarks."""

import csv
import gzip
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

ARCHITECTURES = {
    "conv6": "CONV-6",
    "resnet20": "Resnet-20",
    "resnet32": "Resnet-32",
    "wrn28_2": "Wide-Resnet-28-2",
}
DATASETS = {"cifar10": ("CIFAR-10", 10), "cifar100": ("CIFAR-100", 100), "tiny_imagenet": ("tinyimagenet", 200)}


@dataclass
class Densities:
    """names: the layers in module order; densities: float [seeds, layers]."""

    names: list[str]
    densities: np.ndarray


def published(folder, architecture, dataset) -> dict[tuple[str, float], Densities]:
    """Layer densities by (algorithm, sparsity) of one architecture and data set; the folder holds graph_metrics/."""
    path = folder / "graph_metrics" / "rolled" / f"rolled-{DATASETS[dataset][0]}-{ARCHITECTURES[architecture]}.csv"
    rows = defaultdict(lambda: defaultdict(list))
    with open(path, encoding="utf-8") if path.exists() else gzip.open(f"{path}.gz", "rt") as file:
        for row in csv.DictReader(file):
            key = row.get("pruning_algorithm") or row["pruning"], float(row["sparsity"])
            rows[key][row["seed"]].append((int(row["layer_id"]), row["layer_name"], float(row["layer_sparsity"])))
    found = {}
    for key, seeds in rows.items():
        layers = [sorted(seed) for seed in seeds.values()]
        found[key] = Densities([name for _, name, _ in layers[0]], np.array([[d for _, _, d in net] for net in layers]))
    return found


def deviations(ours: np.ndarray, expected: np.ndarray, sizes: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """Difference of the mean densities of two sets of random masks, in standard deviations of the binomial.

    ours, expected: [seeds, layers]; sizes: weights of each layer; likely: the density the weights were drawn with.
    A layer that is dense by rule has none: it gets 0 if it is dense in both and infinity otherwise.
    """
    variance = likely * (1 - likely) / sizes * (1 / len(ours) + 1 / len(expected))
    difference = ours.mean(axis=0) - expected.mean(axis=0)
    z = np.where(difference == 0, 0.0, np.inf)
    return np.divide(difference, np.sqrt(variance), out=z, where=variance > 0)
