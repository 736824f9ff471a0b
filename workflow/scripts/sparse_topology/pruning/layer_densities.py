"""Random masks whose layer densities follow the layers' shapes: what ER and ERK share (spec B6, B7).

A layer's shape is that of its weight: (out, in, kh, kw) for a convolution, (out, in) for a linear layer.
"""

import math

import numpy as np

from sparse_topology.pruning.masks import Masks

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


def bernoulli(shapes: Shapes, densities: list[float], random: np.random.Generator) -> Masks:
    """Keep each weight on its own with the density of its layer; the total fluctuates around its expectation."""
    return {
        name: random.random(shape) < density for (name, shape), density in zip(shapes.items(), densities, strict=True)
    }
