"""Erdos-Renyi-Kernel pruning: random masks, a layer's density follows the sum of its dimensions over their product.

Paper Table 7; Evci et al. 2020 (RigL). A convolution counts out + in + kh + kw over out * in * kh * kw, a linear layer
out + in over out * in. Layers that would exceed density 1 are dense and the rest of the budget is solved again, so the
expected number of weights is N d. Each weight is drawn on its own (Bernoulli), as in the released masks.
"""

import numpy as np

from sparse_topology.job import job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.layer_densities import Shapes, bernoulli, erk_densities
from sparse_topology.pruning.masks import Masks, prunable, save_masks, stream


def erk_masks(shapes: Shapes, sparsity: float, random: np.random.Generator) -> Masks:
    return bernoulli(shapes, erk_densities(shapes, sparsity), random)


def main(init, mask, cfg) -> None:
    state = read_state_dict(init)
    shapes = {name: tuple(state[name].shape) for name in prunable(state)}
    save_masks(mask, erk_masks(shapes, cfg["sparsity"], stream(cfg["seed"], "erk")))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.init, snakemake.output.mask, snakemake.params.cfg)
