"""SNFS, sparse networks from scratch: momentum says which layers grow, and which weights (Dettmers & Zettlemoyer 2019).

At the start every layer has the same density. Once an epoch each layer drops its smallest weights; all that is dropped
is shared out over the layers in proportion to the mean |velocity| of their kept weights, and grows where |velocity| is
largest. Pruned weights gather velocity too, and keep it when they return.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.pruning.layer_densities import allotted
from sparse_topology.pruning.masks import Masks
from sparse_topology.training import dynamic
from sparse_topology.training.dynamic import DynamicStep
from sparse_topology.training.dynamic import uniform_start as start
from sparse_topology.training.inputs import Data
from sparse_topology.training.ranking import exchanged, sent
from sparse_topology.training.schedule import cosine, interval, training_steps
from sparse_topology.training.step import batch_counts

DENSE = 0.8  # above this density a layer with more than its share of velocity drops only as much as it has room


def drop_counts(kept: np.ndarray, sizes: np.ndarray, shares: np.ndarray, rate: float) -> np.ndarray:
    """Weights that each layer drops. kept, sizes: int [L]; shares: float [L], of the velocity, of sum 1."""
    density = kept / sizes
    crowded = (density > DENSE) & (shares > 1 / len(sizes))
    rates = np.where(crowded, np.minimum(rate, 1 - density), rate)
    return np.floor(rates * kept + 1e-9).astype(np.int64)


class MomentumGrowth(DynamicStep):
    keeps_velocity = True

    def renewed(self, number: int, rate: float) -> Tensor:
        kept, velocity = self.kept(), self.velocity[self.place].abs()
        counts = self.ranking.counts(kept)
        sums = torch.stack([part.sum() for part in (velocity * kept).double().split(self.sizes.tolist())])
        mean, counts = (sums / counts.clamp(min=1)).cpu().numpy(), counts.cpu().numpy()
        shares = mean / mean.sum() if 0 < mean.sum() < math.inf else np.full(len(mean), 1 / len(mean))
        drop = drop_counts(counts, self.sizes, shares, rate)
        grow = allotted(int(drop.sum()), shares, self.sizes - counts + drop)
        device = kept.device
        return exchanged(self.ranking, kept, self.magnitude(), sent(drop, device), velocity, sent(grow, device))


def build(model: nn.Module, data: Data, masks: Masks, cfg: dict) -> MomentumGrowth:
    end = training_steps(len(data.labels), cfg)
    rate, epoch = cfg.get("rate", 0.5), len(batch_counts(len(data.labels), cfg["batch_size"]))
    updates = cosine(interval(cfg, epoch, end, "snfs"), end, rate, 0.01 * rate)
    return MomentumGrowth(model, data, masks, cfg, updates, "snfs")


if __name__ == "__main__":
    dynamic.main(snakemake, "snfs", start, build)
