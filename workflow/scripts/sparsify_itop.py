"""ITOP, in-time over-parameterisation: SET with few, large updates, so that trained weights compete (Liu et al. 2021).

SET-ITOP, whose layer counts the published networks have: every 2,000 steps, from half of each layer's weights to 0.5 %,
until the end of the training.
"""

from torch import nn

from sparse_topology.pruning.masks import Masks
from sparse_topology.training import dynamic
from sparse_topology.training.dynamic import RandomGrowth
from sparse_topology.training.dynamic import erk_start as start
from sparse_topology.training.inputs import Data
from sparse_topology.training.schedule import cosine, interval, training_steps


def build(model: nn.Module, data: Data, masks: Masks, cfg: dict) -> RandomGrowth:
    end = training_steps(len(data.labels), cfg)
    rate = cfg.get("rate", 0.5)
    updates = cosine(interval(cfg, 2000, end, "itop"), end, rate, 0.01 * rate)
    return RandomGrowth(model, data, masks, cfg, updates, "itop")


if __name__ == "__main__":
    dynamic.main(snakemake, "itop", start, build)
