"""How many weights each layer of a network has and keeps, from its mask file."""

from sparse_topology.files import read_arrays


def mask_counts(path) -> dict[str, tuple[int, int]]:
    """{layer: (weights, kept weights)} in the order of the network's modules."""
    return {key.removesuffix(".weight"): (mask.size, int(mask.sum())) for key, mask in read_arrays(path).items()}
