"""Pairs of nodes at two steps of each other, counted by classes of positions.

Every convolution applies one kernel everywhere, so how two units of given channels are joined over a third depends on
where they are only through the kernel offsets on the way. Position pairs with the same offsets form a class, and one
matrix product over the channels serves the whole class: two-hop neighbourhoods and common neighbours of 10^8-edge
graphs in a second, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sparse_topology.graphs.layered import KernelBlock, LayeredGraph

MAX_ELEMENTS = 1 << 24  # of the products held at a time: 64 MB in float32


@dataclass(frozen=True)
class Step:
    """A kernel block walked from one end (near) to the other (far), along its edges or against them.

    kernel: float32 [A, B, far channels, near channels], 0 or 1; y, x: [n, 3] near position, offset, far position.
    """

    near: int
    far: int
    kernel: np.ndarray
    y: np.ndarray
    x: np.ndarray

    def reverse(self) -> Step:
        return Step(self.far, self.near, self.kernel.swapaxes(2, 3), self.y[:, ::-1], self.x[:, ::-1])


def forward_step(graph: LayeredGraph, block: KernelBlock) -> Step:
    """The block as a step from source to target, its kernel spread over all channels of both layers."""
    out, per_group, height, width = block.mask.shape
    channels = graph.layers[block.target].channels, graph.layers[block.source].channels
    kernel = np.zeros((height, width, *channels), np.float32)
    rows = out // block.groups
    for group in range(block.groups):
        to = slice(block.target_channel + group * rows, block.target_channel + (group + 1) * rows)
        first = block.source_channel + group * per_group
        part = block.mask[group * rows : (group + 1) * rows]
        kernel[:, :, to, first : first + per_group] = part.transpose(2, 3, 0, 1)
    return Step(block.source, block.target, kernel, block.y, block.x)


@dataclass(frozen=True)
class PairClass:
    """All node pairs ((c, y, x) in layer s, (d, y', x') in layer t) whose positions are joined in the same way.

    routes: float32 [Y, D', C], number of two-step routes for Y classes along x, a run of D' channels of t, all of s;
    direct: the same for the steps from s to t themselves, 0 or 1, or None if there is none;
    multiplicity: int64 [Y], number of position pairs in the class.
    row, rows: index of the class along y and the range of channels of t.
    """

    row: int
    rows: slice
    routes: np.ndarray
    direct: np.ndarray | None
    multiplicity: np.ndarray


def pair_classes(s_shape, t_shape, routes: list[tuple[Step, Step]], direct: list[Step]) -> Iterator[PairClass]:
    """Yield the classes of pairs between two layers of shape (channels, height, width)."""
    y, x = axis_classes_of(s_shape, t_shape, routes, direct)
    yield from classes_of(s_shape[0], t_shape[0], routes, direct, y, x)


def axis_classes_of(s_shape, t_shape, routes, direct):
    """The AxisClasses along y and along x."""
    return (
        axis_classes(
            [join(getattr(first, axis), getattr(second, axis), second.kernel.shape[k]) for first, second in routes]
            + [getattr(step, axis) for step in direct],
            [first.kernel.shape[k] * second.kernel.shape[k] for first, second in routes]
            + [step.kernel.shape[k] for step in direct],
            s_shape[1 + k],
            t_shape[1 + k],
        )
        for k, axis in enumerate("yx")
    )


def join(first: np.ndarray, second: np.ndarray, offsets: int) -> np.ndarray:
    """Rows (p, a, m) of one table and (m, b, q) of another become rows (p, a * offsets + b, q)."""
    second = second[np.argsort(second[:, 0], kind="stable")]
    start, stop = (np.searchsorted(second[:, 0], first[:, 2], side) for side in ("left", "right"))
    count = stop - start
    left = np.repeat(first, count, 0)
    right = second[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - start, count)]
    return np.stack([left[:, 0], left[:, 1] * offsets + right[:, 1], right[:, 2]], 1)


@dataclass(frozen=True)
class AxisClasses:
    """Position pairs of one axis, grouped by the offsets that join them.

    patterns: int64 [K, offsets of all tables], how often each offset joins the pair; multiplicity: int64 [K];
    near, far: int64 [K, positions], how many pairs of the class start (end) at each position;
    same: int64 [K], how many pairs join a position with itself.
    """

    patterns: np.ndarray
    multiplicity: np.ndarray
    near: np.ndarray
    far: np.ndarray
    same: np.ndarray


def axis_classes(tables, offsets, near_size: int, far_size: int) -> AxisClasses:
    first_offset = np.cumsum([0, *offsets])
    shifts = np.array([0, 1, 0]) * first_offset[:-1, None]
    rows = np.concatenate([table + shift for table, shift in zip(tables, shifts, strict=True)])
    pairs, index = np.unique(rows[:, 0] * far_size + rows[:, 2], return_inverse=True)
    joined = np.zeros((len(pairs), first_offset[-1]), np.int64)
    np.add.at(joined, (index, rows[:, 1]), 1)
    patterns, index = np.unique(joined, axis=0, return_inverse=True)
    near, far = np.divmod(pairs, far_size)

    def count(positions, size, chosen=slice(None)):
        flat = np.bincount((index * size + positions)[chosen], minlength=len(patterns) * size)
        return flat.reshape(len(patterns), size)

    return AxisClasses(
        patterns,
        np.bincount(index, minlength=len(patterns)),
        count(near, near_size),
        count(far, far_size),
        np.bincount(index[near == far], minlength=len(patterns)),
    )


def classes_of(s_channels, t_channels, routes, direct, y: AxisClasses, x: AxisClasses) -> Iterator[PairClass]:
    """Sum the channel products of every class: routes = sum over (ky, kx) of n_y n_x second[k] @ first[k]."""
    per_row = sum(
        first.kernel.shape[0] * second.kernel.shape[0] * first.kernel.shape[1] * second.kernel.shape[1]
        for first, second in routes
    ) + len(x.patterns)
    step = max(1, MAX_ELEMENTS // (s_channels * max(1, per_row)))
    for start in range(0, t_channels, step):
        rows = slice(start, min(start + step, t_channels))
        products = [_products(first, second, rows) for first, second in routes]
        masks = [step.kernel[:, :, rows].reshape(*step.kernel.shape[:2], -1) for step in direct]
        shape = len(x.patterns), rows.stop - rows.start, s_channels
        for k, pattern in enumerate(y.patterns):
            total = _along(pattern, x.patterns, products, 0, 0) if routes else np.zeros(shape, np.float32)
            begin = [sum(product.shape[axis] for product in products) for axis in (0, 1)]
            ones = _along(pattern, x.patterns, masks, *begin).reshape(shape) if direct else None
            yield PairClass(k, rows, total.reshape(shape), ones, y.multiplicity[k] * x.multiplicity)


def _products(first: Step, second: Step, rows: slice) -> np.ndarray:
    """float32 [offsets along y, along x, D' * C]: for each pair of offsets, sum over the middle channels."""
    far = np.ascontiguousarray(second.kernel[:, :, rows])[None, :, None, :]
    near = np.ascontiguousarray(first.kernel)[:, None, :, None]
    product = far @ near
    (a, b, c, d), channels = product.shape[:4], product.shape[4:]
    return product.reshape(a * b, c * d, channels[0] * channels[1])


def _along(pattern, x_patterns, terms, y_start: int, x_start: int) -> np.ndarray:
    """float32 [classes along x, D' * C]: the terms' offsets summed as a class along y and each class along x tell."""
    total = np.zeros((len(x_patterns), terms[0].shape[2]), np.float32)
    for term in terms:
        y_count = pattern[y_start : y_start + term.shape[0]]
        x_count = x_patterns[:, x_start : x_start + term.shape[1]].astype(np.float32)
        y_start, x_start = y_start + term.shape[0], x_start + term.shape[1]
        chosen = np.flatnonzero(y_count)
        if len(chosen):
            total += x_count @ sum(np.float32(y_count[k]) * term[k] for k in chosen)
    return total
