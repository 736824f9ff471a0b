"""A control without a network's topology: its mask permuted within each layer, whose counts stay (Frankle 2021)."""

import numpy as np

from sparse_topology.job import job
from sparse_topology.pruning.masks import Masks, load_masks, save_masks, stream


def shuffled(masks: Masks, random: np.random.Generator) -> Masks:
    """Every layer's mask in an order drawn uniformly."""
    return {name: random.permutation(mask.ravel()).reshape(mask.shape) for name, mask in masks.items()}


def main(masks, output, cfg: dict) -> None:
    """cfg: seed, pruning (the whole word of the control), which name the stream of random numbers."""
    save_masks(output, shuffled(load_masks(masks), stream(cfg["seed"], cfg["pruning"])))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.mask, snakemake.output.mask, snakemake.params.cfg)
