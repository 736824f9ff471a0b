"""Which nodes the elements of a tensor stand for, as maps that operations compose (paper, section 3.1).

On a grid the map is a product of the channel, y and x axes (`Piece`): a stride, a window or a padding is then a short
table per axis, and a convolution on it is one kernel. Where a reshape breaks the grid, the map is listed element by
element (`Scatter`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sparse_topology.job import InputError

BATCH = 2  # images in a traced batch: with one, `squeeze` would take the batch axis away


@dataclass(frozen=True)
class Piece:
    """Channels [channel, channel + channels) of a tensor stand for as many of a layer's, from source_channel on.

    y, x: int32 [n, 2], pairs (layer position, tensor position); a pair that occurs twice counts twice. Tensor positions
    outside the tensor are the network input's padding ring. mixed: in each run of so many channels, from the first on,
    every one stands for all of the layer's channels that the run has.
    """

    layer: int
    source_channel: int
    channel: int
    channels: int
    y: np.ndarray
    x: np.ndarray
    mixed: int = 1


@dataclass(frozen=True)
class Scatter:
    """Element element[k] (int64 [n], flat) of a tensor stands for node unit[k] (int64 [n, 3]: c, y, x) of a layer."""

    layer: int
    element: np.ndarray
    unit: np.ndarray


@dataclass(frozen=True)
class Units:
    """A symbolic tensor: its shape without the batch axis, and the nodes that its elements stand for.

    grid: (channels, height, width), the same elements in the same order as `shape`. The tensor itself has the batch in
    front, shape `whole`.
    """

    shape: tuple[int, ...]
    grid: tuple[int, int, int]
    pieces: tuple[Piece | Scatter, ...]

    @property
    def whole(self) -> tuple[int, ...]:
        return (BATCH, *self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def layers(self) -> set[int]:
        return {piece.layer for piece in self.pieces}


def diagonal(size: int) -> np.ndarray:
    """The identity map of an axis: int32 [size, 2]."""
    return np.repeat(np.arange(size, dtype=np.int32)[:, None], 2, axis=1)


def whole_layer(layer: int, grid: tuple[int, int, int], shape: tuple[int, ...]) -> Units:
    """The output of a layer: every element stands for one node."""
    return Units(shape, grid, (Piece(layer, 0, 0, grid[0], diagonal(grid[1]), diagonal(grid[2])),))


def is_whole_layer(units: Units) -> bool:
    """Whether the elements are the nodes of one layer, one to one and in order (up to the layer's size)."""
    if len(units.pieces) != 1 or not isinstance(units.pieces[0], Piece):
        return False
    piece, (channels, height, width) = units.pieces[0], units.grid
    return (
        (piece.source_channel, piece.channel, piece.channels, piece.mixed) == (0, 0, channels, 1)
        and np.array_equal(piece.y, diagonal(height))
        and np.array_equal(piece.x, diagonal(width))
    )


def compose(relation: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Join (layer position, tensor position) with a table whose first column is the tensor position.

    Returns rows (layer position, the table's other columns).
    """
    r, k = matches(relation[:, 1], table[:, 0])
    return np.column_stack([relation[r, 0], table[k, 1:]]).astype(np.int32)


def windows(count: int, stride: int, before: int, dilation: int, kernel: int) -> np.ndarray:
    """Rows (input position, kernel offset, output position) of a window sliding along one axis: int32 [n, 3]."""
    u, a = (index.ravel() for index in np.indices((count, kernel)))
    return np.column_stack([u * stride - before + a * dilation, a, u]).astype(np.int32)


def pool(units: Units, y: np.ndarray, x: np.ndarray, grid: tuple[int, int, int], shape: tuple[int, ...]) -> Units:
    """Each new element stands for all nodes of its window. y, x: int32 [n, 2], old and new tensor position."""
    pieces: list[Piece | Scatter] = []
    for piece in units.pieces:
        if isinstance(piece, Piece):
            pieces.append(replace(piece, y=compose(piece.y, y), x=compose(piece.x, x)))
        else:
            channel, row, column = np.unravel_index(piece.element, units.grid)
            k, above, across = meet(row, column, y, x)
            element = np.ravel_multi_index((channel[k], above[:, 1], across[:, 1]), grid)
            pieces.append(Scatter(piece.layer, element, piece.unit[k]))
    return Units(shape, grid, tuple(pieces))


def products(source: np.ndarray, target: np.ndarray, source_width: int, target_width: int):
    """Pairs of flat positions on two planes, as tables (y, x) of (source, target) positions whose products they are."""
    pairs = np.stack([*divmod(source, source_width), *divmod(target, target_width)]).astype(np.int32)
    pairs = pairs[:, np.lexsort(pairs[[1, 3, 0, 2]])]
    y, x = pairs[::2].T, np.ascontiguousarray(pairs[1::2].T)
    groups: dict[bytes, list[int]] = {}
    for part in np.split(np.arange(len(y)), 1 + np.flatnonzero((np.diff(y, axis=0) != 0).any(1))):
        groups.setdefault(x[part].tobytes(), []).append(int(part[0]))
    return [(y[starts], np.frombuffer(key, np.int32).reshape(-1, 2)) for key, starts in groups.items()]


def scattered(units: Units, grid: tuple[int, int, int] | None = None) -> Units:
    """The same map, listed element by element, on another grid of the same size if given."""
    pieces = [_listed(piece, units.grid) if isinstance(piece, Piece) else piece for piece in units.pieces]
    return replace(units, grid=grid or units.grid, pieces=tuple(pieces))


def _listed(piece: Piece, grid: tuple[int, int, int]) -> Scatter:
    y = piece.y[(piece.y[:, 1] >= 0) & (piece.y[:, 1] < grid[1])].astype(np.int64)
    x = piece.x[(piece.x[:, 1] >= 0) & (piece.x[:, 1] < grid[2])].astype(np.int64)
    c, m, i, j = (index.ravel() for index in np.indices((piece.channels, piece.mixed, len(y), len(x))))
    element = np.ravel_multi_index((piece.channel + c, y[i, 1], x[j, 1]), grid)
    own = piece.source_channel + c // piece.mixed * piece.mixed + m
    return Scatter(piece.layer, element, np.column_stack([own, y[i, 0], x[j, 0]]))


def on_grid(units: Units, grid: tuple[int, int, int]) -> Units:
    return units if units.grid == grid else scattered(units, grid)


def meet(row: np.ndarray, column: np.ndarray, y: np.ndarray, x: np.ndarray):
    """For each point k = (row, column): every pair of a y and an x table row that starts there.

    Returns k [n] and the table rows [n, columns of y], [n, columns of x].
    """
    y, x = (table[np.argsort(table[:, 0], kind="stable")].astype(np.int64) for table in (y, x))
    first_y, first_x = np.searchsorted(y[:, 0], row), np.searchsorted(x[:, 0], column)
    count_y = np.searchsorted(y[:, 0], row, "right") - first_y
    count_x = np.searchsorted(x[:, 0], column, "right") - first_x
    k, local = _runs(count_y * count_x)
    return k, y[first_y[k] + local // count_x[k]], x[first_x[k] + local % count_x[k]]


def matches(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (i, j) with left[i] == right[j]."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left)
    i, local = _runs(np.searchsorted(right[order], left, "right") - first)
    return i, order[first[i] + local]


def _runs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For counts (2, 0, 3): which run, 0 0 2 2 2, and the place in it, 0 1 0 1 2."""
    run = np.repeat(np.arange(len(counts)), counts)
    return run, np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)


def gather(sources: list[Units], numbers: np.ndarray, lists: bool = True) -> Units | None:
    """The tensor whose elements are the sources' elements with the given numbers (1, 2, ... over all sources; 0: none).

    numbers: [2, ...], what an operation that only moves elements makes of the sources' numbers in a batch of two
    images; those of the second image are negative. lists: whether to list element by element what has no grid; else
    that is None.
    """
    if len(numbers) != 2 or (numbers[0] < 0).any() or (numbers[1] != -numbers[0]).any():
        raise InputError("it mixes the images of a batch")
    shape, numbers = numbers.shape[1:], numbers[0].astype(np.int64).ravel()
    if len(sources) == 1 and np.array_equal(numbers, np.arange(1, sources[0].size + 1)):
        return replace(sources[0], shape=shape)
    grids = _candidate_grids(shape, sources[0].grid[1:])
    for grid in grids:
        pieces = separable(sources, numbers.reshape(grid))
        if pieces is not None:
            return Units(shape, grid, pieces)
    return listed(sources, numbers, np.arange(len(numbers)), shape, grids[0]) if lists else None


def listed(sources, numbers: np.ndarray, elements: np.ndarray, shape: tuple[int, ...], grid) -> Units:
    """The tensor whose element elements[k] stands for what the sources' element numbers[k] does, for every k."""
    pieces = []
    for source, start in zip(sources, starts_of(sources), strict=False):
        for piece in scattered(source).pieces:
            new, k = matches(numbers - 1 - start, piece.element)
            pieces.append(Scatter(piece.layer, elements[new], piece.unit[k]))
    return Units(shape, grid, tuple(pieces))


def starts_of(sources) -> np.ndarray:
    return np.cumsum([0, *(source.size for source in sources)])


def _candidate_grids(shape: tuple[int, ...], plane: tuple[int, int]) -> list[tuple[int, int, int]]:
    size = math.prod(shape)
    same_plane = [(size // math.prod(plane), *plane)] if size % math.prod(plane) == 0 else []
    if len(shape) < 2:
        return [*same_plane, (size, 1, 1)]
    last = (1, shape[1]) if len(shape) == 2 else shape[-2:]
    return [(size // math.prod(last), *last), *same_plane]


def separable(sources, numbers: np.ndarray) -> tuple[Piece, ...] | None:
    """Pieces of the gathered tensor, if each of its axes is gathered on its own; otherwise None."""
    if any(isinstance(piece, Scatter) for source in sources for piece in source.pieces):
        return None
    used = numbers > 0
    axes = [np.flatnonzero(used.any(others)) for others in ((1, 2), (0, 2), (0, 1))]
    if used.sum() != math.prod(len(axis) for axis in axes):
        return None
    if not used.any():
        return ()
    c, v, u = axes
    numbers = numbers[np.ix_(c, v, u)] - 1
    starts = starts_of(sources)
    grids = np.array([source.grid for source in sources])

    def locate(number):
        k = np.searchsorted(starts, number, "right") - 1
        local, (_, height, width) = number - starts[k], grids[k].T
        return k, local // (height * width), local // width % height, local % width

    k, channel, _, _ = locate(numbers[:, 0, 0])
    row, column = locate(numbers[0, :, 0])[2], locate(numbers[0, 0])[3]
    start, height, width = (per_channel[:, None, None] for per_channel in (starts[k], grids[k, 1], grids[k, 2]))
    if not np.array_equal(numbers, start + (channel[:, None, None] * height + row[:, None]) * width + column):
        return None
    y, x = np.column_stack([row, v]), np.column_stack([column, u])
    pieces = []
    for run in np.split(np.arange(len(c)), 1 + np.flatnonzero(np.diff(k) | (np.diff(channel) - 1) | (np.diff(c) - 1))):
        source, first = sources[k[run[0]]], int(channel[run[0]])
        for piece in source.pieces:
            low, high = max(first, piece.channel), min(first + len(run), piece.channel + piece.channels)
            if low < high and ((low - piece.channel) % piece.mixed or (high - low) % piece.mixed):
                return None
            if low < high:
                pieces.append(
                    Piece(
                        piece.layer,
                        piece.source_channel + low - piece.channel,
                        int(c[run[0]]) + low - first,
                        high - low,
                        _moved(piece.y, y, source.grid[1]),
                        _moved(piece.x, x, source.grid[2]),
                        piece.mixed,
                    )
                )
    return tuple(pieces)


def _moved(relation: np.ndarray, table: np.ndarray, size: int) -> np.ndarray:
    """Compose with a table of moves; an axis that stays as it is keeps its padding ring."""
    return relation if np.array_equal(table, diagonal(size)) else compose(relation, table)
