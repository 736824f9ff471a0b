"""SynFlow: iteratively remove the weights that carry the least synaptic flow, without any data (Tanaka et al. 2020).

Paper Table 6. All parameters and buffers are replaced by their absolute values, BatchNorm is in evaluation mode, the
input is one image of ones; R is the sum of the outputs and the score of a weight |w dR/dw|, w with the mask so far. In
100 steps the kept fraction falls exponentially, d^(k/100) after step k, to round(N d) weights.

Everything is float64: R of a dense Resnet-32 exceeds the largest float32.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from sparse_topology.files import read_json
from sparse_topology.job import job
from sparse_topology.pruning.masks import Masks, keep_largest, save_masks, size
from sparse_topology.pruning.scores import device, kept_after, network_at, times_weights, weights

ITERATIONS = 100


@torch.no_grad()
def linearise(model: nn.Module) -> nn.Module:
    """Absolute parameters and buffers in float64, evaluation mode, in place: all signals are then positive."""
    for tensor in model.state_dict().values():
        tensor.abs_()
    return model.double().eval()


def synaptic_flow(model: nn.Module, shape: Sequence[int]) -> dict[str, np.ndarray]:
    """|w dR/dw| of every prunable weight of a linearised model, for one input of ones of shape [C, H, W]."""
    scored = weights(model)
    ones = next(iter(scored.values())).new_ones((1, *shape))
    gradients = torch.autograd.grad(model(ones).sum(), list(scored.values()))
    return {name: np.abs(product) for name, product in times_weights(scored, gradients).items()}


@torch.no_grad()
def apply(masks: Masks, model: nn.Module) -> None:
    """Zero the weights that are pruned, in place."""
    for name, weight in weights(model).items():
        weight *= torch.from_numpy(masks[name]).to(weight.device)


def synflow_masks(model: nn.Module, shape: Sequence[int], sparsity: float, steps: int = ITERATIONS) -> Masks:
    """Prune a linearised model in place, step by step, and return its masks.

    Pruned weights rank below all others, so that none comes back where the scores of the rest are zero as well.
    """
    masks = {name: np.ones(weight.shape, bool) for name, weight in weights(model).items()}
    total = size(masks)
    for step in range(1, steps + 1):
        scores = synaptic_flow(model, shape)
        ranked = {name: np.where(masks[name], score, -1.0) for name, score in scores.items()}
        masks = keep_largest(ranked, kept_after(step, total, sparsity, steps))
        apply(masks, model)
    return masks


def main(info, init, mask, cfg) -> None:
    info = read_json(info)
    model = linearise(network_at(init, cfg["architecture"], cfg["architecture_options"], info, device()))
    save_masks(mask, synflow_masks(model, info["shape"], cfg["sparsity"]))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.info, snakemake.input.init, snakemake.output.mask, snakemake.params.cfg)
