"""Iterative magnitude pruning with rewinding: lottery tickets (Frankle et al. 2020).

About a fifth of the weights goes in each level, the smallest of the whole network; the others go back to what they
were early in the dense training (epoch `rewind`) and train from there to the end. The dense training is that of
`train_dense`, which keeps the early weights.
"""

import math

from sparse_topology.job import job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import density, kept_round, prunable
from sparse_topology.training.survivors import train_levels

STARTS_FROM = "dense"
KEPT_EACH_LEVEL = 0.8


def level_counts(weights: int, sparsity: float) -> list[int]:
    """Survivors of each level, round(N d^(j/J)), J = ceil(ln d / ln 0.8)."""
    d = float(density(sparsity))
    levels = math.ceil(math.log(d) / math.log(KEPT_EACH_LEVEL) - 1e-9)
    return [round(weights * d ** (j / levels)) for j in range(1, levels)] + [kept_round(weights, sparsity)]


def main(inputs: dict, outputs: dict, cfg: dict, threads: int, code: str = "", **options) -> None:
    """See `train_levels`; cfg holds `rewind`, the epoch of the network inputs["early"]."""
    state = read_state_dict(inputs["dense"])
    counts = level_counts(sum(state[name].size for name in prunable(state)), cfg["sparsity"])
    train_levels("imp", counts, "early", cfg["rewind"], inputs, outputs, cfg, threads, code, **options)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        names = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(*names, snakemake.params.cfg, snakemake.threads, snakemake.params.code)
