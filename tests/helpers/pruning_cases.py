"""What the pruning tests share: a network small enough for brute force, the digits on disk, and a run of a script."""

import numpy as np
import torch
from init import initialise
from sklearn.datasets import load_digits
from torch import nn

from sparse_topology.data.arrays import save
from sparse_topology.files import write_json
from sparse_topology.pruning.masks import load_masks


class TinyNet(nn.Module):
    """76 prunable weights: convolution, BatchNorm, a smooth activation, pooling, two linear layers."""

    def __init__(self, activation=nn.Tanh):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, (2, 1))
        self.bn = nn.BatchNorm2d(3)
        self.hidden = nn.Linear(6, 8)
        self.out = nn.Linear(8, 2)
        self.activation = activation()

    def forward(self, x):
        x = nn.functional.avg_pool2d(self.activation(self.bn(self.conv(x))), (1, 2))
        return self.out(self.activation(self.hidden(x.flatten(1))))


def tiny(activation=nn.Tanh):
    """The network in float64 and training mode, weights of order 1."""
    torch.manual_seed(5)
    return TinyNet(activation).double().train()


def tiny_batches(count):
    generator = torch.Generator().manual_seed(9)
    return [
        (torch.randn(6, 2, 2, 4, generator=generator).double(), torch.randint(2, (6,), generator=generator))
        for _ in range(count)
    ]


def digits_folder(folder, images=400):
    """The first digits as a data set on disk, without what the dataset rule does beyond it."""
    bunch = load_digits()
    pixels = np.rint(bunch.images[:images] * (255 / 16)).astype(np.uint8)[:, None]
    labels = bunch.target[:images]
    arrays = {"train_images": pixels, "train_labels": labels, "test_images": pixels[:10], "test_labels": labels[:10]}
    save(folder, arrays, [str(d) for d in range(10)], augmentation={"shift": 1, "flip": False})
    return folder


def init_file(folder, architecture, classes=10, shape=(1, 8, 8), seed=0):
    path = folder / f"{architecture}-{seed}.pt"
    torch.save(initialise(architecture, {}, classes, shape, seed).state_dict(), path)
    return path


def settings(architecture, sparsity, seed=0, **options):
    fixed = {"architecture": architecture, "architecture_options": {}, "sparsity": sparsity, "seed": seed}
    return {**fixed, "batch_size": 64, **options}


def run_on_data(script, data, init, mask, cfg):
    """`main` of a script that scores weights on training images; returns its masks."""
    script.main(data / "train_images.npy", data / "train_labels.npy", data / "dataset.json", init, mask, cfg)
    return load_masks(mask)


def write_facts(path, classes, shape):
    write_json(path, {"classes": classes, "shape": list(shape)})
    return path
