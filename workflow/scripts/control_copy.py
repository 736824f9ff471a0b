"""A control that keeps a network's mask and changes what it is trained from: the mask alone, at the control's path."""

from sparse_topology.job import job
from sparse_topology.pruning.masks import load_masks, save_masks

if __name__ == "__main__":
    with job(snakemake.log[0]):
        save_masks(snakemake.output.mask, load_masks(snakemake.input.mask))
