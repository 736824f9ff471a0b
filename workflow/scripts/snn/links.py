"""Neighbour lists of a layered graph, generated from masks and axis tables instead of stored, and walks over them.

The neighbours of a node are listed in O(degree); the arrays are about as large as the masks. Compiled with numba, whose
import a small graph need not pay for (`snn.undirected` has the same walks over explicit neighbour lists).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from snn import undirected
from snn.degrees import degrees
from snn.graph import EdgeBlock, LayeredGraph


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
        np.array([part[0] for part in parts]).reshape(-1, 6),
        *runs([part[1] for part in parts], 2),
        *runs([part[2] for part in parts], 2),
        *runs([part[3] for part in parts], 1),
    )
    return links, np.add(*degrees(graph))[order], order


def kernel_step(layers, block, forward: bool):
    """(shape, rows, columns, lists) of a kernel block from its source (forward) or its target."""
    near, far = (layers[k] for k in ((block.source, block.target) if forward else (block.target, block.source)))
    out, per_group, height, width = block.mask.shape
    o, i, a, b = np.nonzero(block.mask)
    source_channel = (o * block.groups // out) * per_group + i
    ends = (source_channel, block.source_channel), (o, block.target_channel)
    (channel, first), (far_channel, far_first) = ends if forward else ends[::-1]
    channels = block.groups * per_group if forward else out
    entries = (channel * height + a) * width + b
    here, there = (0, 2) if forward else (2, 0)
    return (
        (near.width, near.channels, first, channels, height, width),
        (near.height, block.y[:, here], block.y[:, 1], block.y[:, there] * (far.width * far.channels)),
        (near.width, block.x[:, here], block.x[:, 1], block.x[:, there] * far.channels),
        (channels * height * width, entries, far.offset + far_first + far_channel),
    )


def edge_step(layers, block, forward: bool, number):
    """The same of an edge block: every node is a channel of a plane of one position."""
    near = layers[block.source if forward else block.target]
    here, there = (block.tails, block.heads) if forward else (block.heads, block.tails)
    one = 1, np.zeros(1, int), np.zeros(1, int), np.zeros(1, int)
    return (1, near.size, 0, near.size, 1, 1), one, one, (near.size, number[here] - near.offset, number[there])


def runs(parts, columns: int):
    """(at [S], first, *columns): parts (number of keys, key of each entry, columns) one after the other, by key."""
    order = [np.argsort(keys, kind="stable") for _, keys, *_ in parts]
    counts = [np.bincount(keys, minlength=size) for size, keys, *_ in parts]
    sizes = [size for size, *_ in parts]
    first = np.zeros(sum(sizes) + 1, np.int64)
    np.cumsum(np.concatenate([*counts, np.zeros(0, np.int64)]), out=first[1:])
    values = [
        np.concatenate([part[2 + k][rank] for part, rank in zip(parts, order, strict=True)] or [[]]).astype(np.int32)
        for k in range(columns)
    ]
    return np.cumsum([0, *sizes])[:-1], first, *values


@njit(cache=True)
def list_neighbours(links, node, buffer):
    """Write the neighbours of `node` into `buffer`, [largest degree], and return how many there are."""
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
def peel(links, degree):
    """Coreness of every node, int64 [N]: nodes of degree k or less are taken away until none is left, for k = 0, 1, ...

    degree: int64 [N], the undirected degrees.
    """
    core, left = degree.copy(), degree.astype(np.int32)
    alive = np.flatnonzero(degree > 0)
    buffer = np.empty(degree.max() + 1, np.int32)
    stack = np.empty(len(degree), np.int64)
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
                if left[other] > k:
                    left[other] -= 1
                    if left[other] == k:
                        stack[height] = other
                        height += 1
                        left[other] = -1
        alive = alive[left[alive] > k]
    return core


@njit(cache=True)
def scan(links, node, taken, parent, reached, count, buffer):
    """Make all unreached neighbours of `node` its children and append them to `reached`; how many it then holds."""
    for other in buffer[: list_neighbours(links, node, buffer)]:
        if parent[other] == -2 and taken[other] != node and taken[node] != other:
            parent[other] = node
            reached[count] = other
            count += 1
    return count


@njit(cache=True)
def forest(links, degree, taken):
    """(parent [N], number of trees) of a scan-first spanning forest that uses no edge of the forest `taken`.

    parent: -1 at roots, -2 before a node is reached. taken: the parents of another forest, or all -1. A node without
    edges left is a tree. Scanning a node makes all its unreached neighbours its children; in which order reached nodes
    are scanned is free. Chance spreads the scans over all layers; when few nodes are left, each asks for the scan of a
    neighbour that is reached. In dense graphs every node is reached after a few of the edges, and the search ends.
    """
    size = len(degree)
    left = degree.copy()
    for node in range(size):
        if taken[node] >= 0:
            left[node] -= 1
            left[taken[node]] -= 1
    parent = np.where(left > 0, -2, -1)
    trees = np.count_nonzero(parent == -1)
    unreached, few = size - trees, size // 50
    buffer, around = np.empty(degree.max() + 1, np.int32), np.empty(degree.max() + 1, np.int32)
    reached = np.empty(size, np.int64)
    chance = 1
    for root in range(size):
        if parent[root] != -2:
            continue
        parent[root] = -1
        trees += 1
        unreached -= 1
        reached[0], count = root, 1
        while count and unreached:
            chance = (1103515245 * chance + 12345) % 2147483648
            pick = (chance >> 8) % count
            node, count = reached[pick], count - 1
            reached[pick] = reached[count]
            before = count
            count = scan(links, node, taken, parent, reached, count, buffer)
            if unreached > few >= unreached - (count - before):
                for asking in range(size):
                    if parent[asking] == -2:
                        for other in around[: list_neighbours(links, asking, around)]:
                            if parent[other] != -2 and taken[asking] != other and taken[other] != asking:
                                count = scan(links, other, taken, parent, reached, count, buffer)
                                break
            unreached -= count - before
    return parent, trees


compiled_cut_counts = njit(cache=True)(undirected.cut_counts)


def coreness(graph: LayeredGraph) -> np.ndarray:
    """Coreness of every node, int64 [N]."""
    links, degree, order = linked(graph)
    core = np.empty_like(degree)
    core[order] = peel(links, degree)
    return core


def component_count(graph: LayeredGraph) -> int:
    """Number of connected components, isolated nodes included."""
    links, degree, _ = linked(graph)
    return forest(links, degree, np.full(len(degree), -1))[1]


def cut_counts(graph: LayeredGraph) -> tuple[int, int]:
    """Numbers of bridges and articulation points, found in two forests instead of the whole graph.

    F1, a scan-first forest, and F2, a forest of the other edges, keep every connection up to two-fold (Cheriyan, Kao &
    Thurimella 1993): F1 + F2 has fewer than 2 N edges and the same bridges, articulation points and components.
    """
    links, degree, _ = linked(graph)
    nodes = np.arange(len(degree))
    first, _ = forest(links, degree, np.full(len(degree), -1))
    second, _ = forest(links, degree, first)
    source, target = (
        np.concatenate([ends[parent >= 0] for parent, ends in ((first, of_first), (second, of_second))])
        for of_first, of_second in ((nodes, nodes), (first, second))
    )
    return compiled_cut_counts(*undirected.neighbour_lists(len(degree), source, target))
