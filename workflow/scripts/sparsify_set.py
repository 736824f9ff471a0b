"""SET, sparse evolutionary training: the smallest weights of each layer give way to random ones (Mocanu et al. 2018).

In the form of Evci et al. 2020: ERK's densities at the start; every 100 steps a share of each layer's weights, 0.3 at
first, falling to 0 as a cosine over three quarters of the training; what is new starts at 0.
"""

from torch import nn

from sparse_topology.pruning.masks import Masks
from sparse_topology.training import dynamic
from sparse_topology.training.dynamic import RandomGrowth
from sparse_topology.training.dynamic import erk_start as start
from sparse_topology.training.inputs import Data
from sparse_topology.training.schedule import cosine, interval, training_steps


def build(model: nn.Module, data: Data, masks: Masks, cfg: dict) -> RandomGrowth:
    end = 0.75 * training_steps(len(data.labels), cfg)
    updates = cosine(interval(cfg, 100, end, "set"), end, cfg.get("rate", 0.3), 0.0)
    return RandomGrowth(model, data, masks, cfg, updates, "set")


if __name__ == "__main__":
    dynamic.main(snakemake, "set", start, build)
