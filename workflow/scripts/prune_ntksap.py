"""NTK-SAP: keep the weights that the spectrum of the neural tangent kernel feels most, without data (Wang et al. 2023).

The score of a weight is |d/dm sum |f(m w) - f(m (w + 0.01 z))|^2| at its mask m, z standard normal: a finite-difference
estimate of the kernel's trace. Inputs are standard normal noise, and the weights are drawn again for every batch, so
that the mask belongs to the architecture and not to one initialisation. BatchNorm has the batch's statistics under m w
in both terms, as constants. In 20 rounds the kept fraction falls exponentially, d^(k/20) after round k.

As in the authors' code: 10 inputs per class in batches of at most 256, and 5 draws of weights and noise in each round
where they are one batch (CIFAR-10), else 1. Gradients are summed over batches and draws before the absolute value.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from sparse_topology.files import read_json
from sparse_topology.job import job
from sparse_topology.networks.initialise import kaiming_
from sparse_topology.pruning.masks import Masks, keep_largest, save_masks, size, stream
from sparse_topology.pruning.scores import device, kept_after, network_at, weights

ROUNDS = 20
EPSILON = 0.01
INPUTS_PER_CLASS, BATCH = 10, 256
DRAWS_OF_ONE_BATCH = 5


def batch_sizes(classes: int) -> list[int]:
    """How many inputs each batch of a round has; every batch has noise and weights of its own."""
    inputs = INPUTS_PER_CLASS * classes
    sizes = [BATCH] * (inputs // BATCH) + [inputs % BATCH] * (inputs % BATCH > 1)  # BatchNorm needs two
    return sizes * DRAWS_OF_ONE_BATCH if inputs <= BATCH else sizes


def frozen(model: nn.Module) -> nn.Module:
    """Prepare a network for scoring, in place: only masks have gradients, and BatchNorm's running statistics are those
    of the last batch that it saw in training mode."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    return model.requires_grad_(False)


def output_change(model: nn.Module, masks: dict[str, Tensor], shifts: dict[str, Tensor], inputs: Tensor) -> Tensor:
    """sum |f(m w) - f(m (w + shift))|^2 over the inputs [B, C, H, W], f with the BatchNorm statistics of f(m w)."""
    drawn = weights(model)
    masked = {name: mask * drawn[name] for name, mask in masks.items()}
    shifted = {name: mask * (drawn[name] + shifts[name]) for name, mask in masks.items()}
    with torch.no_grad():
        functional_call(model.train(), masked, inputs)
    model.eval()
    return (functional_call(model, masked, inputs) - functional_call(model, shifted, inputs)).square().sum()


def tangent_scores(model: nn.Module, masks: Masks, shape: Sequence[int], sizes: list[int]) -> dict[str, np.ndarray]:
    """The score of every prunable weight under `masks`, from one batch of noise [B, *shape] per entry of `sizes`.

    Draws from torch's global generator; the weights of the model are left as they were drawn last.
    """
    like = next(iter(weights(model).values()))
    variables = {name: torch.as_tensor(mask).to(like).requires_grad_() for name, mask in masks.items()}
    total = [torch.zeros_like(mask) for mask in variables.values()]
    for count in sizes:
        kaiming_(model)
        inputs = like.new_empty(count, *shape).normal_()
        shifts = {name: EPSILON * torch.randn_like(weight) for name, weight in weights(model).items()}
        change = output_change(model, variables, shifts, inputs)
        for sum_, gradient in zip(total, torch.autograd.grad(change, list(variables.values())), strict=True):
            sum_ += gradient
    return {name: sum_.abs().cpu().numpy() for name, sum_ in zip(masks, total, strict=True)}


def ntksap_masks(model: nn.Module, info: dict, sparsity: float, rounds: int) -> Masks:
    """Prune in rounds; info: `classes` and `shape` [C, H, W] of the inputs. What is pruned never returns."""
    masks = {name: np.ones(weight.shape, bool) for name, weight in weights(model).items()}
    for step in range(1, rounds + 1):
        scores = tangent_scores(model, masks, info["shape"], batch_sizes(info["classes"]))
        ranked = {name: np.where(masks[name], score, -1.0) for name, score in scores.items()}
        masks = keep_largest(ranked, kept_after(step, size(masks), sparsity, rounds))
    return masks


def main(info, init, mask, cfg) -> None:
    info = read_json(info)
    model = frozen(network_at(init, cfg["architecture"], cfg["architecture_options"], info, device()))
    torch.manual_seed(int(stream(cfg["seed"], "ntksap").integers(2**63)))
    save_masks(mask, ntksap_masks(model, info, cfg["sparsity"], ROUNDS))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.info, snakemake.input.init, snakemake.output.mask, snakemake.params.cfg)
