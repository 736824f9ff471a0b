"""GraSP: keep the weights that the gradient flow after pruning needs most (Wang et al. 2020).

Paper Table 6. Score -w * (H g), H the Hessian of the training loss and g its gradient, of logits divided by T = 200;
the floor(N s) largest scores are removed. g is summed over two halves of a sample of 25 images per class, H g is
accumulated over the same halves, BatchNorm in training mode.

`reinit: all` (default, the code behind the paper's tables) scores freshly drawn weights, not those that are trained;
`none` scores the very weights that will be trained.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparse_topology.job import InputError, job
from sparse_topology.networks.initialise import kaiming_
from sparse_topology.pruning.batches import Batch, class_halves, open_training_set
from sparse_topology.pruning.masks import keep_largest, kept_ceil, save_masks, size, stream
from sparse_topology.pruning.scores import device, memory_for, network_at, times_weights, weights

SAMPLES_PER_CLASS = 25
TEMPERATURE = 200.0


def half_gradient(model: nn.Module, batch: Batch, differentiable: bool) -> list[Tensor]:
    """Gradient of the tempered loss of one half with respect to the prunable weights."""
    inputs, targets = batch
    loss = F.cross_entropy(model(inputs) / TEMPERATURE, targets)
    return torch.autograd.grad(loss, list(weights(model).values()), create_graph=differentiable)


def hessian_gradient(model: nn.Module, halves: tuple[Batch, Batch]) -> list[Tensor]:
    """H g: Hessian and gradient each summed over the halves, restricted to the prunable weights."""
    first, second = (half_gradient(model, half, differentiable=False) for half in halves)
    gradient = [a + b for a, b in zip(first, second, strict=True)]
    parameters = list(weights(model).values())
    product = [torch.zeros_like(weight) for weight in parameters]
    for half in halves:
        again = half_gradient(model, half, differentiable=True)
        flow = sum((g * f).sum() for g, f in zip(gradient, again, strict=True))
        for total, part in zip(product, torch.autograd.grad(flow, parameters), strict=True):
            total += part
    return product


def redraw(model: nn.Module, random: np.random.Generator) -> nn.Module:
    """Draw all convolution and linear weights of the model again, in place."""
    torch.manual_seed(int(random.integers(2**63)))
    return kaiming_(model)


def main(train_images, train_labels, info, init, mask, cfg) -> None:
    reinit = cfg.get("reinit", "all")
    if reinit not in ("all", "none"):
        raise InputError(f"options.grasp.reinit: {reinit!r} is unknown, allowed are 'all' and 'none'")
    where, random = device(), stream(cfg["seed"], "grasp")
    images = open_training_set(train_images, train_labels, info)
    model = network_at(init, cfg["architecture"], cfg["architecture_options"], images.facts, where).train()
    halves = class_halves(images, SAMPLES_PER_CLASS, random, where)
    if reinit == "all":
        redraw(model, random)
    with memory_for("GraSP", len(halves[1][1])):
        product = hessian_gradient(model, halves)
    # The scores are -w * Hg and the floor(N s) largest go: of w * Hg the N - floor(N s) = ceil(N d) largest stay.
    importance = times_weights(weights(model), product)
    save_masks(mask, keep_largest(importance, kept_ceil(size(importance), cfg["sparsity"])))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        data = snakemake.input
        main(data.train_images, data.train_labels, data.info, data.init, snakemake.output.mask, snakemake.params.cfg)
