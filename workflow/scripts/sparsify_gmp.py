"""Gradual magnitude pruning: a dense network loses its smallest weights while it trains (Zhu & Gupta 2017).

After step t of T = 110/160 of the training the sparsity is s (1 - (1 - t/T)^3), over the whole network (as in GraNet's
code; Zhu and Gupta have the same sparsity in each layer). What is pruned does not return.
"""

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.pruning.masks import Masks, kept_round
from sparse_topology.training import dynamic
from sparse_topology.training.dynamic import DynamicStep
from sparse_topology.training.inputs import Data
from sparse_topology.training.schedule import interval, training_steps


class Shrinking(DynamicStep):
    """The rate of an update is the sparsity that it leaves; the last is that of the config, exactly."""

    def renewed(self, number: int, rate: float) -> Tensor:
        kept = self.kept()
        scores = torch.where(kept, self.magnitude(), -torch.ones_like(self.values[self.place]))
        pruned = len(kept) - kept_round(len(kept), rate)
        return self.ranking.overall(scores) >= pruned


def start(shapes: dict, sparsity: float, random: np.random.Generator) -> Masks:
    return {name: np.ones(shape, bool) for name, shape in shapes.items()}


def cubic(every: int, end: int, sparsity: float) -> dict[int, float]:
    """{step t: sparsity} at the multiples of `every` and at `end`, where it is `sparsity` itself."""
    steps = range(every, end, every)
    return {t: sparsity * (1 - (1 - t / end) ** 3) for t in steps} | {end: sparsity}


def build(model: nn.Module, data: Data, masks: Masks, cfg: dict) -> Shrinking:
    end = max(1, round(110 / 160 * training_steps(len(data.labels), cfg)))
    updates = cubic(interval({}, 1000, end, "gmp"), end, cfg["sparsity"])
    return Shrinking(model, data, masks, cfg, updates, "gmp")


if __name__ == "__main__":
    dynamic.main(snakemake, "gmp", start, build)
