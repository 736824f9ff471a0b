"""Products of a layered graph's weighted adjacency matrix with vectors, block by block, never unrolled, in float64."""

from __future__ import annotations

import numpy as np

from snn.graph import EdgeBlock, KernelBlock, Layer, LayeredGraph


class KernelProduct:
    """W x and W^T x of one kernel block as matrix products over channels and kernel offsets.

    Positions that always feed a kernel offset together (a pooling window) are summed first; then entry (offset,
    target position) reads one such sum, as in a convolution by im2col.
    """

    def __init__(self, block: KernelBlock, source: Layer, target: Layer):
        out, per_group, self.height, self.width = block.mask.shape
        self.groups, self.per_group = block.groups, per_group
        self.kernel = block.weight.astype(np.float64).reshape(block.groups, out // block.groups, -1)
        self.source_channels = slice(block.source_channel, block.source_channel + block.groups * per_group)
        self.target_channels = slice(block.target_channel, block.target_channel + out)
        self.y, self.x = Axis(block.y, source.height), Axis(block.x, source.width)
        self.target_shape = target.height, target.width

    def forward(self, x: np.ndarray, result: np.ndarray) -> None:
        """Add W x to `result`. x: [C, H, W, k] of the source layer, result: [C', H', W', k] of the target layer."""
        pooled = self.x.sum_windows(self.y.sum_windows(x[self.source_channels], 1), 2)
        columns = np.zeros((len(pooled), self.height, self.width, *self.target_shape, x.shape[3]))
        for a, (window_y, y) in enumerate(self.y.rows(self.height)):
            for b, (window_x, x_) in enumerate(self.x.rows(self.width)):
                columns[(slice(None), a, b, *pick(y, x_))] = pooled[(slice(None), *pick(window_y, window_x))]
        product = self.kernel @ columns.reshape(self.groups, self.kernel.shape[2], -1)
        result[self.target_channels] += product.reshape(-1, *result.shape[1:])

    def backward(self, x: np.ndarray, result: np.ndarray) -> None:
        """Add W^T x to `result`. x: [C', H', W', k] of the target layer, result: [C, H, W, k] of the source layer."""
        values = np.ascontiguousarray(x[self.target_channels]).reshape(self.groups, self.kernel.shape[1], -1)
        columns = (self.kernel.swapaxes(1, 2) @ values).reshape(
            -1, self.height, self.width, *self.target_shape, x.shape[3]
        )
        pooled = np.zeros((len(columns), self.y.window_count, self.x.window_count, x.shape[3]))
        for a, (window_y, y) in enumerate(self.y.rows(self.height)):
            for b, (window_x, x_) in enumerate(self.x.rows(self.width)):
                index = (slice(None), *pick(window_y, window_x))
                part = columns[(slice(None), a, b, *pick(y, x_))]
                if repeats(window_y) or repeats(window_x):
                    np.add.at(pooled, index, part)
                else:
                    pooled[index] += part
        result[self.source_channels] += self.y.spread_windows(self.x.spread_windows(pooled, 2), 1)


class Axis:
    """One axis table as windows of source positions: windows [W, positions], table rows (window, offset, target)."""

    def __init__(self, table: np.ndarray, positions: int):
        groups: dict[tuple[int, int], list[int]] = {}
        for source, offset, target in table.tolist():
            groups.setdefault((offset, target), []).append(source)
        windows = sorted({tuple(sorted(sources)) for sources in groups.values()})
        number = {window: k for k, window in enumerate(windows)}
        self.table = [(offset, target, number[tuple(sorted(sources))]) for (offset, target), sources in groups.items()]
        self.window_count = len(windows)
        self.windows = np.zeros((len(windows), positions))
        for k, window in enumerate(windows):
            self.windows[k, list(window)] = 1
        self.is_plain = np.array_equal(self.windows, np.eye(positions))

    def rows(self, offsets: int):
        """Per offset: which windows feed which targets, as two index arrays."""
        for offset in range(offsets):
            pairs = sorted((target, window) for o, target, window in self.table if o == offset)
            yield np.array([w for _, w in pairs], np.intp), np.array([t for t, _ in pairs], np.intp)

    def sum_windows(self, x: np.ndarray, axis: int) -> np.ndarray:
        return x if self.is_plain else np.moveaxis(np.tensordot(self.windows, x, (1, axis)), 0, axis)

    def spread_windows(self, x: np.ndarray, axis: int) -> np.ndarray:
        return x if self.is_plain else np.moveaxis(np.tensordot(self.windows, x, (0, axis)), 0, axis)


def pick(y: np.ndarray, x: np.ndarray):
    """Index of a rectangle of positions: slices where they are evenly spaced, which NumPy copies much faster."""
    slices = as_slice(y), as_slice(x)
    return slices if None not in slices else np.ix_(y, x)


def as_slice(index: np.ndarray) -> slice | None:
    if len(index) == 0:
        return slice(0, 0)
    if len(index) == 1:
        return slice(int(index[0]), int(index[0]) + 1)
    step = int(index[1] - index[0])
    even = step > 0 and np.array_equal(index, np.arange(index[0], index[0] + step * len(index), step))
    return slice(int(index[0]), int(index[-1]) + 1, step) if even else None


def repeats(index: np.ndarray) -> bool:
    return len(np.unique(index)) < len(index)


class EdgeProduct:
    """W x and W^T x of an explicit edge block."""

    def __init__(self, block: EdgeBlock, source: Layer, target: Layer):
        from scipy import sparse

        ends = block.heads - target.offset, block.tails - source.offset
        self.matrix = sparse.csr_array((block.weight.astype(np.float64), ends), (target.size, source.size))

    def forward(self, x: np.ndarray, result: np.ndarray) -> None:
        result += (self.matrix @ x.reshape(-1, x.shape[3])).reshape(result.shape)

    def backward(self, x: np.ndarray, result: np.ndarray) -> None:
        result += (self.matrix.T @ x.reshape(-1, x.shape[3])).reshape(result.shape)


class Adjacency:
    """The symmetric weighted adjacency matrix of a layered graph, float64, as products with [N, k] vectors."""

    def __init__(self, graph: LayeredGraph):
        self.layers = graph.layers
        self.products = [
            (block.source, block.target, self._product(block)) for block in graph.blocks if block.edge_count
        ]

    def _product(self, block):
        kind = EdgeProduct if isinstance(block, EdgeBlock) else KernelProduct
        return kind(block, self.layers[block.source], self.layers[block.target])

    def apply(self, x: np.ndarray, only: set[int] | None = None) -> np.ndarray:
        """A x for x [N, k]; with `only`, x is taken to be zero outside those layers."""
        result = np.zeros_like(x)
        for source, target, product in self.products:
            if only is None or source in only:
                product.forward(self._view(x, source), self._view(result, target))
            if only is None or target in only:
                product.backward(self._view(x, target), self._view(result, source))
        return result

    def _view(self, x, k):
        layer = self.layers[k]
        return x[layer.offset : layer.offset + layer.size].reshape(layer.channels, layer.height, layer.width, -1)
