"""Components and cuts of a layered graph without its edge list: most nodes are soon known to be connected.

A few edges per node, sampled from the masks, already connect most of the nodes (Sutton, Ben-Nun & Barak 2018, do so for
components). That *core* grows by every node that has enough neighbours in it, counted by one convolution-like product;
then only the edges that leave a core matter, few where the graph is dense. Exact, whatever is sampled.
"""

from dataclasses import replace

import numpy as np

from sparse_topology.graphs.layered import Block, EdgeBlock, KernelBlock, LayeredGraph, all_edges, block_edges
from sparse_topology.metrics import traversal
from sparse_topology.metrics.adjacency import Adjacency
from sparse_topology.metrics.degrees import degrees

FEW = 300_000  # edges that are faster listed than avoided
COMPILED = 2_000_000  # nodes from which on `metrics.compiled_connectivity` takes less time and half of the memory


def component_count(graph: LayeredGraph) -> int:
    """Number of connected components, isolated nodes included."""
    if graph.node_count >= COMPILED:
        from sparse_topology.metrics import compiled_connectivity

        return compiled_connectivity.component_count(graph)
    core, source, target = remaining(graph, 1, component_core)
    # A core that has taken in every neighbour is a whole component; no edge that remains touches one of its nodes.
    alone = np.count_nonzero(core)
    return traversal.component_count(graph.node_count, source, target) - alone + int(core.max(initial=0))


def cut_counts(graph: LayeredGraph) -> tuple[int, int]:
    """Numbers of bridges and of articulation points."""
    if graph.node_count >= COMPILED:
        from sparse_topology.metrics import compiled_connectivity

        return compiled_connectivity.cut_counts(graph)
    core, source, target = remaining(graph, 2, biconnected_core)
    # Three hubs stand for the edges inside each core: joined to one another and to all nodes that edges leave from,
    # they keep these in one biconnected component and are no cut themselves.
    rim = np.unique(np.concatenate([source, target]))
    rim = rim[core[rim] > 0]
    hubs = graph.node_count + 3 * np.arange(core.max(initial=0))
    own = hubs[core[rim] - 1]
    source = np.concatenate([source, own, own + 1, hubs, hubs, hubs + 1])
    target = np.concatenate([target, rim, rim, hubs + 1, hubs + 2, hubs + 2])
    names, ends = np.unique(np.concatenate([source, target]), return_inverse=True)
    return traversal.cut_counts(len(names), *np.split(ends.astype(np.int32), 2))


def remaining(graph: LayeredGraph, needed: int, find_core) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(core [N], source, target): the cores by number from 1 (0: in none), and all edges that are not inside one.

    find_core: (N, source, target) -> bool [N], a connected set; it grows by nodes with `needed` neighbours in it.
    """
    core = np.zeros(graph.node_count, np.int32)
    degree = np.add(*degrees(graph))
    rng = np.random.default_rng(0)
    counts = None
    while degree[core == 0].sum() > 2 * FEW:
        sample = replace(graph, blocks=[sampled(block, graph.layers, rng) for block in graph.blocks])
        source, target, _ = all_edges(sample)
        free = (core[source] == 0) & (core[target] == 0)
        found = find_core(graph.node_count, source[free], target[free])
        if degree[found].sum() <= degree[core == 0].sum() / 20:  # many small parts: their edges are faster listed
            break
        counts = counts or neighbour_counts(graph)
        number = core.max() + 1
        while found.any():
            core[found] = number
            found = (core == 0) & (counts(core == number) >= needed)
    pieces = [outer_edges(block, graph.layers, core) for block in graph.blocks]
    return core, *np.concatenate([np.empty((2, 0), np.int32), *pieces], 1)


def component_core(node_count: int, source, target) -> np.ndarray:
    """The largest connected component, bool [N]; empty if no two nodes are connected."""
    labels = traversal.component_labels(node_count, source, target)
    sizes = np.bincount(labels)
    return (labels == sizes.argmax()) & (sizes.max() > 1)


def biconnected_core(node_count: int, source, target) -> np.ndarray:
    """The nodes of the largest biconnected component, bool [N]; empty if there are only trees."""
    parent, block, bridge = traversal.biconnected(node_count, source, target)
    child = np.flatnonzero((parent >= 0) & ~bridge)
    core = np.zeros(node_count, bool)
    if len(child):
        child = child[block[child] == np.bincount(block[child]).argmax()]
        core[child] = core[parent[child]] = True
    return core


def sampled(block: Block, layers, rng) -> Block:
    """The block with one random entry of the kernel for every channel of either end, or one edge per node."""
    if isinstance(block, EdgeBlock):
        few = min(block.edge_count, layers[block.source].size + layers[block.target].size)
        chosen = rng.choice(block.edge_count, few, replace=False, shuffle=False)
        return replace(block, tails=block.tails[chosen], heads=block.heads[chosen], weight=block.weight[chosen])
    mask = np.zeros_like(block.mask)
    for axis in (0, 1):
        channels, into = np.moveaxis(block.mask, axis, 0), np.moveaxis(mask, axis, 0)
        entries = np.flatnonzero(channels)
        count = channels.sum((1, 2, 3))
        chosen = (np.cumsum(count) - count + rng.random(len(count)) * count).astype(np.intp)[count > 0]
        into[np.unravel_index(entries[chosen], channels.shape)] = True
    return replace(block, mask=mask, y=thinned(block.y, rng), x=thinned(block.x, rng))


def thinned(table: np.ndarray, rng) -> np.ndarray:
    """An axis table with, for every kernel offset, at least one row for each position of either end.

    Tables of convolutions hardly have more; those of attention have every pair of positions.
    """
    ends = len(np.unique(table[:, 0])) + len(np.unique(table[:, 2]))
    if len(table) <= 2 * ends * (1 + table[:, 1].max(initial=0)):
        return table
    rows = table[rng.permutation(len(table))]
    return rows[np.union1d(*(np.unique(rows[:, pair], axis=0, return_index=True)[1] for pair in ([0, 1], [1, 2])))]


def neighbour_counts(graph: LayeredGraph):
    """The function from a set of nodes, bool [N], to the number of every node's neighbours in it, float32 [N].

    Exact: sums of ones below 2^24.
    """
    ones = [
        replace(block, weight=np.ones_like(block.weight) if isinstance(block, EdgeBlock) else block.mask)
        for block in graph.blocks
    ]
    adjacency = Adjacency(replace(graph, blocks=ones), np.dtype(np.float32), explicit=False)
    return lambda nodes: adjacency.apply(nodes[:, None].astype(np.float32))[:, 0]


def outer_edges(block: Block, layers, core) -> np.ndarray:
    """The block's edges that are not inside a core, int32 [2, n]."""
    near, far = (
        core[layer.offset : layer.offset + layer.size] for layer in (layers[block.source], layers[block.target])
    )
    home = np.bincount(np.concatenate([near, far])).argmax()
    if isinstance(block, KernelBlock) and home:
        # Only channels that are partly elsewhere have edges that are not inside the most common core.
        out, per_group = block.mask.shape[:2]
        strays_in, strays_out = (
            (part.reshape(layers[k].channels, -1) != home).any(1)
            for part, k in ((near, block.source), (far, block.target))
        )
        groups = np.arange(out) * block.groups // out
        channel = block.source_channel + groups[:, None] * per_group + np.arange(per_group)
        stray = strays_in[channel] | strays_out[block.target_channel :][:out, None]
        block = replace(block, mask=block.mask & stray[:, :, None, None])
    pieces = [np.empty((2, 0), np.int32)]
    for source, target, _ in block_edges(block, layers, 1 << 22):
        outer = (core[source] == 0) | (core[source] != core[target])
        pieces.append(np.stack([source[outer], target[outer]]))
    return np.concatenate(pieces, 1)
