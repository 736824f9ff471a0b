"""How many weights each layer of a network has and keeps, from its mask file."""

import numpy as np


def mask_counts(path) -> dict[str, tuple[int, int]]:
    """{layer: (weights, kept weights)} in the order of the network's modules."""
    with np.load(path) as masks:
        arrays = ((key, masks[key]) for key in masks.files)
        return {key.removesuffix(".weight"): (mask.size, int(mask.sum())) for key, mask in arrays}
