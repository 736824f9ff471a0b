"""Tensors whose elements were moved, as the layers that read them see them: images, or rows of features.

A permutation or a window partition puts channels and places, and sometimes the images of a batch, into other axes.
Until a layer reads such a tensor it is a list of element numbers (`View`). A convolution then sees a batch of images,
and a linear layer rows: whatever comes before the last axis, in any order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sparse_topology.graphs.node_map import (
    BATCH,
    Piece,
    Units,
    gather,
    listed,
    separable,
    starts_of,
)
from sparse_topology.job import InputError

PIECES = 64  # more pieces than this, and a list of edges is the simpler form


@dataclass(frozen=True)
class View:
    """A tensor whose elements are elements of other tensors, or constants.

    numbers: int64 [the whole shape, the batch on any axis]: 1, 2, ... over the elements of all sources, negative in the
    second image, 0 for a constant.
    """

    sources: tuple[Units, ...]
    numbers: np.ndarray

    @property
    def whole(self) -> tuple[int, ...]:
        return self.numbers.shape

    @property
    def shape(self) -> tuple[int, ...]:
        return self.numbers.shape[1:]

    @cached_property
    def layers(self) -> set[int]:
        used = np.unique(np.abs(self.numbers))
        k = np.unique(np.searchsorted(starts_of(self.sources), used[used > 0] - 1, "right") - 1)
        return set().union(*(self.sources[source].layers for source in k))


Tensor = Units | View


def numbers_of(tensor: Tensor) -> np.ndarray:
    """Element numbers of the whole tensor, those of its sources: int64 [whole]."""
    if isinstance(tensor, View):
        return tensor.numbers
    numbers = np.arange(1, 1 + tensor.size).reshape(tensor.shape)
    return np.stack([numbers, -numbers])


def sources_of(tensor: Tensor) -> tuple[Units, ...]:
    return tensor.sources if isinstance(tensor, View) else (tensor,)


def renumbered(tensor: Tensor, sources: list[Units]) -> np.ndarray:
    """Element numbers of the whole tensor over a longer list of sources, to which its own are added in place."""
    own, numbers = sources_of(tensor), numbers_of(tensor)
    for source in own:
        if not any(source is known for known in sources):
            sources.append(source)
    place = [next(k for k, known in enumerate(sources) if known is source) for source in own]
    shift = starts_of(sources)[place] - starts_of(own)[:-1]
    if not shift.any():
        return numbers
    size = np.abs(numbers)
    k = np.searchsorted(starts_of(own), size - 1, "right") - 1
    return np.where(size > 0, np.sign(numbers) * (size + shift[np.maximum(k, 0)]), 0)


def moved(sources: list[Units], numbers: np.ndarray) -> Tensor:
    """The tensor of the given element numbers: on a grid if it is a batch of images, channels first, that has one."""
    if numbers.shape[:1] == (BATCH,) and (numbers[0] >= 0).all() and np.array_equal(numbers[1], -numbers[0]):
        units = gather(sources, numbers, lists=False)
        if units is not None and (units.grid[:1] == units.shape[:1] or units.pieces is sources[0].pieces):
            return units
    return View(tuple(sources), numbers.astype(np.int64))


def broadcast(tensor: Tensor, whole: tuple[int, ...]) -> Tensor:
    if tensor.whole == whole:
        return tensor
    return View(sources_of(tensor), np.broadcast_to(numbers_of(tensor), whole))


def batched(tensor: Tensor) -> Units:
    """The tensor as a batch of images, the batch on its first axis."""
    return tensor if isinstance(tensor, Units) else gather(list(tensor.sources), tensor.numbers)


@dataclass(frozen=True)
class Rows:
    """A tensor as rows of features, its last axis.

    first: int64 [R, F], the first image's numbers. second: bool [all rows], which rows are of the second image; place:
    int64 [all rows], the row's place among its image's. axes: what comes before the last axis, without the batch.
    """

    sources: tuple[Units, ...]
    first: np.ndarray
    second: np.ndarray
    place: np.ndarray
    axes: tuple[int, ...]
    lead: tuple[int, ...]

    def back(self, units: Units, at: np.ndarray) -> View:
        """The tensor whose row r has the channels of `units` at the flat position at[r] of its plane."""
        channels, height, width = units.grid
        numbers = 1 + np.arange(channels) * (height * width) + at[self.place][:, None]
        return View((units,), np.where(self.second[:, None], -numbers, numbers).reshape(*self.lead, channels))


def rows_of(tensor: Tensor) -> Rows:
    numbers = numbers_of(tensor)
    lead, flat = numbers.shape[:-1], numbers.reshape(-1, numbers.shape[-1])
    axis, axes = batch_axis(numbers), (len(flat) // BATCH,)
    if axis is None:  # the batch is part of another axis: outermost, innermost, or the rows tell themselves
        number = np.arange(len(flat))
        orders = number >= len(flat) // BATCH, number % BATCH > 0, (flat < 0).any(1)
        second = next((order for order in orders if _is_split(flat, order)), orders[0])
    else:
        second = np.broadcast_to(np.expand_dims(np.arange(BATCH) > 0, [*range(1, len(lead) - axis)]), lead).ravel()
        axes = lead[:axis] + lead[axis + 1 :]
    if not _is_split(flat, second):
        raise InputError("it mixes the images of a batch")
    first = flat[~second]
    place = np.where(second, np.cumsum(second), np.cumsum(~second)) - 1
    return Rows(sources_of(tensor), first, second, place, axes, lead)


def _is_split(rows: np.ndarray, second: np.ndarray) -> bool:
    return (rows[~second] >= 0).all() and np.array_equal(rows[second], -rows[~second])


def batch_axis(numbers: np.ndarray) -> int | None:
    """The axis, not the last, along which the two images lie; None if they share one with something else."""
    for axis, size in enumerate(numbers.shape[:-1]):
        if size == BATCH:
            first, second = np.moveaxis(numbers, axis, 0)
            if (first >= 0).all() and np.array_equal(second, -first):
                return axis
    return None


def on_plane(tensors: list[Rows]) -> tuple[list[Units], np.ndarray]:
    """Tensors with as many rows each, on one common plane: grids (F, height, width), and each row's flat position.

    The plane is that of a source whose positions the rows permute, otherwise that of the tensor's own axes.
    """
    count = len(tensors[0].first)
    found = [plane for rows in tensors if (plane := _permuted(rows)) is not None]
    found += [(rows.axes, np.arange(count)) for rows in tensors if len(rows.axes) == 2]
    found.append(((1, count), np.arange(count)))
    for plane, at in found:
        order = np.argsort(at)
        parts = [_in_parts(rows.sources, rows.first[order].T.reshape(-1, *plane)) for rows in tensors]
        if all(pieces is not None for pieces in parts):
            grids = [(rows.first.shape[1], *plane) for rows in tensors]
            return [Units(grid, grid, pieces) for grid, pieces in zip(grids, parts, strict=True)], at
    units = []
    for rows in tensors:
        numbers, grid = rows.first.T.ravel(), (rows.first.shape[1], 1, count)
        units.append(listed(rows.sources, numbers, np.arange(len(numbers)), grid, grid))
    return units, np.arange(count)


def _permuted(rows: Rows):
    """The plane (height, width) of a source that the rows go through in some order, and the position of each row."""
    numbers = rows.first[:, 0] - 1
    if numbers.min(initial=0) < 0:
        return None
    starts = starts_of(rows.sources)
    k = np.searchsorted(starts, numbers, "right") - 1
    plane = rows.sources[k[0]].grid[1:]
    at = (numbers - starts[k[0]]) % math.prod(plane)
    if (k != k[0]).any() or math.prod(plane) != len(at) or not np.array_equal(np.sort(at), np.arange(len(at))):
        return None
    return plane, at


def _in_parts(sources, numbers: np.ndarray) -> tuple[Piece, ...] | None:
    """Pieces of a tensor [F, height, width] that is on the grid in parts.

    The parts are runs of channels that read the same positions (of concatenated channels), and of a run what comes from
    one row of a source's plane (a class token before the patches shifts them out of their rows).
    """
    pieces = separable(sources, numbers)
    if pieces is not None:
        return pieces
    starts = starts_of(sources)
    k = np.maximum(np.searchsorted(starts, numbers - 1, "right") - 1, 0)
    height, width = np.array([source.grid[1:] for source in sources]).T
    local = numbers - 1 - starts[k]
    position = np.where(numbers > 0, local % (height * width)[k], -1)
    row = np.where(numbers > 0, k * (1 + height.max()) + position // width[k], -1)
    ends = np.flatnonzero((np.diff(position, axis=0) != 0).any((1, 2)) | (np.diff(k, axis=0) != 0).any((1, 2)))
    if len(ends) >= PIECES:
        return None
    found: list[Piece] = []
    for run in np.split(np.arange(len(numbers)), ends + 1):
        part = np.zeros_like(numbers)
        part[run] = numbers[run]
        pieces = separable(sources, part)
        if pieces is None:
            names = np.unique(row[run])
            if len(names) > PIECES:
                return None
            parts = [separable(sources, np.where(row == name, part, 0)) for name in names[names >= 0]]
            if any(one is None for one in parts):
                return None
            pieces = sum(parts, ())
        found += pieces
        if len(found) > PIECES:
            return None
    return tuple(found)


def aligned(left: Tensor, right: Tensor):
    """Two tensors of one shape, element by element on one grid, and what puts a tensor on that grid back in place."""
    if isinstance(left, Units) and isinstance(right, Units):
        return left, right, lambda units: units
    if _same_order(left, right):
        return left.sources[0], right.sources[0], lambda units: View((units,), left.numbers)
    natural = None
    if left.whole[0] == BATCH:
        natural = batched(left), batched(right)
        if _on_one_grid(*natural):
            return *natural, lambda units: units
    rows = rows_of(left), rows_of(right)
    same = all(np.array_equal(getattr(rows[0], name), getattr(rows[1], name)) for name in ("second", "place"))
    if same:
        units, at = on_plane(list(rows))
        if natural is None or _on_one_grid(*units):
            return *units, lambda result: rows[0].back(result, at)
    if natural is None:
        raise InputError("its operands hold the images of a batch in different orders")
    return *natural, lambda units: units


def _on_one_grid(left: Units, right: Units) -> bool:
    return left.grid == right.grid and all(isinstance(piece, Piece) for piece in left.pieces + right.pieces)


def _same_order(left: Tensor, right: Tensor) -> bool:
    """Whether two views hold all elements of one source each, in the same order on the same grid."""
    if not (isinstance(left, View) and isinstance(right, View)) or len(left.sources) + len(right.sources) != 2:
        return False
    size = left.sources[0].size
    return (
        left.sources[0].grid == right.sources[0].grid
        and left.numbers.size == BATCH * size
        and np.array_equal(left.numbers, right.numbers)
        and np.array_equal(np.sort(left.numbers, axis=None), np.r_[-size:0, 1 : size + 1])
    )
