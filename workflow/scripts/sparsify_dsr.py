"""DSR, dynamic sparse reparameterisation: weights move to the layers whose weights survive (Mostafa & Wang 2019).

At the start every layer has the same density. The smallest weights of the whole network are dropped, but not a layer's
last one, and as many random ones grow, in proportion to each layer's survivors. The number is that of the authors'
Wide-Resnet-28-2 as a share of all weights, 0.0137 N, at most 0.3 of those kept; they adapt a threshold to drop it, here
weights are ranked. The interval doubles at 1/8, 2/5 and 7/10 of the training.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.job import InputError
from sparse_topology.pruning.layer_densities import Shapes, allotted
from sparse_topology.pruning.masks import Masks, kept, size
from sparse_topology.training import dynamic
from sparse_topology.training.dynamic import DynamicStep, uniform_start
from sparse_topology.training.inputs import Data
from sparse_topology.training.ranking import sent
from sparse_topology.training.schedule import interval, training_steps

OF_ALL, OF_KEPT = 0.0137, 0.3
DOUBLED_AT, END = (1 / 8, 2 / 5, 7 / 10), 0.95


class MovingCounts(DynamicStep):
    """The rate of an update is the share of the kept weights that it drops."""

    def renewed(self, number: int, rate: float) -> Tensor:
        kept, ranking = self.kept(), self.ranking
        infinite = torch.full_like(self.magnitude(), torch.inf)
        magnitude = torch.where(kept, self.magnitude(), infinite)
        largest = ranking.by_layer(torch.where(kept, -magnitude, infinite)) == 0
        smallest = ranking.overall(torch.where(largest, infinite, magnitude)) < round(rate * int(kept.sum()))
        dropped = kept & smallest & ~largest
        left = kept & ~dropped
        total, survivors = int(dropped.sum()), ranking.counts(left).cpu().numpy()
        room = self.sizes - ranking.counts(kept).cpu().numpy()
        if room.sum() < total:
            room = self.sizes - survivors
        grow = sent(allotted(total, survivors / survivors.sum(), room), kept.device)
        growth = self.random(number) - dropped.float()  # what was just dropped comes after all others
        return left | (ranking.by_layer(torch.where(left, infinite, -growth)) < grow[ranking.layer])


def start(shapes: Shapes, sparsity: float, random: np.random.Generator) -> Masks:
    masks = uniform_start(shapes, sparsity, random)
    empty = [name for name, mask in masks.items() if not mask.any()]
    if empty:
        raise InputError(
            f"sparsities: {sparsity} leaves {kept(masks)} of {size(masks)} weights and none for {empty[0]}; dsr needs "
            "one in each layer"
        )
    return masks


def schedule(total: int, kept: int, steps: int) -> dict[int, float]:
    """{step t: share of the kept weights that is dropped}: q = floor(min(0.0137 N, 0.3 K)) of them each time."""
    every = interval({}, 100, END * steps, "dsr")
    share = int(min(OF_ALL * total, OF_KEPT * kept)) / kept
    times = range(1, math.ceil(END * steps))
    return {t: share for t in times if t % (every * 2 ** sum(t >= part * steps for part in DOUBLED_AT)) == 0}


def build(model: nn.Module, data: Data, masks: Masks, cfg: dict) -> MovingCounts:
    updates = schedule(size(masks), kept(masks), training_steps(len(data.labels), cfg))
    return MovingCounts(model, data, masks, cfg, updates, "dsr")


if __name__ == "__main__":
    dynamic.main(snakemake, "dsr", start, build)
