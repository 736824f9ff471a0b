"""When the mask of a network changes during its training: the steps, and the rate of each update."""

import math

from sparse_topology.job import InputError
from sparse_topology.training.step import batch_counts

SHORTEST = 20  # updates that a training has at least, unless its interval is set in the config


def training_steps(images: int, cfg: dict) -> int:
    """SGD steps of the whole training."""
    return cfg["epochs"] * len(batch_counts(images, cfg["batch_size"]))


def interval(cfg: dict, default: int, end: float, word: str) -> int:
    """Steps between two updates: as the config has it, otherwise `default`, shortened so that a training whose updates
    end at step `end` still has about twenty.

    Raises InputError if the interval of the config leaves no update.
    """
    wanted = cfg.get("interval")
    if wanted is None:
        return max(1, min(default, int(end / SHORTEST)))
    if wanted >= end:
        raise InputError(
            f"options.{word}.interval: {wanted} leaves no update in a training whose updates end at step {end:g}; "
            f"it must be less than that"
        )
    return wanted


def cosine(every: int, end: float, first: float, last: float) -> dict[int, float]:
    """{step t: rate} at the multiples of `every` below `end`: half a cosine, `first` at step 0, `last` at `end`."""
    steps = range(every, math.ceil(end), every)
    return {t: last + (first - last) * (1 + math.cos(math.pi * t / end)) / 2 for t in steps}
