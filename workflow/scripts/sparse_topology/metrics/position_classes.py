"""Pairs of positions along one axis, in classes by the kernel offsets that join them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """What joins positions of two layers along one axis: one step, or two over a layer between them.

    near, offset, far, often: int64 [n], so often joins the offset a near with a far position; used: int64 [U, number of
    steps], the kernel offset of each step that `offset` stands for. Offsets that join nothing are left out.
    """

    near: np.ndarray
    offset: np.ndarray
    far: np.ndarray
    often: np.ndarray
    used: np.ndarray


def table_of(rows: list[np.ndarray]) -> Table:
    """rows: of the first step, and of the second if there are two: int [n, 3] near position, kernel offset, far one."""
    if len(rows) == 1:
        near, offset, far = rows[0].astype(np.int64).T
        often, offsets = np.ones(len(near), np.int64), 1
    else:
        offsets = int(rows[1][:, 1].max(initial=-1)) + 1
        near, offset, far, often = _join(*rows, offsets)
    used, offset = np.unique(offset, return_inverse=True)
    return Table(near, offset, far, often, np.stack(np.divmod(used, offsets), 1)[:, : len(rows)])


def _join(first: np.ndarray, second: np.ndarray, offsets: int):
    """Rows (p, a, m) of one table and (m, b, q) of another become (p, a * offsets + b, q, how often), int64 [n] each.

    If they are many times more than pairs of positions (attention joins all with all), the middle positions are summed
    up by matrix products; else each row is listed as often as it occurs.
    """
    second = second[np.argsort(second[:, 0], kind="stable")]
    start, stop = (np.searchsorted(second[:, 0], first[:, 2], side) for side in ("left", "right"))
    count = stop - start
    if not count.any():
        return np.zeros((4, 0), np.int64)
    sizes = *(first.max(0) + 1), *(second.max(0) + 1)
    if count.sum() > 4 * sizes[0] * sizes[1] * sizes[4] * sizes[5]:
        middle = max(sizes[2], sizes[3])
        near, far = np.zeros((sizes[1], 1, sizes[0], middle)), np.zeros((sizes[4], middle, sizes[5]))
        np.add.at(near, (first[:, 1], 0, first[:, 0], first[:, 2]), 1)
        np.add.at(far, (second[:, 1], second[:, 0], second[:, 2]), 1)
        often = near @ far
        a, b, p, q = np.nonzero(often)
        return p, a * offsets + b, q, often[a, b, p, q].astype(np.int64)
    left = np.repeat(first.astype(np.int64), count, 0)
    right = second[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - start, count)]
    return left[:, 0], left[:, 1] * offsets + right[:, 1], right[:, 2].astype(np.int64), np.ones(len(left), np.int64)


@dataclass(frozen=True)
class AxisClasses:
    """Position pairs of one axis, grouped by the offsets that join them.

    patterns: int64 [K, offsets of all tables], how often each offset joins the pair; multiplicity: int64 [K];
    near, far: int64 [K, positions], how many pairs of the class start (end) at each position.
    """

    patterns: np.ndarray
    multiplicity: np.ndarray
    near: np.ndarray
    far: np.ndarray


def axis_classes(tables: list[Table], near_size: int, far_size: int) -> AxisClasses:
    """The classes of the pairs of near_size by far_size positions that any of the tables joins."""
    first_offset = np.cumsum([0, *(len(table.used) for table in tables)])
    offset = np.concatenate([table.offset + first for table, first in zip(tables, first_offset[:-1], strict=True)])
    pairs, index = _distinct(
        np.concatenate([table.near * far_size + table.far for table in tables]), near_size * far_size
    )
    joined = np.zeros((len(pairs), first_offset[-1]), np.int64)
    np.add.at(joined, (index, offset), np.concatenate([table.often for table in tables]))
    patterns, index = _distinct_rows(joined)
    near, far = np.divmod(pairs, far_size)

    def count(positions, size):
        flat = np.bincount(index * size + positions, minlength=len(patterns) * size)
        return flat.reshape(len(patterns), size)

    return AxisClasses(
        patterns, np.bincount(index, minlength=len(patterns)), count(near, near_size), count(far, far_size)
    )


def _distinct(values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct values, int64 below `size`, and the index of each one among them; without sorting if they are dense."""
    if size > 16 * len(values):
        return np.unique(values, return_inverse=True)
    present = np.zeros(size, bool)
    present[values] = True
    return np.flatnonzero(present), (np.cumsum(present) - 1)[values]


def _distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows of an int64 matrix and the index of each row among them: by a hash, which is verified."""
    weights = np.cumprod(np.full(rows.shape[1], 0x5851F42D4C957F2D))  # modulo 2^64
    _, first, index = np.unique(rows @ weights, return_index=True, return_inverse=True)
    distinct = rows[first]
    if not np.array_equal(distinct[index], rows):
        return np.unique(rows, axis=0, return_inverse=True)
    return distinct, index
