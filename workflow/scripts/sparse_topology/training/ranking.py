"""Which weights of a network are smallest or largest, layer by layer or all together, on the device where they are.

A network's N prunable weights are one vector here, in module order and, within a layer, in the order of its array.
Nothing in this module makes the host wait for a GPU.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def sent(array: np.ndarray, device: torch.device) -> Tensor:
    """The array on the device; a GPU copies it when it comes to it, and the host goes on."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


class Ranking:
    """sizes: weights of each layer. random: draws a priority per weight, which decides between equal scores."""

    def __init__(self, sizes: Sequence[int], random: np.random.Generator, device: torch.device):
        ends = np.cumsum(sizes)
        self.ends, self.starts = sent(ends, device), sent(ends - sizes, device)
        self.layer = sent(np.repeat(np.arange(len(sizes)), sizes), device)
        self.priority = sent(random.permutation(int(ends[-1])), device)

    def overall(self, score: Tensor) -> Tensor:
        """The rank of each of scores [N] in the network, the smallest first: int64 [N], 0 to N - 1."""
        return self._inverse(self._ascending(score))

    def by_layer(self, score: Tensor) -> Tensor:
        """The rank of each of scores [N] in its layer, the smallest first: int64 [N]."""
        order = self._ascending(score)
        order = order[self.layer[order].short().argsort(stable=True)]
        return self._inverse(order) - self.starts[self.layer]

    def counts(self, flags: Tensor) -> Tensor:
        """How many of flags (bool [N]) are set in each layer: int64 [L]."""
        total = torch.nn.functional.pad(flags.cumsum(0), (1, 0))
        return total[self.ends] - total[self.starts]

    def _ascending(self, score: Tensor) -> Tensor:
        return self.priority[score[self.priority].argsort(stable=True)]

    @staticmethod
    def _inverse(order: Tensor) -> Tensor:
        rank = torch.empty_like(order)
        rank[order] = torch.arange(len(order), device=order.device)
        return rank


def exchanged(ranking: Ranking, kept: Tensor, magnitude: Tensor, drop: Tensor, growth: Tensor, grow: Tensor) -> Tensor:
    """The mask bool [N] after each layer l has dropped drop[l] of its kept weights, those with the smallest
    `magnitude`, and grown grow[l] weights, those not kept any more or before that have the largest `growth`.

    kept: bool [N]; magnitude, growth: float [N]; drop, grow: int64 [L]. What was just dropped can be grown again.
    """
    infinite = torch.full_like(magnitude, torch.inf)
    left = kept & (ranking.by_layer(torch.where(kept, magnitude, infinite)) >= drop[ranking.layer])
    grown = ranking.by_layer(torch.where(left, infinite, -growth)) < grow[ranking.layer]
    return left | grown
