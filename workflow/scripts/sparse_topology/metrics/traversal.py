"""The undirected graph as neighbour lists, and what walks over it find, in NumPy alone.

Everything advances a whole frontier, level or set of edges at a time: no loop runs over nodes, nothing is compiled.
"""

import numpy as np


def neighbour_lists(node_count: int, source, target) -> tuple[np.ndarray, np.ndarray]:
    """(first [N + 1], neighbours [2 E]): the neighbours of v are neighbours[first[v]:first[v + 1]]."""
    ends, others = np.concatenate([source, target]), np.concatenate([target, source])
    first = np.zeros(node_count + 1, np.int64)
    np.cumsum(np.bincount(ends, minlength=node_count), out=first[1:])
    return first, others[stable_order(ends)]


def stable_order(keys) -> np.ndarray:
    """argsort of int32 keys >= 0, equal ones in their order: NumPy sorts 16 bits by radix, twice as fast."""
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    return order[np.argsort((keys >> 16).astype(np.uint16)[order], kind="stable")]


def neighbours_of(nodes, first, neighbours) -> tuple[np.ndarray, np.ndarray]:
    """(node, neighbour) pairs of several nodes, one list after the other."""
    start, count = first[nodes], first[nodes + 1] - first[nodes]
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - start, count)
    return np.repeat(nodes, count), neighbours[place]


def coreness(first: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Coreness of every node, int64 [N] (Batagelj & Zaversnik 2003), all nodes of a level peeled at once.

    What falls to degree k or less while the nodes of degree k are taken away has coreness k.
    """
    degree = np.diff(first)
    core = np.full(len(degree), -1)
    k = 0
    left = np.arange(len(degree))
    while len(left):
        k = max(k, int(degree[left].min()))
        level = left[degree[left] <= k]
        while len(level):
            core[level] = k
            _, touched = neighbours_of(level, first, neighbours)
            touched = touched[core[touched] < 0]
            np.subtract.at(degree, touched, 1)
            level = np.unique(touched[degree[touched] <= k])
        left = left[core[left] < 0]
    return core


def component_labels(node_count: int, source, target) -> np.ndarray:
    """The smallest node of every node's component, int32 [N].

    Every edge hooks the larger root below the smaller one, then paths are halved, until no edge joins two roots.
    """
    root = np.arange(node_count, dtype=np.int32)
    while len(source):
        low, high = np.minimum(root[source], root[target]), np.maximum(root[source], root[target])
        apart = low < high
        source, target = low[apart], high[apart]
        np.minimum.at(root, target, source)
        while not np.array_equal(above := root[root], root):
            root = above
    return root


def component_count(node_count: int, source, target) -> int:
    """Number of connected components, isolated nodes included."""
    return int((component_labels(node_count, source, target) == np.arange(node_count)).sum())


def spanning_forest(node_count: int, source, target) -> tuple[np.ndarray, list[np.ndarray]]:
    """(parent int32 [N], -1 at roots; the nodes of every level), breadth first in all components at once.

    The children of a node stand side by side in their level, in the order of their parents.
    """
    first, neighbours = neighbour_lists(node_count, source, target)
    seen = component_labels(node_count, source, target) == np.arange(node_count)
    parent, winner = np.full(node_count, -1, np.int32), np.empty(node_count, np.int32)
    level, levels = np.flatnonzero(seen), []
    while len(level):
        levels.append(level)
        above, below = neighbours_of(level, first, neighbours)
        fresh = ~seen[below]
        above, below = above[fresh], below[fresh]
        winner[below] = np.arange(len(below))  # a node that several reach belongs to the last of them
        chosen = winner[below] == np.arange(len(below))
        level = below[chosen]
        parent[level], seen[level] = above[chosen], True
    return parent, levels


def biconnected(node_count: int, source, target) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(parent, block, bridge), [N] each: a spanning forest, the biconnected component of the edge (parent[v], v) of
    every v that has a parent, by number, and whether that edge is a bridge. Simple graphs only (Tarjan & Vishkin 1985).

    With preorder numbers, low and high are the smallest and largest that an edge outside the forest reaches from a
    subtree. Two forest edges (p, v) and (parent[p], p) are in one block if v's subtree reaches outside p's; (parent[u],
    u) and (parent[w], w) are, for every other edge (u, w): breadth first, no other edge joins a node to an ancestor.
    """
    parent, levels = spanning_forest(node_count, source, target)
    size = np.ones(node_count, np.int64)
    for level in levels[:0:-1]:
        np.add.at(size, parent[level], size[level])
    order = np.zeros(node_count, np.int64)
    order[levels[0]] = np.cumsum(size[levels[0]]) - size[levels[0]]
    for level in levels[1:]:
        above, before = parent[level], np.cumsum(size[level]) - size[level]
        family = np.flatnonzero(np.diff(above, prepend=-1))
        order[level] = order[above] + 1 + before - np.repeat(before[family], np.diff(family, append=len(level)))

    other = (parent[source] != target) & (parent[target] != source)
    source, target = source[other], target[other]
    low, high = order.copy(), order.copy()
    for near, far in ((source, target), (target, source)):
        np.minimum.at(low, near, order[far])
        np.maximum.at(high, near, order[far])
    for level in levels[:0:-1]:
        np.minimum.at(low, parent[level], low[level])
        np.maximum.at(high, parent[level], high[level])
    has_parent = parent >= 0
    bridge = has_parent & (low >= order) & (high < order + size)
    inner = np.flatnonzero(has_parent & (parent[parent] >= 0))
    above = parent[inner]
    leaves = (low[inner] < order[above]) | (high[inner] >= order[above] + size[above])
    joined = inner[leaves], above[leaves]
    block = component_labels(node_count, *(np.concatenate(ends) for ends in zip((source, target), joined, strict=True)))
    return parent, block, bridge


def cut_counts(node_count: int, source, target) -> tuple[int, int]:
    """Numbers of bridges and of articulation points (nodes whose edges are in several biconnected components)."""
    if not node_count:
        return 0, 0
    parent, block, bridge = biconnected(node_count, source, target)
    child = np.flatnonzero(parent >= 0)
    least, most = np.full(node_count, node_count), np.full(node_count, -1)
    for node in (child, parent[child]):
        np.minimum.at(least, node, block[child])
        np.maximum.at(most, node, block[child])
    return int(bridge.sum()), int((most > least).sum())
