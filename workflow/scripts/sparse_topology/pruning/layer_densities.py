"""How many weights each layer keeps, and random masks with these numbers: what ER, ERK and dynamic training share.

A layer's shape is that of its weight: (out, in, kh, kw) for a convolution, (out, in) for a linear layer.
"""

import math

import numpy as np

from sparse_topology.pruning.masks import Masks, density

Shapes = dict[str, tuple[int, ...]]


def redistributed_densities(sizes: list[int], raw: list[float], density: float) -> list[float]:
    """Density min(1, eps * raw[l]) of each layer, eps such that the expected number of weights is density * N exactly.

    A layer that would exceed 1 becomes dense and what it cannot take goes to the others: eps is solved again without
    it. One maximum a round, as in the sparse-evolutionary code bases, which ends since each round fixes a layer.
    """
    dense = [False] * len(sizes)
    while not all(dense):
        budget = density * sum(sizes) - sum(n for n, full in zip(sizes, dense, strict=True) if full)
        divisor = sum(p * n for n, p, full in zip(sizes, raw, dense, strict=True) if not full)
        epsilon = budget / divisor
        largest = max(p for p, full in zip(raw, dense, strict=True) if not full)
        if epsilon * largest <= 1:
            break
        dense = [full or p == largest for p, full in zip(raw, dense, strict=True)]
    return [1.0 if full else epsilon * p for p, full in zip(raw, dense, strict=True)]


def sum_over_product(dimensions: tuple[int, ...]) -> float:
    """Raw weight of a layer: the sum of the given dimensions over their product."""
    return sum(dimensions) / math.prod(dimensions)


def erk_densities(shapes: Shapes, sparsity: float) -> list[float]:
    """Erdos-Renyi-Kernel: proportional to the sum of a layer's dimensions over their product (Evci et al. 2020)."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    raw = [sum_over_product(shape) for shape in shapes.values()]
    return redistributed_densities(sizes, raw, float(density(sparsity)))


def largest_remainder(quotas: np.ndarray, total: int, capacities: np.ndarray) -> np.ndarray:
    """Integers [L] that sum to `total`: quotas (float [L], of about that sum) rounded down, and one more for those with
    the largest fractions, none above its capacity. Of equal fractions the first gets it. Where the capacities do not
    hold the total, all are filled.
    """
    capacities = np.asarray(capacities, np.int64)
    quotas = np.asarray(quotas, float)
    counts = np.minimum(np.floor(quotas + 1e-9).astype(np.int64), capacities)
    order = np.argsort(counts - quotas, kind="stable")
    while (missing := min(total, capacities.sum()) - counts.sum()) > 0:
        open_layers = order[counts[order] < capacities[order]]
        counts[open_layers[:missing]] += 1
    return counts


def allotted(total: int, shares: np.ndarray, capacities: np.ndarray) -> np.ndarray:
    """`total` weights over layers by their shares (float [L], of sum 1), none above its capacity: int [L].

    What a full layer cannot take goes in equal parts to those that are not full, as often as needed.
    """
    quotas, room, excess, parts = np.zeros(len(shares)), np.asarray(capacities, float), float(total), shares
    while excess > 1e-6 and (quotas < room).any():
        quotas = quotas + excess * parts
        excess = np.maximum(quotas - room, 0).sum()
        quotas = np.minimum(quotas, room)
        parts = (quotas < room) / max(1, np.count_nonzero(quotas < room))
    return largest_remainder(quotas, total, capacities)


def random_subsets(shapes: Shapes, counts: np.ndarray, random: np.random.Generator) -> Masks:
    """Keep exactly counts[l] random weights of each layer."""
    masks = {}
    for (name, shape), count in zip(shapes.items(), counts, strict=True):
        mask = np.zeros(math.prod(shape), bool)
        mask[random.choice(mask.size, count, replace=False)] = True
        masks[name] = mask.reshape(shape)
    return masks


def bernoulli(shapes: Shapes, densities: list[float], random: np.random.Generator) -> Masks:
    """Keep each weight on its own with the density of its layer; the total fluctuates around its expectation."""
    return {
        name: random.random(shape) < density for (name, shape), density in zip(shapes.items(), densities, strict=True)
    }
