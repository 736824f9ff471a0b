"""ProsPr: keep the weights that matter for the loss after a few steps of training (Alizadeh et al. 2022).

Paper Table 6. A mask c = 1 multiplies the initial weights; three steps of SGD (learning rate 0.5, momentum 0.9) on
three fresh batches follow, all parameters included, BatchNorm in training mode. The score is |dL/dc| of the loss on a
fourth fresh batch, through all steps (second order); the ceil(N d) largest stay. As in the reference code the momentum
starts as a detached copy of the first gradient, so that no second-order path goes through the first step.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sparse_topology.job import job
from sparse_topology.pruning.batches import Batch, fresh_batches, open_training_set
from sparse_topology.pruning.masks import keep_largest, kept_ceil, save_masks, size, stream
from sparse_topology.pruning.scores import device, memory_for, network_at, times_weights, weights

STEPS = 3
LEARNING_RATE = 0.5
MOMENTUM = 0.9
BATCH_SIZE = 512


def loss_of(model: nn.Module, parameters: dict[str, Tensor], batch: Batch) -> Tensor:
    inputs, targets = batch
    return F.cross_entropy(torch.func.functional_call(model, parameters, (inputs,)), targets)


def meta_loss(model: nn.Module, start: dict[str, Tensor], batches: list[Batch], detach_first: bool = True) -> Tensor:
    """Loss on the last batch after one step of momentum SGD on each of the others, differentiable in `start`."""
    fast, momentum = dict(start), [torch.zeros_like(value) for value in start.values()]
    for step, batch in enumerate(batches[:-1]):
        loss = loss_of(model, fast, batch)
        gradient = torch.autograd.grad(loss, list(fast.values()), create_graph=step > 0 or not detach_first)
        momentum = [MOMENTUM * m + g for m, g in zip(momentum, gradient, strict=True)]
        fast = {name: value - LEARNING_RATE * m for (name, value), m in zip(fast.items(), momentum, strict=True)}
    return loss_of(model, fast, batches[-1])


def prospr_scores(model: nn.Module, batches: list[Batch], detach_first: bool = True) -> dict[str, np.ndarray]:
    """|dL/dc| at c = 1. The trajectory depends on c through its start w = c * weight alone: it is |weight * dL/dw|."""
    start = {name: value.detach().clone().requires_grad_() for name, value in model.named_parameters()}
    scored = {name: start[name] for name in weights(model)}
    gradients = torch.autograd.grad(meta_loss(model, start, batches, detach_first), list(scored.values()))
    return {name: np.abs(product) for name, product in times_weights(scored, gradients).items()}


def main(train_images, train_labels, info, init, mask, cfg) -> None:
    where = device()
    images = open_training_set(train_images, train_labels, info)
    model = network_at(init, cfg["architecture"], cfg["architecture_options"], images.facts, where).train()
    batches = fresh_batches(images, STEPS + 1, BATCH_SIZE, stream(cfg["seed"], "prospr"), where)
    with memory_for("ProsPr", len(batches[0][1])):
        scores = prospr_scores(model, batches)
    save_masks(mask, keep_largest(scores, kept_ceil(size(scores), cfg["sparsity"])))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        data = snakemake.input
        main(data.train_images, data.train_labels, data.info, data.init, snakemake.output.mask, snakemake.params.cfg)
