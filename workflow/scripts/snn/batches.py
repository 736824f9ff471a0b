"""The training images that a pruning score looks at: drawn from the mapped arrays, augmented on the device."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from snn.images import Images
from snn.job import InputError

Batch = tuple[Tensor, Tensor]


def augment(pixels: Tensor, down: Tensor, right: Tensor, mirrored: Tensor, margin: int) -> Tensor:
    """Shift images by up to `margin` pixels, zeros entering at the border, and mirror some of them.

    The paper's random crop of the zero-padded image and horizontal flip. pixels: uint8 [n, C, H, W]; down, right: int64
    [n] in [0, 2 margin], the crop's corner in the padded image; mirrored: bool [n]. Returns uint8 [n, C, H, W].
    """
    count, _, height, width = pixels.shape
    padded = F.pad(pixels, (margin,) * 4)
    rows = down[:, None] + torch.arange(height, device=pixels.device)
    across = torch.arange(width, device=pixels.device).expand(count, width)
    columns = right[:, None] + torch.where(mirrored[:, None], width - 1 - across, across)
    image = torch.arange(count, device=pixels.device)
    return padded.permute(0, 2, 3, 1)[image[:, None, None], rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def draw(images: Images, chosen: np.ndarray, random: np.random.Generator, device) -> Batch:
    """The images `chosen` (indices [n]) as a training step sees them: augmented, scaled to [0, 1], standardised.

    Zeros are padded before the standardisation. Returns float32 [n, C, H, W] and int64 [n] on the device; what is
    random is drawn by NumPy, so that every device sees the same images.
    """
    shift, flip = images.facts["augmentation"]["shift"], images.facts["augmentation"]["flip"]
    count = len(chosen)
    down, right = random.integers(0, 2 * shift + 1, (2, count))
    mirrored = random.random(count) < 0.5 if flip else np.zeros(count, bool)
    pixels = torch.from_numpy(images.train_images[chosen]).to(device)
    corner = [torch.from_numpy(values).to(device) for values in (down, right, mirrored)]
    mean, std = (torch.tensor(images.facts[key], device=device).view(-1, 1, 1) for key in ("mean", "std"))
    inputs = (augment(pixels, *corner, shift).float() / 255 - mean) / std
    return inputs.contiguous(), torch.from_numpy(images.train_labels[chosen]).to(device)


def fresh_batches(images: Images, count: int, size: int, random: np.random.Generator, device) -> list[Batch]:
    """`count` batches without a common image, of `size` images each or of as many as the set has for each."""
    total = len(images.train_labels)
    size = min(size, total // count)
    if size < 2:
        raise InputError(f"the training set has {total} images: too few for {count} pruning batches of 2 or more")
    order = random.permutation(total)
    return [draw(images, order[k * size : (k + 1) * size], random, device) for k in range(count)]


def class_halves(images: Images, per_class: int, random: np.random.Generator, device) -> tuple[Batch, Batch]:
    """`per_class` random images of each class (or all it has), class after class, cut in the middle.

    So the first half holds the first classes and the second half the others, as GraSP's reference has it.
    """
    order = random.permutation(len(images.train_labels))
    labels = images.train_labels[order]
    chosen = np.concatenate([order[labels == label][:per_class] for label in np.unique(labels)])
    if len(chosen) < 4:
        raise InputError(f"the training set has {len(chosen)} images to score by class: GraSP needs 4 or more")
    inputs, targets = draw(images, chosen, random, device)
    middle = len(chosen) // 2
    return (inputs[:middle], targets[:middle]), (inputs[middle:], targets[middle:])
