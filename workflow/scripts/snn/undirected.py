"""The undirected graph as neighbour lists, and the two traversals of it, in plain NumPy and Python.

Small graphs are finished here before a compiler or a graph library would have been imported.
"""

import numpy as np


def neighbour_lists(node_count: int, source, target) -> tuple[np.ndarray, np.ndarray]:
    """(first [N + 1], neighbours [2 E]): the neighbours of v are neighbours[first[v]:first[v + 1]]."""
    ends, others = np.concatenate([source, target]), np.concatenate([target, source])
    first = np.zeros(node_count + 1, np.int64)
    np.cumsum(np.bincount(ends, minlength=node_count), out=first[1:])
    return first, others[np.argsort(ends, kind="stable")]


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
            touched = _neighbours_of(level, first, neighbours)
            touched = touched[core[touched] < 0]
            np.subtract.at(degree, touched, 1)
            level = np.unique(touched[degree[touched] <= k])
        left = left[core[left] < 0]
    return core


def _neighbours_of(nodes, first, neighbours):
    """The neighbours of several nodes, one list after the other."""
    start, count = first[nodes], first[nodes + 1] - first[nodes]
    return neighbours[np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - start, count)]


def component_count(node_count: int, source, target) -> int:
    """Number of connected components: every edge hooks the larger root below the smaller, then paths are halved."""
    root = np.arange(node_count)
    while len(source):
        low, high = np.minimum(root[source], root[target]), np.maximum(root[source], root[target])
        apart = low < high
        source, target = source[apart], target[apart]
        np.minimum.at(root, high[apart], low[apart])
        while (root[root] != root).any():
            root = root[root]
    return int((root == np.arange(node_count)).sum())


def cut_counts(first, neighbours) -> tuple[int, int]:
    """Numbers of bridges and of articulation points, by one depth-first search (Tarjan 1974; Hopcroft & Tarjan 1973).

    low[v]: the earliest visited node that v's subtree reaches with one edge back. The tree edge (u, v) is a bridge if
    low[v] > visit[u]; u is an articulation point if low[v] >= visit[u] for a child v, a root if it has two children.
    Takes lists or arrays, the graph simple; runs interpreted or compiled.
    """
    n = len(first) - 1
    visit, low = [0] * n, [0] * n
    parent, position = [-1] * n, [0] * n
    is_cut = [False] * n
    bridges, clock = 0, 0
    for root in range(n):
        if visit[root]:
            continue
        clock += 1
        visit[root] = low[root] = clock
        position[root] = first[root]
        children, u = 0, root
        while u >= 0:
            if position[u] < first[u + 1]:
                v = neighbours[position[u]]
                position[u] += 1
                if not visit[v]:
                    clock += 1
                    visit[v] = low[v] = clock
                    parent[v], position[v] = u, first[v]
                    children += u == root
                    u = v
                elif v != parent[u] and visit[v] < low[u]:
                    low[u] = visit[v]
            else:
                v, u = u, parent[u]
                if u >= 0:
                    low[u] = min(low[u], low[v])
                    bridges += low[v] > visit[u]
                    if u != root and low[v] >= visit[u]:
                        is_cut[u] = True
        is_cut[root] = children > 1
    return bridges, sum(is_cut)
