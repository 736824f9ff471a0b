"""Masks of a sparse network: which weights can be pruned, how many stay, which ones, and the file that says so.

A set of masks is a dict {name of a prunable weight in the state_dict: bool array of its shape, True = kept}, in the
order of the network's modules. Needs NumPy only: encoders and random pruning must not pay for torch.
"""

import math
from fractions import Fraction

import numpy as np

from sparse_topology.files import atomic, read_arrays
from sparse_topology.job import InputError
from sparse_topology.networks.state_dict import prunable_of

Masks = dict[str, np.ndarray]


def prunable(state) -> list[str]:
    """Names of the prunable weights of a state_dict of arrays or tensors, in its order.

    They are the weights of every convolution and linear layer, first layer, shortcuts and classifier included. The
    state_dict of a network of this workflow says which (`networks.initialise.remember`). Of any other dict they are
    what is called `weight`, or `in_proj_weight` (torch's attention), and has at least two dimensions.
    """
    known = prunable_of(state)
    if known is not None:
        return [name for name in state if name in known]
    weights = [name for name in state if name.rpartition(".")[2] in ("weight", "in_proj_weight")]
    return [name for name in weights if len(state[name].shape) >= 2]


def density(sparsity: float) -> Fraction:
    """1 - sparsity, exact in the digits that sparsity is written with: as a float, N * (1 - 0.9) is below N / 10."""
    return 1 - Fraction(repr(float(sparsity)))


def kept_floor(count: int, sparsity: float) -> int:
    """floor(N d)"""
    return math.floor(count * density(sparsity))


def kept_ceil(count: int, sparsity: float) -> int:
    """ceil(N d)"""
    return math.ceil(count * density(sparsity))


def kept_round(count: int, sparsity: float) -> int:
    """N d rounded to the nearest integer (half to even)"""
    return round(count * density(sparsity))


def size(arrays: Masks) -> int:
    """Number of prunable weights."""
    return sum(array.size for array in arrays.values())


def kept(masks: Masks) -> int:
    """Number of weights that stay."""
    return sum(int(np.count_nonzero(mask)) for mask in masks.values())


def split(flat: np.ndarray, like: Masks) -> Masks:
    """Cut one value per prunable weight, shape [N], into arrays of the names and shapes of `like`."""
    ends = np.cumsum([array.size for array in like.values()])[:-1]
    pieces = np.split(flat, ends)
    return {name: piece.reshape(array.shape) for piece, (name, array) in zip(pieces, like.items(), strict=True)}


def keep_largest(scores: Masks, count: int) -> Masks:
    """Keep the `count` weights with the largest scores, all layers ranked together.

    Of scores equal to the threshold, the first in module order stay: ties can change neither the count nor, from one
    machine to the next, the choice.
    """
    flat = np.concatenate([score.ravel() for score in scores.values()])
    broken = flat.size - int(np.count_nonzero(np.isfinite(flat)))
    if broken:
        raise InputError(
            f"{broken} of {flat.size} pruning scores are not finite: the loss or its gradients overflow at this "
            "initialisation and cannot be ranked; take another seed or leave this algorithm out for this network"
        )
    chosen = np.zeros(flat.size, bool)
    if count > 0:
        threshold = np.sort(flat)[flat.size - count]  # np.partition is ten times slower where many scores tie
        chosen = flat > threshold
        tied = np.flatnonzero(flat == threshold)
        chosen[tied[: count - np.count_nonzero(chosen)]] = True
    return split(chosen, scores)


def stream(seed: int, word: str) -> np.random.Generator:
    """The random numbers of one algorithm and seed, independent of those of every other algorithm."""
    return np.random.default_rng([seed, *word.encode()])


def save_masks(path, masks: Masks) -> None:
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **masks)
    emptied = [name for name, mask in masks.items() if not mask.any()]
    print(f"kept {kept(masks)} of {size(masks)} prunable weights in {len(masks)} layers")
    if emptied:
        print(f"layers without any weight left: {', '.join(emptied)}")


def load_masks(path) -> Masks:
    """Read masks in module order."""
    masks = read_arrays(path)
    wrong = [name for name, mask in masks.items() if mask.dtype != bool]
    if wrong:
        raise InputError(f"{path}: the mask of {wrong[0]} holds {masks[wrong[0]].dtype} values, not booleans")
    return masks
