"""The training images that a pruning score looks at: drawn from the mapped arrays, augmented on the device."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sparse_topology.data.augmentation import Standardise, augment
from sparse_topology.files import read_array, read_json
from sparse_topology.job import InputError

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TrainingSet:
    """pixels: uint8 [n, C, H, W]; labels: int64 [n]; facts: what `dataset.json` holds."""

    pixels: np.ndarray
    labels: np.ndarray
    facts: dict


def open_training_set(images, labels, info) -> TrainingSet:
    """Map the images into memory: a score reads a few hundred of them."""
    return TrainingSet(read_array(images, mmap_mode="r"), read_array(labels), read_json(info))


def draw(images: TrainingSet, chosen: np.ndarray, random: np.random.Generator, device) -> Batch:
    """The images `chosen` (indices [n]) as a training step sees them: augmented, scaled to [0, 1], standardised.

    Zeros are padded before the standardisation. Returns float32 [n, C, H, W] and int64 [n] on the device; what is
    random is drawn by NumPy, so that every device sees the same images.
    """
    shift, flip = images.facts["augmentation"]["shift"], images.facts["augmentation"]["flip"]
    count = len(chosen)
    down, right = random.integers(0, 2 * shift + 1, (2, count))
    mirrored = random.random(count) < 0.5 if flip else np.zeros(count, bool)
    pixels = torch.from_numpy(images.pixels[chosen]).to(device)
    corner = [torch.from_numpy(values).to(device) for values in (down, right, mirrored)]
    inputs = Standardise(images.facts["mean"], images.facts["std"], device)(augment(pixels, *corner, shift))
    return inputs.contiguous(), torch.from_numpy(images.labels[chosen]).to(device)


def fresh_batches(images: TrainingSet, count: int, size: int, random: np.random.Generator, device) -> list[Batch]:
    """`count` batches without a common image, of `size` images each or of as many as the set has for each."""
    total = len(images.labels)
    size = min(size, total // count)
    if size < 2:
        raise InputError(f"the training set has {total} images: too few for {count} pruning batches of 2 or more")
    order = random.permutation(total)
    return [draw(images, order[k * size : (k + 1) * size], random, device) for k in range(count)]


def class_halves(images: TrainingSet, per_class: int, random: np.random.Generator, device) -> tuple[Batch, Batch]:
    """`per_class` random images of each class (or all it has), class after class, cut in the middle.

    So the first half holds the first classes and the second half the others, as GraSP's reference has it.
    """
    order = random.permutation(len(images.labels))
    labels = images.labels[order]
    chosen = np.concatenate([order[labels == label][:per_class] for label in np.unique(labels)])
    if len(chosen) < 4:
        raise InputError(f"the training set has {len(chosen)} images to score by class: GraSP needs 4 or more")
    inputs, targets = draw(images, chosen, random, device)
    middle = len(chosen) // 2
    return (inputs[:middle], targets[:middle]), (inputs[middle:], targets[middle:])
