"""Components and cuts of a graph with millions of nodes, compiled: forests are grown over generated neighbour lists.

A scan-first forest (Cheriyan, Kao & Thurimella 1993) takes marked nodes in any order and hangs all unmarked neighbours
below them. One has a tree for every component. Together with a second one, of the edges that the first left out, it
has the biconnected components of the whole graph, so that cuts are found among 2 N edges, whatever the graph holds.
"""

import numpy as np
from numba import njit

from sparse_topology.graphs.layered import LayeredGraph
from sparse_topology.metrics.compiled_cores import Links, linked, list_neighbours

FEW = 10  # once all but one in so many nodes are marked, the others look for a marked neighbour instead


def component_count(graph: LayeredGraph) -> int:
    """Number of connected components, isolated nodes included."""
    return count_roots(scan_first_forest(*links_of(graph), np.empty(0, np.int32)))


def cut_counts(graph: LayeredGraph) -> tuple[int, int]:
    """Numbers of bridges and of articulation points."""
    links, most = links_of(graph)
    first = scan_first_forest(links, most, np.empty(0, np.int32))
    second = scan_first_forest(links, most, first)
    return low_links(*union(first, second))


def links_of(graph: LayeredGraph) -> tuple[Links, int]:
    """The neighbour lists and the length of the longest."""
    links, degree, _ = linked(graph)
    return links, int(degree.max(initial=0))


@njit(cache=True)
def count_roots(parent) -> int:
    count = 0
    for node in range(len(parent)):
        count += parent[node] == node
    return count


@njit(cache=True)
def scan_first_forest(links, most, other, few=FEW):
    """Parent of every node, its own number at roots, int32 [N], in a scan-first forest of the edges not in `other`.

    most: the largest degree; other: parents in another forest, or an empty array; few: as FEW.
    """
    count = links.offset[-1]
    parent = np.full(count, -1, np.int32)
    stack, buffer = np.empty(count, np.int32), np.empty(most, np.uint32)
    height, left, root, searched = 0, count, 0, False
    while left:
        if not height:
            while parent[root] >= 0:
                root += 1
            parent[root] = stack[0] = root
            height, left = 1, left - 1
        height -= 1
        node = stack[height]
        for near in buffer[: list_neighbours(links, node, buffer)]:
            if parent[near] < 0 and not joined(other, node, near):
                parent[near] = node
                stack[height] = near
                height, left = height + 1, left - 1
        if not searched and height and left <= count // few:
            searched = True
            height, left = search(links, other, parent, stack, buffer, left)
    return parent


@njit(cache=True)
def search(links, other, parent, stack, buffer, left):
    """Hang unmarked nodes below their first marked neighbour, in rounds while these mark every second of them.

    A round is what scanning all marked nodes in the order of their numbers would do. Returns the number of nodes that
    the last round marked, which are written to `stack`, and how many are left unmarked.
    """
    unmarked = np.flatnonzero(parent < 0).astype(np.int32)
    while True:
        for node in unmarked:
            best, degree = -1, 0
            for near in buffer[: list_neighbours(links, node, buffer)]:
                if joined(other, node, near):
                    continue
                degree += 1
                if parent[near] >= 0 and (best < 0 or near < best):
                    best = near
            if best >= 0:
                parent[node] = -2 - best  # marked for the next round only
            elif not degree:
                parent[node] = node
                left -= 1
        height = 0
        for node in unmarked:
            if parent[node] < -1:
                parent[node] = -2 - parent[node]
                stack[height] = node
                height += 1
        left -= height
        if not left or 2 * height < len(unmarked):
            return height, left
        unmarked = unmarked[parent[unmarked] < 0]


@njit(cache=True, inline="always")
def joined(parent, a, b):
    """Whether a forest, if it is not the empty one, has the edge (a, b)."""
    return len(parent) > 0 and (parent[a] == b or parent[b] == a)


@njit(cache=True)
def union(one, two):
    """(first int64 [N + 1], neighbours int32): the edges of two forests without a common one, as neighbour lists."""
    count = len(one)
    first = np.zeros(count + 1, np.int64)
    for parent in (one, two):
        for node in range(count):
            if parent[node] != node:
                first[node] += 1
                first[parent[node]] += 1
    first = np.cumsum(first)
    neighbours = np.empty(first[-1], np.int32)
    for parent in (one, two):
        for node in range(count):
            above = parent[node]
            if above != node:
                first[node] -= 1
                neighbours[first[node]] = above
                first[above] -= 1
                neighbours[first[above]] = node
    return first, neighbours


@njit(cache=True)
def low_links(first, neighbours):
    """Numbers of bridges and of articulation points of a simple graph (Hopcroft & Tarjan 1973), without recursion.

    number: of a node in the order of the depth-first search; low: the smallest that an edge from its subtree reaches.
    """
    count = len(first) - 1
    number, low, path = np.zeros(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    place, cut = first[:-1].copy(), np.zeros(count, np.bool_)
    bridges = found = 0
    for root in range(count):
        if number[root]:
            continue
        found += 1
        number[root] = low[root] = found
        path[0], depth, children = root, 1, 0
        while depth:
            node = path[depth - 1]
            if place[node] < first[node + 1]:
                near = neighbours[place[node]]
                place[node] += 1
                if not number[near]:
                    found += 1
                    number[near] = low[near] = found
                    path[depth] = near
                    depth += 1
                elif depth < 2 or near != path[depth - 2]:
                    low[node] = min(low[node], number[near])
                continue
            depth -= 1
            if depth:
                above = path[depth - 1]
                low[above] = min(low[above], low[node])
                bridges += low[node] > number[above]
                if depth == 1:
                    children += 1
                elif low[node] >= number[above]:
                    cut[above] = True
        cut[root] = children > 1
    return bridges, cut.sum()
