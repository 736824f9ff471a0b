"""What attention's output stands for: values, and by their products the queries and keys (spec of the MGE).

A product of two tensors stands for the nodes of both factors, one over matrices for those of all factors that are
summed. So the output of attention at a token and channel stands for the values of this channel at all tokens that it
attends to, for all channels of the head's keys there, and for all of the head's query at the token itself. A softmax
over a single key is 1: no queries and keys then. Scores (queries times keys) are kept apart until they meet the values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from sparse_topology.graphs.node_map import Piece, Scatter, Units, listed, pool, products, separable, starts_of
from sparse_topology.graphs.view import Tensor, View, numbers_of, renumbered, sources_of
from sparse_topology.job import InputError

LISTED = 1 << 24  # more terms of a product than this are not listed one by one


@dataclass(frozen=True)
class Scores:
    """Products of queries and keys, a tensor [..., T, S]; all other axes are groups: images, heads, windows.

    query, key: int64 [..., T, E] and [..., S, E], element numbers over `sources`; allowed: bool [..., T, S], what no
    mask removed. softmax: whether they went through one.
    """

    sources: tuple[Units, ...]
    query: np.ndarray
    key: np.ndarray
    allowed: np.ndarray
    softmax: bool = False

    @property
    def whole(self) -> tuple[int, ...]:
        return self.allowed.shape

    @property
    def shape(self) -> tuple[int, ...]:
        return self.allowed.shape[1:]

    def masked(self, allowed) -> Scores:
        """Without the pairs that a constant forbids: bool, broadcast."""
        allowed = np.asarray(allowed)
        if np.broadcast_shapes(allowed.shape, self.whole) != self.whole:
            raise InputError(f"a constant enlarges the tensor of shape {self.shape}")
        return replace(self, allowed=self.allowed & allowed)

    def regrouped(self, move) -> Scores:
        """After an operation that only moves groups, given as a function of a tensor."""
        *lead, rows, columns = self.whole
        numbers = torch.arange(self.allowed.size, dtype=torch.float64).reshape(self.whole)
        moved = move(numbers).numpy().astype(np.int64)
        inner = np.arange(rows * columns).reshape(rows, columns)
        if moved.shape[-2:] != inner.shape or (moved % inner.size != inner).any():
            raise InputError("there is no rule for moving the scores of an attention")
        group = moved[..., 0, 0] // inner.size
        flat = (part.reshape(-1, *part.shape[len(lead) :])[group] for part in (self.query, self.key, self.allowed))
        return replace(self, **dict(zip(("query", "key", "allowed"), flat, strict=True)))


Symbolic = Tensor | Scores


def transposed(tensor: Symbolic) -> Tensor:
    """The last two axes swapped."""
    if isinstance(tensor, Scores):
        raise InputError("there is no rule for scores of an attention as the second factor")
    return View(sources_of(tensor), numbers_of(tensor).swapaxes(-1, -2))


def for_matrices(equation: str, left: Symbolic, right: Tensor):
    """An einsum as a product of matrices, left [groups, a, b] and right [groups, b, c], and the order of its axes."""
    operands, _, result = equation.replace(" ", "").partition("->")
    one, other = operands.split(",")
    kinds = set(one) - set(other), set(one) & (set(other) - set(result)), set(other) - set(one)
    a, b, c = ("".join(kind) for kind in kinds)
    groups = [label for label in one if label in other and label != b]
    labels = *groups, a, c
    if [len(kind) for kind in kinds] != [1, 1, 1] or sorted(result) != sorted(labels):
        raise InputError(f"there is no rule for the equation {equation}")
    if isinstance(left, Scores):
        if [*one] != [*groups, a, b]:
            raise InputError("there is no rule for scores of an attention in this order")
    else:
        left = View(sources_of(left), numbers_of(left).transpose([one.index(label) for label in (*groups, a, b)]))
    right = View(sources_of(right), numbers_of(right).transpose([other.index(label) for label in (*groups, b, c)]))
    return left, right, [labels.index(label) for label in result]


def repeated_heads(tensor: Tensor, heads: int) -> View:
    """Keys or values [..., G, S, E] for that many heads, each of the G for as many consecutive ones."""
    numbers = numbers_of(tensor)
    return View(sources_of(tensor), np.repeat(numbers, heads // numbers.shape[-3], axis=-3))


def scores(query: Tensor, key: Tensor) -> Scores:
    """query [..., T, E] times the transpose of key [..., S, E]."""
    sources: list[Units] = []
    q, k = renumbered(query, sources), renumbered(key, sources)
    if q.ndim < 2 or k.ndim < 2 or q.shape[-1] != k.shape[-1]:
        raise InputError(f"there is no rule for multiplying tensors of shapes {query.shape} and {key.shape}")
    lead = np.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    q, k = (np.broadcast_to(part, (*lead, *part.shape[-2:])) for part in (q, k))
    return Scores(tuple(sources), q, k, np.ones((*lead, q.shape[-2], k.shape[-2]), bool))


def attend(weights: Scores, value: Tensor, values_only: bool) -> tuple[View, list[View]]:
    """The weighted sum of values [..., S, D], a tensor [..., T, D]; and queries and keys, if they are left out."""
    v = numbers_of(value)
    if v.ndim < 2 or v.shape[-2] != weights.whole[-1]:
        raise InputError(f"there is no rule for multiplying tensors of shapes {weights.shape} and {value.shape}")
    lead = np.broadcast_shapes(weights.whole[:-2], v.shape[:-2])
    groups = [np.broadcast_to(part, (*lead, *part.shape[-2:])).reshape(-1, *part.shape[-2:])
              for part in (weights.query, weights.key, weights.allowed, v)]  # fmt: skip
    second = (groups[3] < 0).any((1, 2)) | (groups[0] < 0).any((1, 2))
    first = [part[~second] for part in groups]
    if any((part < 0).any() for part in first) or not np.array_equal(groups[3][second], -first[3]):
        raise InputError("it mixes the images of a batch")
    query, key, allowed, v = first
    pairs = allowed & ((allowed.sum(2, keepdims=True) > 1) | (not weights.softmax))
    if values_only and weights.softmax:
        pairs = np.zeros_like(pairs)
    terms = (weights.sources, query, key, pairs), (sources_of(value), v, allowed)
    units, numbers = _on_planes(*terms) or _listed_terms(*terms)
    whole = np.zeros((len(second), *numbers.shape[1:]), np.int64)
    whole[~second], whole[second] = numbers, -numbers
    left_out = [View(weights.sources, part) for part in (weights.query, weights.key)] if values_only else []
    return View((units,), whole.reshape(*lead, *whole.shape[1:])), left_out if weights.softmax else []


@dataclass(frozen=True)
class _Places:
    """Elements [G, N, E] of one source that are products of a group's channels and places.

    channel: int64 [G, E]; at: int64 [G, N], flat positions on the source's plane.
    """

    source: Units
    channel: np.ndarray
    at: np.ndarray

    def on_channels(self, channels: np.ndarray) -> Units | None:
        """The source with the given channels alone."""
        _, height, width = self.source.grid
        numbers = 1 + channels[:, None] * (height * width) + np.arange(height * width)
        grid = (len(channels), height, width)
        pieces = separable([self.source], numbers.reshape(grid))
        return None if pieces is None else Units(grid, grid, pieces)


def _places(sources, numbers: np.ndarray) -> _Places | None:
    if numbers.min() < 1:
        return None
    starts = starts_of(sources)
    k = int(np.searchsorted(starts, numbers.flat[0] - 1, "right") - 1)
    plane = math.prod(sources[k].grid[1:])
    local = numbers - 1 - starts[k]
    if (local < 0).any() or (local >= sources[k].size).any():
        return None
    channel, at = local[:, 0] // plane, local[:, :, 0] % plane
    if not np.array_equal(local, channel[:, None] * plane + at[:, :, None]):
        return None
    return _Places(sources[k], channel, at)


def _on_planes(products_of, values) -> tuple[Units, np.ndarray] | None:
    """Attention whose queries, keys and values are channels of layers with planes, the same places in every head.

    Returns the output on the queries' plane, its channels those of the values, and its element numbers [G, T, D].
    """
    (sources, q, k, pairs), (value_sources, v, allowed) = products_of, values
    query, key, value = _places(sources, q), _places(sources, k), _places(value_sources, v)
    if query is None or key is None or value is None:
        return None
    # Heads that share their values or keys (grouped queries) differ in the others.
    channels_of = np.hstack([value.channel, key.channel, query.channel])
    heads, head = np.unique(channels_of, axis=0, return_inverse=True)
    head = head.ravel()
    if len(np.unique(head[:, None] * math.prod(query.source.grid[1:]) + query.at)) < query.at.size:
        return None
    first_group = [int(np.flatnonzero(head == h)[0]) for h in range(len(heads))]
    (_, height, width), depth = query.source.grid, v.shape[2]
    channel = head[:, None] * depth + np.arange(depth)
    numbers = 1 + channel[:, None] * (height * width) + query.at[:, :, None]
    pieces: list[Piece] = []
    # who attends to whom, group by group, the same in every head; keys and queries per run of a head's channels
    for part, mask, mixed in ((value, allowed, 1), (key, pairs, depth), (query, pairs, depth)):
        if not mask.any():
            continue
        if mixed > 1 and part.channel.shape[1] != depth:
            return None
        channels = part.channel[first_group]
        if not np.array_equal(channels[head], part.channel):
            return None
        own = part.on_channels(channels.ravel())
        if own is None or any(piece.mixed > 1 for piece in own.pieces):
            return None
        if any(piece.channel % mixed or piece.channels % mixed for piece in own.pieces):
            return None
        relations = []
        for h in range(len(heads)):
            group, target, token = np.nonzero(mask[head == h])
            at = part.at[head == h][group, target if part is query else token]
            relation = np.stack([at, query.at[head == h][group, target]])
            relations.append(relation[:, np.lexsort(relation)])
        if any(not np.array_equal(relation, relations[0]) for relation in relations):
            return None
        for y, x in products(*relations[0], part.source.grid[2], width):
            grid = (own.grid[0], height, width)
            pieces += [replace(piece, mixed=mixed) for piece in pool(own, y, x, grid, grid).pieces]
    grid = (len(heads) * depth, height, width)
    return Units(grid, grid, tuple(pieces)), numbers


def _listed_terms(products_of, values) -> tuple[Units, np.ndarray]:
    """The same element by element, for what has no such form."""
    (sources, query, key, pairs), (value_sources, v, allowed) = products_of, values
    count, depth = (len(v), allowed.shape[1], v.shape[2]), v.shape[2]
    elements = np.arange(math.prod(count)).reshape(count)
    if (2 * query.shape[2] * pairs.sum() + allowed.sum()) * depth > LISTED:
        raise InputError("there is no rule for a product of matrices as large as this, without a grid")
    g, t, s = np.nonzero(allowed)
    pieces = _one_by_one(value_sources, v[g, s], elements[g, t])
    g, t, s = np.nonzero(pairs)
    for factor in (key[g, s], query[g, t]):  # each channel of the output has all of them
        pieces += _one_by_one(sources, *np.broadcast_arrays(factor[:, None], elements[g, t][:, :, None]))
    grid = (elements.size, 1, 1)
    return Units(grid, grid, pieces), 1 + elements


def _one_by_one(sources, numbers: np.ndarray, elements: np.ndarray) -> tuple[Scatter, ...]:
    return listed(sources, numbers.ravel(), elements.ravel(), (), ()).pieces
