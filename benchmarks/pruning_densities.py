"""Layer densities of our masks against the authors' published ones.

    python benchmarks/pruning_densities.py results/published/download [--architectures conv6 ...]
        [--datasets cifar10 ...] [--algorithms synflow ...] [--images results/data/cifar10]

One line per architecture, data set and algorithm, over five sparsities and three seeds each. Random masks: difference
of the mean densities of a layer in standard deviations of the binomial (largest, root mean square; ER with the
reference's stale epsilon). The others: mean and largest difference of the mean densities; beside it the mean
difference that two sets of three such networks would have if the authors' seeds spread as they do. SynFlow takes 3 to
15 s a network on one core. SNIP, GraSP (with either `reinit`) and ProsPr need --images, the folder of a data set that
the workflow has made.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path += [str(REPOSITORY / "workflow" / "scripts"), str(REPOSITORY / "tests")]

import prune_grasp  # noqa: E402
import prune_prospr  # noqa: E402
import prune_snip  # noqa: E402
from init import initialise  # noqa: E402
from prune_er import er_densities, er_masks  # noqa: E402
from prune_erk import erk_densities, erk_masks  # noqa: E402
from prune_synflow import linearise, synflow_masks  # noqa: E402
from prune_uniform import uniform_masks  # noqa: E402

from helpers.published_densities import ARCHITECTURES, DATASETS, deviations, published  # noqa: E402
from sparse_topology.pruning.batches import class_halves, fresh_batches, open_training_set  # noqa: E402
from sparse_topology.pruning.masks import Masks, keep_largest, kept_ceil, kept_floor, prunable, size, stream  # noqa: E402
from sparse_topology.pruning.scores import device, times_weights, weights  # noqa: E402

RANDOM = ("uniform", "er", "erk")
ALGORITHMS = (*RANDOM, "synflow", "snip", "grasp:all", "grasp:none", "prospr")
FILES = ("train_images.npy", "train_labels.npy", "dataset.json")
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


def synflow_networks(architecture, classes) -> dict[float, list[Masks]]:
    """Masks of three seeds by sparsity."""
    found = {}
    for sparsity in SPARSITIES:
        models = [linearise(initialise(architecture, {}, classes, IMAGE, seed).to(device())) for seed in SEEDS]
        found[sparsity] = [synflow_masks(model, IMAGE, sparsity) for model in models]
    return found


def scores(algorithm, model, images, seed) -> Masks:
    """Scores of one network in training mode, ranked by the largest."""
    random, where = stream(seed, algorithm.partition(":")[0]), device()
    if algorithm == "snip":
        return prune_snip.snip_scores(model, fresh_batches(images, 1, 128, random, where)[0])
    if algorithm == "prospr":
        batches = fresh_batches(images, prune_prospr.STEPS + 1, prune_prospr.BATCH_SIZE, random, where)
        return prune_prospr.prospr_scores(model, batches)
    halves = class_halves(images, prune_grasp.SAMPLES_PER_CLASS, random, where)
    if algorithm == "grasp:all":
        prune_grasp.redraw(model, random)
    return times_weights(weights(model), prune_grasp.hessian_gradient(model, halves))


def scored_networks(algorithm, architecture, classes, images) -> dict[float, list[Masks]]:
    """Masks of three seeds by sparsity, each seed scored once."""
    counts = kept_floor if algorithm == "snip" else kept_ceil
    found = {sparsity: [] for sparsity in SPARSITIES}
    for seed in SEEDS:
        model = initialise(architecture, {}, classes, IMAGE, seed).to(device()).train()
        found_scores = scores(algorithm, model, images, seed)
        for sparsity in SPARSITIES:
            found[sparsity].append(keep_largest(found_scores, counts(size(found_scores), sparsity)))
    return found


def compare(networks, expected, algorithm) -> str:
    differences, spread = [], []
    for sparsity, masks in networks.items():
        theirs = expected[algorithm.partition(":")[0], sparsity].densities
        differences.append(np.mean([layer_densities(m) for m in masks], axis=0) - theirs.mean(axis=0))
        # Two means of three differ by sqrt(2 / pi) sqrt(2 / 3) sigma; three seeds' deviation is sqrt(pi) / 2 of sigma.
        spread.append(theirs.std(axis=0, ddof=1) * 4 / (math.pi * math.sqrt(3)))
    each = ", ".join(f"{np.abs(d).mean():.4f}" for d in differences)
    absolute = np.abs(np.concatenate(differences))
    return (
        f"{absolute.size:4d} layers  mean |difference| {absolute.mean():.4f} (by sparsity {each}; by chance "
        f"{np.concatenate(spread).mean():.4f})  largest {absolute.max():.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("published", type=Path, help="folder that holds graph_metrics/, plain or gzipped")
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--algorithms", nargs="+", choices=ALGORITHMS, default=["uniform", "er", "erk", "synflow"])
    parser.add_argument("--images", type=Path, help="folder of the data set, for snip, grasp and prospr")
    asked = parser.parse_args()
    for architecture in asked.architectures:
        for dataset in asked.datasets:
            classes = DATASETS[dataset][1]
            state = initialise(architecture, {}, classes, IMAGE, seed=0).state_dict()
            shapes = {name: tuple(state[name].shape) for name in prunable(state)}
            expected = published(asked.published, architecture, dataset)
            for algorithm in asked.algorithms:
                start = time.perf_counter()
                if algorithm == "synflow":
                    line = compare(synflow_networks(architecture, classes), expected, algorithm)
                elif algorithm in RANDOM:
                    line = compare_random(algorithm, expected, shapes)
                else:
                    images = open_training_set(*(asked.images / file for file in FILES))
                    line = compare(scored_networks(algorithm, architecture, classes, images), expected, algorithm)
                seconds = time.perf_counter() - start
                print(f"{architecture:9s} {dataset:14s} {algorithm:10s} {line}  {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
