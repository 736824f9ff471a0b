"""Products of a layered graph's weighted adjacency matrix with vectors, block by block, mostly never unrolled."""

from __future__ import annotations

import math

import numpy as np

from sparse_topology.graphs.layered import Block, KernelBlock, Layer, LayeredGraph, block_edges

# Products without a kernel's zeros are faster where it has less than this share of its weights; they are worth the
# import of numba where the dense kernels would multiply so often.
SPARSE, MANY = 0.3, 150_000_000
# Vectors of so many entries leave the cache and are multiplied one by one, shorter ones together.
LONG = 2_000_000


class DenseKernel:
    """The weights [groups, m, n] of a kernel as one matrix W of each group."""

    def __init__(self, weight: np.ndarray, dtype):
        self.weight = weight.astype(dtype)

    def add_product(self, columns: np.ndarray, result: np.ndarray) -> None:
        """result += W columns."""
        groups, _, n = self.weight.shape
        result += (self.weight @ columns.reshape(groups, n, -1)).reshape(result.shape)

    def transposed_product(self, values: np.ndarray, result: np.ndarray, add: bool) -> None:
        """result = W^T values, or result += W^T values."""
        groups, m, n = self.weight.shape
        transposed, values = self.weight.swapaxes(1, 2), values.reshape(groups, m, -1)
        if add:
            result += (transposed @ values).reshape(result.shape)
        else:
            np.matmul(transposed, values, out=result.reshape(groups, n, -1))


class KernelProduct:
    """W x and W^T x of one kernel block as matrix products over channels and kernel offsets.

    Positions that always feed a kernel offset together (a pooling window) are summed first; then entry (offset,
    target position) reads one such sum, as in a convolution by im2col. Where there is one offset and every position
    feeds itself, there is nothing to sum or copy.
    kernel: from its weights [groups, out of a group, in of a group * offsets] and the dtype.
    """

    def __init__(self, block: KernelBlock, source: Layer, target: Layer, dtype, kernel=DenseKernel):
        out, per_group, height, width = block.mask.shape
        self.kernel = kernel(block.weight.reshape(block.groups, out // block.groups, -1), dtype)
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
        sizes = ([source.height, target.height], [source.width, target.width])
        self.pointwise = all(
            axis.is_plain and np.array_equal(axis.table, [(0, position, position) for position in range(max(size))])
            for axis, size in zip((self.y, self.x), sizes, strict=True)
        )

    def forward(self, x: np.ndarray, result: np.ndarray, workspace: Workspace) -> None:
        """Add W x to `result`. x: [C, H, W, k] of the source layer, result: [C', H', W', k] of the target layer."""
        into = result[self.target_channels]
        if self.pointwise:
            self.kernel.add_product(x[self.source_channels], into)
            return
        pooled = self.x.sum_windows(self.y.sum_windows(x[self.source_channels], 1), 2)
        columns = workspace.array((*self.column_shape, x.shape[3]), x.dtype)
        for missing in self.unread:
            columns[missing] = 0
        for entry, window in self.reads:
            columns[entry] = pooled[window]
        self.kernel.add_product(columns, into)

    def backward(self, x: np.ndarray, result: np.ndarray, workspace: Workspace) -> None:
        """Add W^T x to `result`. x: [C', H', W', k] of the target layer, result: [C, H, W, k] of the source layer."""
        into, values = result[self.source_channels], x[self.target_channels]
        if self.pointwise:
            self.kernel.transposed_product(values, into, add=True)
            return
        columns = workspace.array((*self.column_shape, x.shape[3]), x.dtype)
        self.kernel.transposed_product(values, columns, add=False)
        plain = self.y.is_plain and self.x.is_plain
        pooled = into if plain else np.zeros((len(into), self.y.count, self.x.count, x.shape[3]), x.dtype)
        for entry, window in self.reads:
            if self.repeats:
                np.add.at(pooled, window, columns[entry])
            else:
                pooled[window] += columns[entry]
        if not plain:
            into += self.y.spread_windows(self.x.spread_windows(pooled, 2), 1)


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

    windows: [count, positions], 0 or 1, the unit matrix if no window has two positions (is_plain); table: rows (offset,
    target, window).
    """

    def __init__(self, table: np.ndarray, positions: int, dtype):
        groups: dict[tuple[int, int], list[int]] = {}
        for source, offset, target in table.tolist():
            groups.setdefault((offset, target), []).append(source)
        windows = sorted({tuple(sorted(sources)) for sources in groups.values()})
        self.is_plain = all(len(window) == 1 for window in windows)
        if self.is_plain:
            windows = [(position,) for position in range(positions)]
        number = {window: k for k, window in enumerate(windows)}
        self.table = sorted((*key, number[tuple(sorted(sources))]) for key, sources in groups.items())
        self.count = len(windows)
        self.windows = np.zeros((len(windows), positions), dtype)
        for k, window in enumerate(windows):
            self.windows[k, list(window)] = 1

    def reads(self, offsets: int, targets: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """For every offset: the windows read, the targets that read them, the targets that read none."""
        result = []
        for offset in range(offsets):
            pairs = np.array([row[1:] for row in self.table if row[0] == offset], np.intp).reshape(-1, 2)
            result.append((pairs[:, 1], pairs[:, 0], np.setdiff1d(np.arange(targets), pairs[:, 0])))
        return result

    def sum_windows(self, x: np.ndarray, axis: int) -> np.ndarray:
        return x if self.is_plain else along(self.windows, x, axis)

    def spread_windows(self, x: np.ndarray, axis: int) -> np.ndarray:
        return x if self.is_plain else along(self.windows.T, x, axis)


def along(matrix: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    """matrix [m, n] times x [C, H, W, k] along axis 1 (H = n) or 2 (W = n)."""
    channels, height, width, k = x.shape
    if axis == 1:
        return (matrix @ x.reshape(channels, height, width * k)).reshape(channels, -1, width, k)
    rows = x.reshape(channels * height, width, k)
    product = rows[:, :, 0] @ matrix.T if k == 1 else matrix @ rows  # one large product is faster than many
    return product.reshape(channels, height, -1, k)


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

    explicit: whether the weights of sparse kernels are listed without the zeros, which pays for many products.
    """

    def __init__(self, graph: LayeredGraph, dtype, explicit: bool = True):
        self.dtype, self.layers, self.workspace = dtype, graph.layers, Workspace()
        self.all = self.nodes(range(len(graph.layers)))
        kernel = listed_kernel(graph) if explicit else DenseKernel
        self.products = [
            (block.source, block.target, self._product(block, kernel)) for block in graph.blocks if block.edge_count
        ]

    def nodes(self, chosen) -> Nodes:
        return Nodes(self.layers, chosen)

    def _product(self, block, kernel):
        if not isinstance(block, KernelBlock):
            return EdgeProduct(block, self.layers, self.dtype)
        kernel = kernel if is_sparse(block) else DenseKernel
        return KernelProduct(block, self.layers[block.source], self.layers[block.target], self.dtype, kernel)

    def apply(self, x: np.ndarray, near: Nodes | None = None, far: Nodes | None = None) -> np.ndarray:
        """The rows `far` and columns `near` of A, all unless given, times x: [near.size, k] -> [far.size, k]."""
        near, far = near or self.all, far or self.all
        together = max(1, x.shape[1]) if near.size <= LONG else 1
        result = np.zeros((x.shape[1] // together, far.size, together), x.dtype)
        for k, part in enumerate(result):
            self._add(np.ascontiguousarray(x[:, k * together : (k + 1) * together]), part, near, far)
        return result.swapaxes(0, 1).reshape(far.size, -1)

    def _add(self, x, result, near: Nodes, far: Nodes) -> None:
        for source, target, product in self.products:
            if source in near.start and target in far.start:
                product.forward(near.view(x, source), far.view(result, target), self.workspace)
            if target in near.start and source in far.start:
                product.backward(near.view(x, target), far.view(result, source), self.workspace)


def is_sparse(block: Block) -> bool:
    return isinstance(block, KernelBlock) and block.mask.mean() < SPARSE


def listed_kernel(graph: LayeredGraph):
    """The class of the products with a graph's sparse kernels."""
    plane = [layer.height * layer.width for layer in graph.layers]
    if sum(block.mask.size * plane[block.target] for block in graph.blocks if is_sparse(block)) < MANY:
        return DenseKernel
    from sparse_topology.metrics.compiled_products import SparseKernel

    return SparseKernel
