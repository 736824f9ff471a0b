"""One-shot magnitude pruning: the largest weights of the trained dense network stay, and are trained again.

The second training is the whole recipe from the final weights and BatchNorm statistics, velocity 0: learning-rate
rewinding (Renda et al. 2020).
"""

from sparse_topology.job import job
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import kept_round, prunable
from sparse_topology.training.survivors import train_levels

STARTS_FROM = "dense"


def main(inputs: dict, outputs: dict, cfg: dict, threads: int, code: str = "", **options) -> None:
    """See `train_levels`."""
    state = read_state_dict(inputs["dense"])
    count = kept_round(sum(state[name].size for name in prunable(state)), cfg["sparsity"])
    train_levels("oneshot", [count], "dense", 0, inputs, outputs, cfg, threads, code, **options)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        names = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(*names, snakemake.params.cfg, snakemake.threads, snakemake.params.code)
