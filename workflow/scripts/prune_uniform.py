"""Uniform pruning: a random subset of all prunable weights, every layer at the same expected density.

Paper Table 7 (layer sparsity = sparsity). As in the released masks the subset is drawn from the whole network, so the
total is exact, round(N d), and a layer's density fluctuates around d (hypergeometric).
"""

import math

import numpy as np

from sparse_topology.job import job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.layer_densities import Shapes
from sparse_topology.pruning.masks import Masks, kept_round, prunable, save_masks, split, stream


def uniform_masks(shapes: Shapes, sparsity: float, random: np.random.Generator) -> Masks:
    """Keep exactly round(N d) of the N weights, each subset equally likely."""
    empty = {name: np.zeros(shape, bool) for name, shape in shapes.items()}
    total = sum(math.prod(shape) for shape in shapes.values())
    flat = np.zeros(total, bool)
    flat[random.choice(total, kept_round(total, sparsity), replace=False, shuffle=False)] = True
    return split(flat, empty)


def main(init, mask, cfg) -> None:
    state = read_state_dict(init)
    shapes = {name: tuple(state[name].shape) for name in prunable(state)}
    save_masks(mask, uniform_masks(shapes, cfg["sparsity"], stream(cfg["seed"], "uniform")))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.init, snakemake.output.mask, snakemake.params.cfg)
