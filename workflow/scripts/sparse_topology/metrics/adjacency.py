"""Products of a layered graph's weighted adjacency matrix with vectors, block by block, mostly never unrolled."""

from __future__ import annotations

import math

import numpy as np

from sparse_topology.graphs.layered import Block, KernelBlock, Layer, LayeredGraph, block_edges

# A kernel's sparse matrix is faster than the dense one where it has less than this share of its weights; SciPy's import
# is worth that in graphs of many edges only.
SPARSE, MANY = 0.25, 2_000_000


class KernelProduct:
    """W x and W^T x of one kernel block as matrix products over channels and kernel offsets.

    Positions that always feed a kernel offset together (a pooling window) are summed first; then entry (offset,
    target position) reads one such sum, as in a convolution by im2col. The kernel is then a matrix: [groups, out of a
    group, in of a group * offsets] or, if `sparse`, one of SciPy's for all groups, [out, in * offsets].
    """

    def __init__(self, block: KernelBlock, source: Layer, target: Layer, dtype, sparse: bool = False):
        out, per_group, height, width = block.mask.shape
        weight = block.weight.reshape(block.groups, out // block.groups, -1)
        self.matrix = block_diagonal(weight, dtype) if sparse else weight.astype(dtype)
        self.transposed = self.matrix.T if sparse else self.matrix.swapaxes(1, 2)
        self.row_shape = self.matrix.shape[:-1]
        self.entry_shape = self.matrix.shape[:-2] + self.matrix.shape[-1:]
        self.source_channels = slice(block.source_channel, block.source_channel + block.groups * per_group)
        self.target_channels = slice(block.target_channel, block.target_channel + out)
        self.y, self.x = Axis(block.y, source.height, dtype), Axis(block.x, source.width, dtype)
        self.column_shape = block.groups * per_group, height, width, target.height, target.width
        rows, columns = self.y.reads(height, target.height), self.x.reads(width, target.width)
        self.reads = [
            ((slice(None), a, b, *pick(y, x)), (slice(None), *pick(window_y, window_x)))
            for a, (window_y, y, _) in enumerate(rows)
            for b, (window_x, x, _) in enumerate(columns)
        ]
        self.unread = [(slice(None), a, slice(None), missing) for a, (_, _, missing) in enumerate(rows) if len(missing)]
        self.unread += [
            (slice(None), slice(None), b, slice(None), missing)
            for b, (_, _, missing) in enumerate(columns)
            if len(missing)
        ]
        self.repeats = any(len(np.unique(window)) < len(window) for window, _, _ in rows + columns)

    def forward(self, x: np.ndarray, result: np.ndarray, workspace: Workspace) -> None:
        """Add W x to `result`. x: [C, H, W, k] of the source layer, result: [C', H', W', k] of the target layer."""
        pooled = self.x.sum_windows(self.y.sum_windows(x[self.source_channels], 1), 2)
        columns = workspace.array((*self.column_shape, x.shape[3]), x.dtype)
        for missing in self.unread:
            columns[missing] = 0
        for entry, window in self.reads:
            columns[entry] = pooled[window]
        product = self.matrix @ columns.reshape(*self.entry_shape, -1)
        result[self.target_channels] += product.reshape(-1, *result.shape[1:])

    def backward(self, x: np.ndarray, result: np.ndarray, workspace: Workspace) -> None:
        """Add W^T x to `result`. x: [C', H', W', k] of the target layer, result: [C, H, W, k] of the source layer."""
        columns = self.transposed @ x[self.target_channels].reshape(*self.row_shape, -1)
        columns = columns.reshape(*self.column_shape, x.shape[3])
        plain = self.y.is_plain and self.x.is_plain
        into = result[self.source_channels]
        pooled = into if plain else np.zeros((len(into), self.y.count, self.x.count, x.shape[3]), x.dtype)
        for entry, window in self.reads:
            if self.repeats:
                np.add.at(pooled, window, columns[entry])
            else:
                pooled[window] += columns[entry]
        if not plain:
            into += self.y.spread_windows(self.x.spread_windows(pooled, 2), 1)


def block_diagonal(weight: np.ndarray, dtype):
    """The groups' matrices [groups, m, n] as blocks of one csr_array [groups * m, groups * n]."""
    from scipy import sparse

    groups, rows, columns = weight.shape
    group, row, column = np.nonzero(weight)
    first = np.zeros(groups * rows + 1, np.int32)
    np.cumsum(np.bincount(group * rows + row, minlength=groups * rows), out=first[1:])
    entries = weight[group, row, column].astype(dtype), (group * columns + column).astype(np.int32), first
    return sparse.csr_array(entries, (groups * rows, groups * columns))


class Workspace:
    """One array that all products write their columns to: fresh memory costs more than the arithmetic."""

    def __init__(self):
        self.memory = np.empty(0, np.uint8)

    def array(self, shape, dtype) -> np.ndarray:
        size = math.prod(shape) * dtype.itemsize
        if size > len(self.memory):
            self.memory = np.empty(size, np.uint8)
        return self.memory[:size].view(dtype).reshape(shape)


class Axis:
    """One axis table in terms of windows: sets of source positions that feed a kernel offset together.

    windows: [count, positions], 0 or 1; table: rows (offset, target, window).
    """

    def __init__(self, table: np.ndarray, positions: int, dtype):
        groups: dict[tuple[int, int], list[int]] = {}
        for source, offset, target in table.tolist():
            groups.setdefault((offset, target), []).append(source)
        windows = sorted({tuple(sorted(sources)) for sources in groups.values()})
        number = {window: k for k, window in enumerate(windows)}
        self.table = sorted((*key, number[tuple(sorted(sources))]) for key, sources in groups.items())
        self.count = len(windows)
        self.windows = np.zeros((len(windows), positions), dtype)
        for k, window in enumerate(windows):
            self.windows[k, list(window)] = 1
        self.is_plain = np.array_equal(self.windows, np.eye(positions))

    def reads(self, offsets: int, targets: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For every offset: the windows read, the targets that read them, the targets that read none."""
        result = []
        for offset in range(offsets):
            pairs = np.array([row[1:] for row in self.table if row[0] == offset], np.intp).reshape(-1, 2)
            result.append((pairs[:, 1], pairs[:, 0], np.setdiff1d(np.arange(targets), pairs[:, 0])))
        return result

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
    step = int(index[1] - index[0]) if len(index) > 1 else 1
    even = step > 0 and np.array_equal(index, np.arange(index[0], index[-1] + 1, step))
    return slice(int(index[0]), int(index[-1]) + 1, step) if even else None


class EdgeProduct:
    """W x and W^T x of one block's explicit edges, as a scipy.sparse matrix."""

    def __init__(self, block: Block, layers: list[Layer], dtype):
        from scipy import sparse

        source, target = layers[block.source], layers[block.target]
        pieces = list(block_edges(block, layers, 1 << 22))
        tails, heads, weight = (np.concatenate(part) for part in zip(*pieces, strict=True))
        ends = heads - np.int32(target.offset), tails - np.int32(source.offset)
        self.matrix = sparse.csr_array((weight.astype(dtype), ends), (target.size, source.size))

    def forward(self, x: np.ndarray, result: np.ndarray, workspace: Workspace) -> None:
        result += (self.matrix @ x.reshape(-1, x.shape[3])).reshape(result.shape)

    def backward(self, x: np.ndarray, result: np.ndarray, workspace: Workspace) -> None:
        result += (self.matrix.T @ x.reshape(-1, x.shape[3])).reshape(result.shape)


class Nodes:
    """The units of some layers, one layer after the other, as the rows of vectors [size, k]."""

    def __init__(self, layers: list[Layer], chosen):
        self.layers, self.start, self.size = layers, {}, 0
        for k in chosen:
            self.start[k] = self.size
            self.size += layers[k].size

    def view(self, x: np.ndarray, k: int) -> np.ndarray:
        """Layer k's rows of x, [C, H, W, k]."""
        layer, start = self.layers[k], self.start[k]
        return x[start : start + layer.size].reshape(layer.channels, layer.height, layer.width, -1)


class Adjacency:
    """The symmetric weighted adjacency matrix of a layered graph, as products with [N, k] vectors of one dtype.

    explicit: whether sparse kernels become sparse matrices, which pays for many products.
    """

    def __init__(self, graph: LayeredGraph, dtype, explicit: bool = True):
        self.dtype, self.layers, self.workspace = dtype, graph.layers, Workspace()
        self.all = self.nodes(range(len(graph.layers)))
        many = explicit and graph.edge_count > MANY
        self.products = [
            (block.source, block.target, self._product(block, many)) for block in graph.blocks if block.edge_count
        ]

    def nodes(self, chosen) -> Nodes:
        return Nodes(self.layers, chosen)

    def _product(self, block, many: bool):
        if not isinstance(block, KernelBlock):
            return EdgeProduct(block, self.layers, self.dtype)
        sparse = many and block.mask.mean() < SPARSE
        return KernelProduct(block, self.layers[block.source], self.layers[block.target], self.dtype, sparse)

    def apply(self, x: np.ndarray, near: Nodes | None = None, far: Nodes | None = None) -> np.ndarray:
        """The rows `far` and columns `near` of A, all unless given, times x: [near.size, k] -> [far.size, k]."""
        near, far = near or self.all, far or self.all
        result = np.zeros((far.size, x.shape[1]), x.dtype)
        for source, target, product in self.products:
            if source in near.start and target in far.start:
                product.forward(near.view(x, source), far.view(result, target), self.workspace)
            if target in near.start and source in far.start:
                product.backward(near.view(x, target), far.view(result, source), self.workspace)
        return result
