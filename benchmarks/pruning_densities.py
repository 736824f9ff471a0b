"""Layer densities of our masks against the authors' published ones, for Uniform, ER, ERK and SynFlow.

    python benchmarks/pruning_densities.py ../shared [--architectures conv6 ...] [--datasets cifar10 ...]

One line per architecture, data set and algorithm, over five sparsities and three seeds each. Random masks: difference
of the mean densities of a layer in standard deviations of the binomial (largest, root mean square; ER with the
reference's stale epsilon). SynFlow: mean and largest difference of the mean densities; it takes 3 to 15 s a network on
one core.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path += [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]

from init import initialise  # noqa: E402
from prune_er import er_densities, er_masks  # noqa: E402
from prune_erk import erk_densities, erk_masks  # noqa: E402
from prune_synflow import linearise, synflow_masks  # noqa: E402
from prune_uniform import uniform_masks  # noqa: E402
from published_densities import ARCHITECTURES, DATASETS, deviations, published  # noqa: E402

from snn.masks import prunable, stream  # noqa: E402
from snn.scores import device  # noqa: E402

SPARSITIES, SEEDS, IMAGE = (0.6, 0.8, 0.9, 0.95, 0.98), (0, 1, 2), (3, 32, 32)


def layer_densities(masks) -> list[float]:
    return [mask.mean() for mask in masks.values()]


def random_masks(algorithm, shapes, sparsity, seed):
    random = stream(seed, algorithm)
    if algorithm == "er":
        return er_masks(shapes, sparsity, "reference", True, random)
    return {"uniform": uniform_masks, "erk": erk_masks}[algorithm](shapes, sparsity, random)


def drawn_with(algorithm, shapes, sparsity) -> np.ndarray:
    """The density that each layer's weights are drawn with."""
    if algorithm == "er":
        return np.array(er_densities(shapes, sparsity, "reference", True))
    return np.array(erk_densities(shapes, sparsity)) if algorithm == "erk" else np.full(len(shapes), 1 - sparsity)


def compare_random(algorithm, expected, shapes) -> str:
    sizes, z = np.array([np.prod(shape) for shape in shapes.values()]), []
    for sparsity in SPARSITIES:
        ours = np.array([layer_densities(random_masks(algorithm, shapes, sparsity, seed)) for seed in SEEDS])
        likely = drawn_with(algorithm, shapes, sparsity)
        z.append(deviations(ours, expected[algorithm, sparsity].densities, sizes, likely))
    z = np.concatenate(z)
    free = z[z != 0]
    return f"{z.size:4d} layers  largest |z| {np.abs(z).max():5.2f}  rms z {np.sqrt((free**2).mean()):5.2f}"


def compare_synflow(expected, architecture, classes) -> str:
    differences, seconds = [], time.perf_counter()
    for sparsity in SPARSITIES:
        ours = []
        for seed in SEEDS:
            model = linearise(initialise(architecture, {}, classes, IMAGE, seed).to(device()))
            ours.append(layer_densities(synflow_masks(model, IMAGE, sparsity)))
        differences.append(np.mean(ours, axis=0) - expected["synflow", sparsity].densities.mean(axis=0))
    each = ", ".join(f"{np.abs(d).mean():.4f}" for d in differences)
    absolute = np.abs(np.concatenate(differences))
    seconds = (time.perf_counter() - seconds) / (len(SPARSITIES) * len(SEEDS))
    return (
        f"{absolute.size:4d} layers  mean |difference| {absolute.mean():.4f} (by sparsity {each})  "
        f"largest {absolute.max():.4f}  {seconds:.1f} s a network"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder that holds published/graph_data")
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--algorithms", nargs="+", default=["uniform", "er", "erk", "synflow"])
    asked = parser.parse_args()
    for architecture in asked.architectures:
        for dataset in asked.datasets:
            classes = DATASETS[dataset][1]
            state = initialise(architecture, {}, classes, IMAGE, seed=0).state_dict()
            shapes = {name: tuple(state[name].shape) for name in prunable(state)}
            expected = published(asked.shared, architecture, dataset)
            for algorithm in asked.algorithms:
                if algorithm == "synflow":
                    line = compare_synflow(expected, architecture, classes)
                else:
                    line = compare_random(algorithm, expected, shapes)
                print(f"{architecture:9s} {dataset:14s} {algorithm:8s} {line}", flush=True)


if __name__ == "__main__":
    main()
