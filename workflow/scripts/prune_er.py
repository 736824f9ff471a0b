"""Erdos-Renyi pruning: random masks, layer density from the layer's shape, in one of two rules.

`rule: reference` (default) is what the paper's tables were made with: nonzeros of a layer = eps * (sum of all its
dimensions), densities clipped at 1 and the excess not given to other layers; it is ERK without redistribution and keeps
fewer weights than N d where layers saturate. `rule: paper` is the formula of Table 7: density proportional to
(n_in + n_out) / (n_in n_out) on the channels alone, with ERK's redistribution. Masks are Bernoulli in both.
"""

import math

import numpy as np

from sparse_topology.job import InputError, job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.layer_densities import Shapes, bernoulli, redistributed_densities, sum_over_product
from sparse_topology.pruning.masks import Masks, density, prunable, save_masks, stream

SEARCH_START, SEARCH_STEP, SEARCH_DECAY, SEARCH_TOLERANCE = 10.0, 0.5, 0.95, 5
SEARCH_LIMIT = 1000  # by then the step is below 1e-22 and the search stands still


def exact_epsilon(shapes: Shapes, sparsity: float) -> float:
    """eps with eps * (sum over layers of the sum of their dimensions) = N d, before clipping."""
    weights = sum(math.prod(shape) for shape in shapes.values())
    return float(density(sparsity)) * weights / sum(sum(shape) for shape in shapes.values())


def stale_epsilon(shapes: Shapes, sparsity: float) -> float:
    """What the reference's search for eps ends with: one step beyond the value that it accepts.

    Each round compares the weights that eps gives with N d, then multiplies eps by 1 - g or 1 + g and shortens g; the
    round that comes within 5 weights still changes eps. The published ER masks have the densities of that last value.
    """
    dimensions = sum(sum(shape) for shape in shapes.values())
    wanted = float(density(sparsity)) * sum(math.prod(shape) for shape in shapes.values())
    epsilon, step = SEARCH_START, SEARCH_STEP
    for iteration in range(1, SEARCH_LIMIT + 1):
        weights = epsilon * dimensions
        epsilon *= 1 - step if weights > wanted else 1 + step
        step *= SEARCH_DECAY
        if abs(weights - wanted) < SEARCH_TOLERANCE:
            print(f"the search for epsilon ends after {iteration} iterations")
            return epsilon
    raise InputError(
        f"options.er.stale_epsilon: the reference's search does not end for {wanted:.0f} weights over layers whose "
        f"dimensions sum to {dimensions}; set it to false for this network"
    )


def reference_densities(shapes: Shapes, epsilon: float) -> list[float]:
    """min(1, eps * (sum of dimensions) / (product of dimensions)) per layer."""
    return [min(1.0, epsilon * sum_over_product(shape)) for shape in shapes.values()]


def paper_densities(shapes: Shapes, sparsity: float) -> list[float]:
    """Proportional to (n_in + n_out) / (n_in n_out), layers above 1 dense, the budget N d met in expectation."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    raw = [sum_over_product(shape[:2]) for shape in shapes.values()]
    return redistributed_densities(sizes, raw, float(density(sparsity)))


def er_densities(shapes: Shapes, sparsity: float, rule: str, stale: bool) -> list[float]:
    if rule not in ("reference", "paper"):
        raise InputError(f"options.er.rule: {rule!r} is unknown, allowed are 'reference' and 'paper'")
    if rule == "paper" and stale:
        raise InputError("options.er.stale_epsilon: true belongs to rule 'reference', the rule here is 'paper'")
    if rule == "paper":
        return paper_densities(shapes, sparsity)
    return reference_densities(shapes, (stale_epsilon if stale else exact_epsilon)(shapes, sparsity))


def er_masks(shapes: Shapes, sparsity: float, rule: str, stale: bool, random: np.random.Generator) -> Masks:
    return bernoulli(shapes, er_densities(shapes, sparsity, rule, stale), random)


def main(init, mask, cfg) -> None:
    state = read_state_dict(init)
    shapes = {name: tuple(state[name].shape) for name in prunable(state)}
    rule, stale = cfg.get("rule", "reference"), cfg.get("stale_epsilon", False)
    save_masks(mask, er_masks(shapes, cfg["sparsity"], rule, stale, stream(cfg["seed"], "er")))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.init, snakemake.output.mask, snakemake.params.cfg)
