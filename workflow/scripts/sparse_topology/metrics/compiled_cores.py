"""Neighbour lists of a layered graph, generated from masks and axis tables instead of stored, and k-core on them.

The neighbours of a node are listed in O(degree); the arrays are about as large as the masks. Compiled with numba, whose
import a small graph need not pay for (`metrics.traversal.coreness` walks over explicit neighbour lists).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from sparse_topology.graphs.layered import EdgeBlock, LayeredGraph
from sparse_topology.metrics.degrees import degrees


class Links(NamedTuple):
    """Nodes are renumbered, position by position, all channels of a position in a row: neighbours are then neighbours
    in memory. A *step* is a block seen from one of its ends, the near layer; its node (place, channel) has neighbours

        far[k] + row_shift[i] + column_shift[j]

    for all rows i of its y, columns j of its x, and list items k of (channel, row_offset[i], column_offset[j]).
    offset [L + 1]: first node of each layer; steps [L + 1]: its first step. shape [S, 6]: width of the near plane,
    channels of a position, first channel and number of channels that the step has, kernel offsets along y and x.
    rows, columns, lists: where the entries of each position (each channel and pair of offsets) begin, those of step s
    from rows_at[s] (...) on.
    """

    offset: np.ndarray
    steps: np.ndarray
    shape: np.ndarray
    rows_at: np.ndarray
    rows: np.ndarray
    row_offset: np.ndarray
    row_shift: np.ndarray
    columns_at: np.ndarray
    columns: np.ndarray
    column_offset: np.ndarray
    column_shift: np.ndarray
    lists_at: np.ndarray
    lists: np.ndarray
    far: np.ndarray


def linked(graph: LayeredGraph) -> tuple[Links, np.ndarray, np.ndarray]:
    """(links, degree, order): the graph in new numbers, its undirected degrees int64 [N], the node of each number."""
    order = np.concatenate([la.offset + np.arange(la.size).reshape(la.channels, -1).T.ravel() for la in graph.layers])
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    seen = [(block.source, block, True) for block in graph.blocks] + [(b.target, b, False) for b in graph.blocks]
    seen.sort(key=lambda entry: entry[0])
    parts = [
        edge_step(graph.layers, block, forward, number)
        if isinstance(block, EdgeBlock)
        else kernel_step(graph.layers, block, forward)
        for _, block, forward in seen
    ]
    links = Links(
        np.array([layer.offset for layer in graph.layers] + [graph.node_count]),
        np.searchsorted([near for near, _, _ in seen], np.arange(len(graph.layers) + 1)),
        np.array([part[0] for part in parts], np.int64).reshape(-1, 6),
        *runs([part[1] for part in parts], 2),
        *runs([part[2] for part in parts], 2),
        *runs([part[3] for part in parts], 1),
    )
    return links, np.add(*degrees(graph))[order], order


def kernel_step(layers, block, forward: bool):
    """(shape, rows, columns, lists) of a kernel block from its source (forward) or its target."""
    near, far = (layers[k] for k in ((block.source, block.target) if forward else (block.target, block.source)))
    groups, (out, per_group, height, width) = block.groups, block.mask.shape
    mask = block.mask.reshape(groups, out // groups, per_group, height, width)
    mask = np.moveaxis(mask, 1, -1) if forward else np.moveaxis(mask, 2, -1)  # far channels last, so in list order
    channels, first, far_first = groups * mask.shape[1], block.source_channel, block.target_channel
    if not forward:
        first, far_first = far_first, first
    mask = np.ascontiguousarray(mask).reshape(groups, -1, mask.shape[-1])
    group, _, far_channel = np.nonzero(mask)
    far_channel += group * mask.shape[-1] + (far.offset + far_first)
    here, there = (0, 2) if forward else (2, 0)
    return (
        (near.width, near.channels, first, channels, height, width),
        by_key(block.y[:, here], near.height, block.y[:, 1], block.y[:, there] * (far.width * far.channels)),
        by_key(block.x[:, here], near.width, block.x[:, 1], block.x[:, there] * far.channels),
        (np.count_nonzero(mask, axis=-1).ravel(), far_channel.astype(np.int32)),
    )


def edge_step(layers, block, forward: bool, number):
    """The same of an edge block: every node is a channel of a plane of one position."""
    near = layers[block.source if forward else block.target]
    here, there = (block.tails, block.heads) if forward else (block.heads, block.tails)
    one = np.ones(1, np.int64), np.zeros(1, np.int32), np.zeros(1, np.int32)
    return (1, near.size, 0, near.size, 1, 1), one, one, by_key(number[here] - near.offset, near.size, number[there])


def by_key(keys, size: int, *columns):
    """(number of entries of each key, int64 [size], *columns, int32): the entries sorted by their key."""
    order = np.argsort(keys, kind="stable")
    return np.bincount(keys, minlength=size), *(column[order].astype(np.int32) for column in columns)


def runs(parts, columns: int):
    """(at [S], first, *columns): parts (number of entries of each key, columns) one after the other."""
    counts = [part[0] for part in parts]
    first = np.zeros(sum(map(len, counts)) + 1, np.int64)
    np.cumsum(np.concatenate([*counts, np.zeros(0, np.int64)]), out=first[1:])
    values = [np.concatenate([*(part[1 + k] for part in parts), np.zeros(0, np.int32)]) for k in range(columns)]
    return np.cumsum([0, *map(len, counts)])[:-1], first, *values


@njit(cache=True)
def list_neighbours(links, node, buffer):
    """Write the neighbours of `node` into `buffer`, uint32 [largest degree], and return how many there are.

    Unsigned, since an index that may be negative is checked each time.
    """
    layer = np.searchsorted(links.offset, node, side="right") - 1
    local = node - links.offset[layer]
    count = 0
    for step in range(links.steps[layer], links.steps[layer + 1]):
        width, per_place, first, channels, offsets_y, offsets_x = links.shape[step]
        place = local // per_place
        channel = local - place * per_place - first
        if channel < 0 or channel >= channels:
            continue
        y = place // width
        row = links.rows_at[step] + y
        column = links.columns_at[step] + place - y * width
        for i in range(links.rows[row], links.rows[row + 1]):
            start = links.lists_at[step] + (channel * offsets_y + links.row_offset[i]) * offsets_x
            for j in range(links.columns[column], links.columns[column + 1]):
                shift = links.row_shift[i] + links.column_shift[j]
                entry = start + links.column_offset[j]
                for k in range(links.lists[entry], links.lists[entry + 1]):
                    buffer[count] = links.far[k] + shift
                    count += 1
    return count


@njit(cache=True)
def peel(links, degree, left):
    """Coreness of every node, int32 [N]: nodes of degree k or less are taken away until none is left, for k = 0, 1, ...

    degree: int64 [N], the undirected degrees; left: a copy of them in a signed type, of which the smallest is the
    quickest. What is taken away has a negative number there, and its neighbours go on subtracting from it: asking which
    of them are still there costs more than it spares.
    """
    core = np.zeros(len(degree), np.int32)
    alive = np.flatnonzero(degree > 0).astype(np.int32)
    buffer = np.empty(degree.max() + 1, np.uint32)
    stack = np.empty(len(degree), np.int32)
    k = 0
    while len(alive):
        k = max(k + 1, left[alive].min())
        height = 0
        for node in alive:
            if left[node] <= k:
                stack[height] = node
                height += 1
                left[node] = -1
        while height:
            height -= 1
            node = stack[height]
            core[node] = k
            for other in buffer[: list_neighbours(links, node, buffer)]:
                left[other] -= 1
                if left[other] == k:
                    stack[height] = other
                    height += 1
                    left[other] = -1
        alive = alive[left[alive] > k]
    return core


def coreness(graph: LayeredGraph) -> np.ndarray:
    """Coreness of every node, int32 [N]."""
    links, degree, order = linked(graph)
    core = np.empty(len(degree), np.int32)
    core[order] = peel(links, degree, degree.astype(np.int16 if degree.max(initial=0) < 1 << 15 else np.int32))
    return core
