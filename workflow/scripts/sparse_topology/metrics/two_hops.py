"""Pairs of nodes at two steps of each other, counted by classes of positions.

Every convolution applies one kernel everywhere, so how two units of given channels are joined over a third depends on
where they are only through the kernel offsets on the way. Position pairs with the same offsets form a class, and one
matrix product over the channels serves the whole class: two-hop neighbourhoods and common neighbours of 10^8-edge
graphs in a second, exactly. Channels that groups or slices keep apart are left out: pairs of channels are sorted by the
steps that may join them, and each sort has its own classes, of these steps alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

import numpy as np

from sparse_topology.graphs.layered import KernelBlock, LayeredGraph
from sparse_topology.metrics.position_classes import AxisClasses, Table, axis_classes, table_of

MAX_ELEMENTS = 1 << 24  # of the products held at a time: 64 MB in float32


@dataclass(frozen=True)
class Step:
    """A kernel block walked from one end (near) to the other (far), along its edges or against them.

    kernel: float32 [A, B, groups, far channels of a group, near channels of a group], 0 or 1; near_channel,
    far_channel: where the groups start; y, x: [n, 3] near position, offset, far position.
    """

    near: int
    far: int
    near_channel: int
    far_channel: int
    kernel: np.ndarray
    y: np.ndarray
    x: np.ndarray

    def reverse(self) -> Step:
        kernel = self.kernel.swapaxes(3, 4)
        return Step(self.far, self.near, self.far_channel, self.near_channel, kernel, self.y[:, ::-1], self.x[:, ::-1])


def forward_steps(graph: LayeredGraph) -> list[Step]:
    """The kernel blocks that have edges, from source to target; what differs by its channels alone is one step.

    So do keys and values of an attention, and the blocks of a convolution behind a shuffling of the channels.
    """
    alike = {}
    for k, block in enumerate(graph.blocks):
        if isinstance(block, KernelBlock) and block.edge_count:
            offsets = block.mask.shape[2:]
            key = (
                (block.source, block.target, offsets, block.y.tobytes(), block.x.tobytes()) if block.groups == 1 else k
            )
            alike.setdefault(key, []).append(block)
    return [_forward_step(blocks) for blocks in alike.values()]


def _forward_step(blocks: list[KernelBlock]) -> Step:
    """One block, or several without groups."""
    block = blocks[0]
    out, per_group, *offsets = block.mask.shape
    if len(blocks) == 1:
        grouped = block.mask.reshape(block.groups, out // block.groups, per_group, *offsets)
        kernel = np.ascontiguousarray(grouped.transpose(3, 4, 0, 1, 2), np.float32)
        return Step(block.source, block.target, block.source_channel, block.target_channel, kernel, block.y, block.x)
    near, far = min(b.source_channel for b in blocks), min(b.target_channel for b in blocks)
    channels = (
        max(b.target_channel + b.mask.shape[0] for b in blocks) - far,
        max(b.source_channel + b.mask.shape[1] for b in blocks) - near,
    )
    kernel = np.zeros((*offsets, 1, *channels), np.float32)
    for b in blocks:
        rows = slice(b.target_channel - far, b.target_channel - far + b.mask.shape[0])
        columns = slice(b.source_channel - near, b.source_channel - near + b.mask.shape[1])
        kernel[:, :, 0, rows, columns] += b.mask.transpose(2, 3, 0, 1)
    return Step(block.source, block.target, near, far, kernel, block.y, block.x)


@dataclass(frozen=True)
class Term:
    """One step, or a route of two, that joins channels of layer s (near) with channels of layer t (far).

    tables: which positions it joins along y and x; tiles: int64 [n, 6], the rectangles of channels that may be joined:
    group of the first and of the last step, first and number of middle channels (0, 1 if there are none), first far and
    first near channel; shape: number of far and near channels of each.
    """

    steps: tuple[Step, ...]
    tables: tuple[Table, Table]
    tiles: np.ndarray
    shape: tuple[int, int]

    @property
    def offsets(self) -> tuple[int, int]:
        """Number of offsets, or of pairs of them, along y and x."""
        return len(self.tables[0].used), len(self.tables[1].used)

    @property
    def width(self) -> int:
        """Largest number of near channels that a far channel may be joined with."""
        return int(np.bincount(self.tiles[:, 4]).max()) * self.shape[1]


@dataclass(frozen=True)
class LayerPair:
    """The terms that join layer s with layer t, and the classes of their position pairs.

    s_shape, t_shape: channels, height, width; terms: routes first, then single steps.
    """

    s_shape: tuple[int, int, int]
    t_shape: tuple[int, int, int]
    terms: list[Term]
    known: dict = field(default_factory=dict)

    def axes(self, live: tuple[int, ...]) -> tuple[AxisClasses, AxisClasses]:
        """The classes along y and along x of the terms with the given indices; computed once."""
        if live not in self.known:
            by_axis = [[self.terms[k].tables[axis] for k in live] for axis in (0, 1)]
            y = axis_classes(by_axis[0], self.s_shape[1], self.t_shape[1])
            same = all(a is b for a, b in zip(*by_axis, strict=True))
            self.known[live] = y, y if same else axis_classes(by_axis[1], self.s_shape[2], self.t_shape[2])
        return self.known[live]


def layer_pair(s_shape, t_shape, routes: list[tuple[Step, Step]], direct: list[Step]) -> LayerPair:
    """What is left of the routes and the steps between two layers without those that join nothing."""
    square = all(shape[1] == shape[2] for shape in (s_shape, t_shape))
    terms = []
    for steps in [*routes, *((step,) for step in direct)]:
        tiles = _tiles_of_step(*steps) if len(steps) == 1 else _tiles_of_route(*steps)
        y = table_of([step.y for step in steps])
        same = square and all(np.array_equal(step.y, step.x) for step in steps)
        x = y if same else table_of([step.x for step in steps])
        if len(tiles) and len(y.near) and len(x.near):
            terms.append(Term(steps, (y, x), tiles, (steps[-1].kernel.shape[3], steps[0].kernel.shape[4])))
    return LayerPair(s_shape, t_shape, terms)


def _tiles_of_step(step: Step) -> np.ndarray:
    group = np.arange(step.kernel.shape[2])
    far, near = step.kernel.shape[3:]
    zero = np.zeros_like(group)
    return np.stack([group, group, zero, zero + 1, step.far_channel + far * group, step.near_channel + near * group], 1)


def _tiles_of_route(first: Step, second: Step) -> np.ndarray:
    """A tile for each two groups with middle channels in common, which are consecutive."""
    sizes = first.kernel.shape[3], second.kernel.shape[4]
    starts = first.far_channel, second.near_channel
    if first.kernel.shape[2] == second.kernel.shape[2] == 1:
        start, stop = max(starts), min(starts[0] + sizes[0], starts[1] + sizes[1])
        tile = 0, 0, start, stop - start, second.far_channel, first.near_channel
        return np.array([tile] if start < stop else [], np.int64).reshape(-1, 6)
    ends = [
        start + size * np.arange(step.kernel.shape[2] + 1)
        for start, size, step in zip(starts, sizes, (first, second), strict=True)
    ]
    cuts = np.unique(np.concatenate(ends))
    cuts = cuts[(cuts >= max(starts)) & (cuts <= min(ends[0][-1], ends[1][-1]))]
    middle = cuts[:-1]
    a, b = ((middle - start) // size for start, size in zip(starts, sizes, strict=True))
    row = second.far_channel + second.kernel.shape[3] * b
    column = first.near_channel + first.kernel.shape[4] * a
    return np.stack([a, b, middle, np.diff(cuts), row, column], 1)


def single_paths(pair: LayerPair) -> int | None:
    """Number of pairs of nodes that are joined, if the only term is a route that joins no pair twice; else None.

    So it is where a depthwise convolution follows or precedes a 1x1 one. The number is that of two-step paths then, a
    product of degrees at the middle channels, summed.
    """
    if len(pair.terms) != 1 or len(pair.terms[0].steps) != 2:
        return None
    [term] = pair.terms
    if term.tiles[:, 3].max() > 1:
        return None
    y, x = pair.axes((0,))
    if y.patterns.sum(1).max() * x.patterns.sum(1).max() > 1:
        return None
    first, second = term.steps
    into = first.kernel.sum(4, dtype=np.float64).reshape(*first.kernel.shape[:2], -1)
    out = second.kernel.sum(3, dtype=np.float64).reshape(*second.kernel.shape[:2], -1)
    start, stop = term.tiles[0, 2], term.tiles[-1, 2:4].sum()
    into = into[..., start - first.far_channel : stop - first.far_channel]
    out = out[..., start - second.near_channel : stop - second.near_channel]
    (a, b), (c, d) = term.tables[0].used.T, term.tables[1].used.T
    through = np.einsum("abm,cdm->acbd", into, out)[a[:, None], b[:, None], c, d]
    return int(y.multiplicity @ y.patterns @ through.astype(np.int64) @ (x.multiplicity @ x.patterns))


@dataclass(frozen=True)
class PairClass:
    """Node pairs ((c, y, x) in layer s, (d, y', x') in layer t) whose positions are joined in the same way.

    routes: float32 [K, .., ..], number of two-step routes for K classes along x and pairs of channels, below 2^24;
    direct: the same for the steps from s to t themselves, 0 or 1, or None if there is none;
    near, far: int64, the channels c and d, which broadcast to the last two axes;
    most: int, which no number of routes exceeds; multiplicity: int64 [K], number of position pairs in the class;
    y, x: the classes along the axes; row: index of this one along y.
    """

    routes: np.ndarray
    direct: np.ndarray | None
    near: np.ndarray
    far: np.ndarray
    most: int
    multiplicity: np.ndarray
    y: AxisClasses
    x: AxisClasses
    row: int


def pair_classes(pair: LayerPair) -> Iterator[PairClass]:
    """Yield the classes of pairs of nodes of two layers; each pair is in one at most.

    routes = sum over (ky, kx) of n_y n_x second[k] @ first[k], for a run of channels of t at a time.
    """
    terms, near_channels, far_channels = pair.terms, pair.s_shape[0], pair.t_shape[0]
    if not terms:
        return
    whole = tuple(k for k, term in enumerate(terms) if term.shape == (far_channels, near_channels))
    classes = len(pair.axes(whole)[1].patterns) if whole else 1
    per_row = sum(term.width * prod(term.offsets) for term in terms)
    per_row += near_channels * (classes + len(terms) - len(whole))
    step = max(1, MAX_ELEMENTS // per_row)
    for start in range(0, far_channels, step):
        rows = slice(start, min(start + step, far_channels))
        entries = [_entries(term, rows, near_channels, far_channels) for term in terms]
        for live, cell in _cells(entries, (rows.stop - rows.start) * near_channels):
            y, x = pair.axes(live)
            if cell is None:
                near, far = np.arange(near_channels)[None], np.arange(rows.start, rows.stop)[:, None]
                yield from _classes([entries[k].values for k in live], [terms[k] for k in live], near, far, y, x)
                continue
            piece = max(1, MAX_ELEMENTS // len(x.patterns))
            for flat in (cell[begin : begin + piece] for begin in range(0, len(cell), piece)):
                far, near = np.divmod(flat[None], near_channels)
                values = [entries[k].at(flat) for k in live]
                yield from _classes(values, [terms[k] for k in live], near, far + rows.start, y, x)


@dataclass(frozen=True)
class Entries:
    """What a term adds for a run of channels of t: values float32 [offsets along y, along x, n].

    place: int32 [run * channels of s], the index in `values` of each pair of channels or -1; None: all, in order.
    """

    values: np.ndarray
    place: np.ndarray | None

    def at(self, flat: np.ndarray) -> np.ndarray:
        return self.values[:, :, flat if self.place is None else self.place[flat]]


def _entries(term: Term, rows: slice, near_channels: int, far_channels: int) -> Entries:
    """Sum over the middle channels, for each pair of offsets and each pair of channels that the term may join."""
    far, near = term.shape
    if len(term.tiles) == 1 and near == near_channels and far == far_channels:
        return Entries(_products(term, term.tiles, rows, term.tiles[0, 3]).reshape(*term.offsets, -1), None)
    top = term.tiles[:, 4]
    low, high = np.maximum(rows.start - top, 0), np.minimum(rows.stop - top, far)
    found = np.flatnonzero(low < high)
    keys, index = np.unique(np.stack([low, high, term.tiles[:, 3]], 1)[found], axis=0, return_inverse=True)
    values, flat = [np.empty((*term.offsets, 0), np.float32)], [np.empty(0, np.int64)]
    for k, (start, stop, length) in enumerate(keys):
        tiles = term.tiles[found[index == k]]
        values.append(_products(term, tiles, slice(start, stop), length).reshape(*term.offsets, -1))
        row = tiles[:, 4, None, None] - rows.start + np.arange(start, stop)[:, None]
        flat.append((row * near_channels + tiles[:, 5, None, None] + np.arange(near)).ravel())
    values = np.concatenate(values, 2) if len(values) > 2 else values[-1]
    flat = np.concatenate(flat)
    size = (rows.stop - rows.start) * near_channels
    if len(flat) < size:
        place = np.full(size, -1, np.int32)
        place[flat] = np.arange(len(flat))
        return Entries(values, place)
    in_order = len(term.tiles) == 1 or bool((np.diff(flat) == 1).all())
    return Entries(values if in_order else values[:, :, np.argsort(flat)], None)


def _products(term: Term, tiles: np.ndarray, rows: slice, length: int) -> np.ndarray:
    """float32 [offsets along y, along x, tiles, rows, near channels]; rows: inside each group."""
    y, x = (table.used.T for table in term.tables)
    if len(term.steps) == 1:
        return term.steps[0].kernel[..., rows, :][y[0][:, None], x[0]][:, :, tiles[:, 0]]
    first, second = term.steps
    near = _middle(first.kernel, tiles[:, 0], tiles[:, 2] - first.far_channel, length)
    far = _middle(second.kernel.swapaxes(3, 4)[..., rows], tiles[:, 1], tiles[:, 2] - second.near_channel, length)
    far = far.swapaxes(3, 4)
    product = np.empty((len(y[0]), len(x[0]), len(tiles), *far.shape[3:4], *near.shape[4:]), np.float32)
    multiply = np.multiply if length == 1 else np.matmul
    for k, (a, b) in enumerate(y.T):
        multiply(far[b, x[1]], near[a, x[0]], out=product[k])
    return product


def _middle(kernel: np.ndarray, group: np.ndarray, start: np.ndarray, length: int) -> np.ndarray:
    """[A, B, tiles, length, channels]: of each tile's group, `length` middle channels from `start` (of all groups)."""
    start = start - group * kernel.shape[3]
    if len(group) == 1:
        return kernel[:, :, group[0] : group[0] + 1, start[0] : start[0] + length]
    return kernel[:, :, group[:, None], start[:, None] + np.arange(length)]


def _cells(entries: list[Entries], size: int):
    """Pairs of channels by the terms that may join them: indices of the terms, and int64 flat indices (None: all)."""
    whole = [k for k, entry in enumerate(entries) if entry.place is None]
    part = [k for k in range(len(entries)) if k not in whole]
    if not part:
        yield tuple(whole), None
        return
    code = np.zeros(size, np.int64)
    for begin in range(0, len(part), 32):
        bits = np.zeros(size, np.int64)
        for bit, k in enumerate(part[begin : begin + 32]):
            bits |= (entries[k].place >= 0).astype(np.int64) << bit
        if begin:
            code = np.unique(code, return_inverse=True)[1] << 32
        code |= bits
    for value in np.unique(code):
        cell = np.flatnonzero(code == value)
        live = [*whole, *(k for k in part if entries[k].place[cell[0]] >= 0)]
        if live:
            yield tuple(sorted(live)), cell


def _classes(values, terms: list[Term], near, far, y: AxisClasses, x: AxisClasses) -> Iterator[PairClass]:
    """The classes of some pairs of channels; values: float32 [offsets along y, along x, pairs of channels] by term."""
    shape = len(x.patterns), *np.broadcast_shapes(near.shape, far.shape)
    routes = sum(len(term.steps) == 2 for term in terms)
    starts = [np.cumsum([0, *(term.offsets[axis] for term in terms)]).tolist() for axis in (0, 1)]
    most = int(y.patterns.sum(1).max() * x.patterns.sum(1).max()) * max(int(term.tiles[:, 3].max()) for term in terms)
    for row, pattern in enumerate(y.patterns):
        sums = [
            _along(pattern, x.patterns, values[part], starts[0][part], starts[1][part])
            for part in (slice(routes), slice(routes, len(terms)))
        ]
        found, ones = (np.zeros(shape, np.float32) if part is None else part.reshape(shape) for part in sums)
        multiplicity = y.multiplicity[row] * x.multiplicity
        yield PairClass(found, ones if routes < len(terms) else None, near, far, most, multiplicity, y, x, row)


def _along(pattern, x_patterns, values, y_starts, x_starts) -> np.ndarray | None:
    """float32 [classes along x, n]: the terms' offsets summed as a class along y and each class along x tell."""
    total = None
    for value, y_start, x_start in zip(values, y_starts, x_starts, strict=False):
        y_count = pattern[y_start : y_start + value.shape[0]]
        x_count = x_patterns[:, x_start : x_start + value.shape[1]].astype(np.float32)
        chosen = np.flatnonzero(y_count)
        if len(chosen):
            part = x_count @ sum(np.float32(y_count[k]) * value[k] for k in chosen)
            total = part if total is None else total + part
    return total
