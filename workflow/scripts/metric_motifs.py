"""Motifs: connected 4-node subgraphs of the unrolled graph, connected 3-node ones of the bipartite encodings.

Paper, Table 2 and footnote 8. Counted exactly, by class, from degrees and numbers of common neighbours; tools of the
FANMOD kind enumerate or sample them instead, which is what the igraph engine does: every subgraph where there are few
enough, a RAND-ESU sample (Wernicke 2006) repeated for its standard error where there are not.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from sparse_topology.graphs.layered import EdgeBlock
from sparse_topology.metrics import measure
from sparse_topology.metrics.colouring import two_colouring
from sparse_topology.metrics.degrees import degrees
from sparse_topology.metrics.two_hops import forward_steps, layer_pair, pair_classes, single_paths

ENCODINGS = ["mge", "rolled", "rolled_channel"]
DIVISORS = {"motif4": "edges", "motif3": "edges"}
WEIGHTED = []
CLASSES = ("path", "star", "cycle", "paw", "diamond", "k4")
EXACT_LIMIT = 20_000_000  # subgraphs that igraph may enumerate: some 5 s
SAMPLED = 4_000_000  # subgraphs that one sampled run should see
RUNS = 5


@dataclass
class Counts:
    """Not necessarily induced copies of small graphs in an undirected graph, all int.

    cycles: 4-cycles; triangles; paws: a triangle and an edge to a fourth node; diamonds: two triangles on one edge; k4.
    """

    cycles: int = 0
    triangles: int = 0
    paws: int = 0
    diamonds: int = 0
    k4: int = 0


def structured(graph, cfg) -> dict:
    outdegree, indegree = degrees(graph)
    degree = outdegree + indegree
    if graph.encoding != "mge":
        return {"motif3": star_count(degree, 2)}
    steps = forward_steps(graph)
    if any(isinstance(block, EdgeBlock) for block in graph.blocks) or joins_four_layers(steps):
        from sparse_topology.graphs.edge_list import adjacency, unroll

        edges = unroll(graph)
        matrix = adjacency(edges)
        products = degree_products_of_edges(edges, degree)
        return induced(explicit_counts(matrix, degree), degree, products)
    products = sum(degree_products(graph, block, degree) for block in graph.blocks)
    return induced(structured_counts(graph, steps, degree), degree, products)


def induced(counts: Counts, degree: np.ndarray, products: int) -> dict:
    """Connected induced 4-node subgraphs by class, from copies that need not be induced.

    products = sum over edges of (d_u - 1)(d_v - 1): paths of three edges, each triangle thrice. The rest undoes, from
    the densest class down, how often a denser graph contains a sparser one: a K4 holds 6 diamonds, 12 paws, 3 cycles,
    4 stars and 12 paths; a diamond 4 paws, 1 cycle, 2 stars, 6 paths; a cycle 4 paths; a paw 1 star and 2 paths.
    """
    stars = star_count(degree)
    k4 = counts.k4
    diamond = counts.diamonds - 6 * k4
    paw = counts.paws - 4 * diamond - 12 * k4
    cycle = counts.cycles - diamond - 3 * k4
    star = stars - paw - 2 * diamond - 4 * k4
    path = products - 3 * counts.triangles - 4 * cycle - 2 * paw - 6 * diamond - 12 * k4
    return with_total(dict(zip(CLASSES, (path, star, cycle, paw, diamond, k4), strict=True)))


def star_count(degree: np.ndarray, leaves: int = 3) -> int:
    """Sum over nodes of C(d, leaves), in Python's integers: with 10^12 edges it is beyond 64 bits."""
    values, counts = np.unique(degree, return_counts=True)
    return sum(n * comb(d, leaves) for d, n in zip(values.tolist(), counts.tolist(), strict=True))


def exact_sum(values: np.ndarray) -> int:
    """Sum of up to 2^26 integers from 0 to 2^53, float64, in Python's integers: high and low halves on their own."""
    high = np.floor(values * 2.0**-26)
    return (int(high.sum()) << 26) + int((values - high * 2.0**26).sum())


def exact_dot(many: np.ndarray, few: np.ndarray) -> int:
    """Sum of many * few, int64 >= 0, many < 2^60, in Python's integers, 20 bits at a time: 2^20 sum(few) < 2^63."""
    return sum(int(((many >> bits & 0xFFFFF) * few).sum()) << bits for bits in (0, 20, 40))


def dot(counts: np.ndarray, values: np.ndarray) -> int:
    """Sum of counts * values, [K, .., ..] of integers >= 0, values float64; both broadcast."""
    if float(counts.sum()) * values.max(initial=0) < 2.0**53:
        return int(np.einsum("kts,kts->", counts, values))
    return exact_dot(values.astype(np.int64), counts.astype(np.int64))


def weighted_sum(counts: np.ndarray, values: np.ndarray) -> int:
    """Sum of counts * values, int64 and float64 or int64 of few entries, all integers, in Python's integers."""
    return sum(n * int(value) for n, value in zip(counts.tolist(), values.tolist(), strict=True))


def with_total(classes: dict) -> dict:
    return {"motif4": sum(classes.values())} | {f"motif4_{name}": count for name, count in classes.items()}


def degree_products(graph, block, degree) -> int:
    """Sum over a kernel block's edges of (d_u - 1)(d_v - 1): one product over positions per kernel offset."""
    source, target = graph.layers[block.source], graph.layers[block.target]
    ends = [
        np.maximum(degree[layer.offset : layer.offset + layer.size] - 1.0, 0).reshape(
            layer.channels, layer.height, layer.width
        )
        for layer in (source, target)
    ]
    out, per_group, height, width = block.mask.shape
    near = ends[0][block.source_channel : block.source_channel + block.groups * per_group]
    far = ends[1][block.target_channel : block.target_channel + out]
    mask = block.mask.reshape(block.groups, out // block.groups, per_group, height, width)
    total = 0
    for b in range(width):
        x, near_x = summed_by_target(near, block.x, b)
        far_x = far[:, :, x]
        for a in range(height):
            y, u = summed_by_target(near_x.swapaxes(1, 2), block.y, a)
            u, v = u.swapaxes(1, 2), far_x[:, y]
            total += masked_products(
                u.reshape(block.groups, per_group, -1), v.reshape(*mask.shape[:2], -1), mask[..., a, b]
            )
    return total


def summed_by_target(values: np.ndarray, table: np.ndarray, offset: int):
    """The target positions of a kernel offset, int [n], and the values [.., position] summed up for each, [.., n]."""
    near, _, far = table[table[:, 1] == offset].T
    if np.bincount(far, minlength=1).max() <= 1:  # all but pooling and attention
        return far, values[..., near]
    targets, index = np.unique(far, return_inverse=True)
    joined = np.zeros((values.shape[-1], len(targets)))
    joined[near, index] = 1
    return targets, values @ joined


def masked_products(u: np.ndarray, v: np.ndarray, mask: np.ndarray) -> int:
    """Sum of mask * (v @ u^T), in Python's integers; u: [groups, in, n], v: [groups, out, n], float64 integers >= 0.

    If one of the products might reach 2^53, the larger factor is split into its high and its low bits.
    """
    large, small = u.max(initial=0), v.max(initial=0)
    if large * small * u.shape[2] < 2.0**53:
        return exact_sum((v @ u.swapaxes(1, 2)) * mask)
    if large < small:
        return masked_products(v, u, mask.swapaxes(1, 2))
    bits = int(np.log2(large)) // 2 + 1
    high = np.floor(u * 2.0**-bits)
    return (masked_products(high, v, mask) << bits) + masked_products(u - high * 2.0**bits, v, mask)


def degree_products_of_edges(edges, degree) -> int:
    total, degree = 0, degree.astype(np.int64)
    for start in range(0, edges.edge_count, 1 << 20):  # each part below 2^63 up to degrees of three million
        part = slice(start, start + (1 << 20))
        total += int(((degree[edges.source[part]] - 1) * (degree[edges.target[part]] - 1)).sum())
    return total


def joins_four_layers(steps) -> bool:
    """Whether four layers are pairwise joined, as dense concatenation does: only then can there be a K4."""
    joined = {frozenset((step.near, step.far)) for step in steps}
    behind = {}
    for step in steps:
        behind.setdefault(step.near, set()).add(step.far)
    return any(
        all(frozenset(pair) in joined for pair in combinations(three, 2))
        for layers in behind.values()
        for three in combinations(sorted(layers), 3)
    )


def structured_counts(graph, steps, degree) -> Counts:
    """Counts of a layered graph without K4, from the number f of common neighbours of every pair of nodes.

    A 4-cycle is a pair of opposite nodes with two common neighbours, seen from both of its diagonals: cycles = 1/2 sum
    over pairs of C(f, 2). If the layers can be two-coloured, each cycle has one diagonal in either colour and the pairs
    of one colour are enough. For adjacent pairs f is the number t of triangles on the edge: triangles = 1/3 sum of t,
    diamonds = sum of C(t, 2), paws = 1/2 sum of t (d_u + d_v) - 6 triangles.

    Classes are added up in Python's integers. Inside one, f^2 over 2^24 pairs at most is summed in float64 below
    2^53 (whatever f < 23,000), else in int64 (f < 740,000).
    """
    shapes = [(layer.channels, layer.height, layer.width) for layer in graph.layers]
    both_ways = steps + [step.reverse() for step in steps]
    ends = {(a.near, b.far) for a in both_ways for b in both_ways if a.far == b.near and a.near <= b.far}
    colour = two_colouring(len(graph.layers), ((step.near, step.far) for step in steps))
    if colour is not None:
        ends = min(({pair for pair in ends if colour[pair[0]] == c} for c in (0, 1)), key=lambda p: cost(p, shapes))
    fourfold = on_edges = twice_diamonds = weighted = 0
    for s, t in ends:
        routes = [(a, b) for a in both_ways for b in both_ways if a.near == s and a.far == b.near and b.far == t]
        direct = [a for a in steps if (a.near, a.far) == (s, t)]
        pair = layer_pair(shapes[s], shapes[t], routes, direct)
        if single_paths(pair) is not None:
            continue
        twice = 0
        for pairs in pair_classes(pair):
            f = exact(pairs.routes, pairs.most)
            twice += weighted_sum(pairs.multiplicity, np.einsum("kts,kts->k", f, f) - f.sum((1, 2)))
            if pairs.direct is None:
                continue
            on_edge = f * pairs.direct.astype(f.dtype)
            sums = on_edge.sum((1, 2))
            on_edges += weighted_sum(pairs.multiplicity, sums)
            squares = np.einsum("kts,kts->k", on_edge, on_edge)
            twice_diamonds += weighted_sum(pairs.multiplicity, squares - sums)
            of_s = class_sums(degree, graph.layers[s], pairs.y.near[pairs.row], pairs.x.near)[:, pairs.near]
            of_t = class_sums(degree, graph.layers[t], pairs.y.far[pairs.row], pairs.x.far)[:, pairs.far]
            weighted += dot(on_edge, of_s) + dot(on_edge, of_t)
        if s == t:
            own = degree[graph.layers[s].offset : graph.layers[s].offset + graph.layers[s].size]
            twice = twice // 2 - star_count(own, 2)
        fourfold += twice
    triangles = on_edges // 3
    return Counts(
        cycles=fourfold // (2 if colour is not None else 4),
        triangles=triangles,
        paws=weighted // 2 - 6 * triangles,
        diamonds=twice_diamonds // 2,
    )


def exact(values: np.ndarray, most: float) -> np.ndarray:
    """Integers [K, .., ..] up to `most` as float64, or as int64 if the squares of one class might add up to 2^53."""
    return values.astype(np.float64 if float(most) ** 2 * values[0].size < 2.0**53 else np.int64)


def cost(pairs, shapes) -> int:
    return sum(shapes[s][0] * shapes[t][0] for s, t in pairs)


def class_sums(degree, layer, y_counts, x_counts) -> np.ndarray:
    """float64 [classes along x, channels]: sum of the degrees at a class's positions, as often as they occur."""
    plane = degree[layer.offset : layer.offset + layer.size].reshape(layer.channels, layer.height, layer.width)
    return x_counts.astype(np.float64) @ (y_counts.astype(np.float64) @ plane).T


def explicit_counts(matrix, degree, paths_at_once: int = 1 << 24) -> Counts:
    """The same from a symmetric CSR matrix A of ones: f = A A, by runs of rows; K4 inside neighbourhoods."""
    n = matrix.shape[0]
    paths = np.cumsum(matrix @ degree)
    cycles = on_edges = diamonds = weighted = 0
    on_node = np.zeros(n, np.int64)
    start = 0
    while start < n:
        done = paths[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(paths, done + paths_at_once, "right")))
        rows = matrix[start:stop]
        common = rows @ matrix
        f = common.data
        own = degree[start:stop]
        cycles += int((f * (f - 1) // 2).sum()) - int((own * (own - 1) // 2).sum())
        on_edge = rows.multiply(common).tocsr()
        t = on_edge.data
        on_edges += int(t.sum())
        diamonds += int((t * (t - 1) // 2).sum())
        on_node[start:stop] = on_edge.sum(1) // 2
        start = stop
    triangles = on_edges // 6
    weighted = exact_dot(on_node, degree)
    k4 = sum(triangles_among(matrix, node) for node in np.flatnonzero(on_node >= 3)) // 4
    return Counts(cycles // 4, triangles, weighted - 6 * triangles, diamonds // 2, k4)


def triangles_among(matrix, node: int) -> int:
    """Number of triangles among the neighbours of a node."""
    around = matrix.indices[matrix.indptr[node] : matrix.indptr[node + 1]]
    part = matrix[around][:, around]
    return int((part @ part).multiply(part).sum()) // 6


def reference(edges, cfg) -> dict:
    from sparse_topology.graphs.edge_list import igraph_graph

    graph = igraph_graph(edges)
    degree = np.array(graph.degree(), np.int64)
    if edges.encoding != "mge":
        return {"motif3": enumerated(graph, 3)[0]}
    most = degree_products_of_edges(edges, degree) + star_count(degree)
    if most <= EXACT_LIMIT:
        return with_total(enumerated(graph, 4)[1])
    return sampled(graph, min(1.0, SAMPLED / most))


def enumerated(graph, size: int):
    """All connected subgraphs of `size` nodes: their number, and for size 4 by class."""
    counts = graph.motifs_randesu(size)
    by_class = dict(zip(CLASSES, (int(counts[k]) for k in IGRAPH_CLASS), strict=True)) if size == 4 else {}
    return int(np.nansum(counts)), by_class


# igraph's numbers of the connected undirected graphs of 4 nodes, in the order of CLASSES.
IGRAPH_CLASS = (6, 4, 8, 7, 9, 10)


def sampled(graph, share: float, seed: int = 0) -> dict:
    """RAND-ESU: each branch (first node, second node) of the search tree is followed with probability `share`.

    igraph's counts are divided by it. Cutting at the second level is unbiased and spreads the sample over all nodes
    (igraph 1.0 counts too few when it cuts at the third). motif4_error: standard error of the mean over RUNS runs.
    """
    import random

    import igraph

    igraph.set_random_number_generator(random.Random(seed))
    runs = np.array([graph.motifs_randesu(4, [0, 1 - share, 0, 0]) for _ in range(RUNS)], float) / share
    by_class = runs[:, IGRAPH_CLASS]
    raw = with_total(dict(zip(CLASSES, by_class.mean(0).tolist(), strict=True)))
    return raw | {"motif4_error": float(by_class.sum(1).std(ddof=1) / np.sqrt(RUNS))}


if __name__ == "__main__":
    measure.main(snakemake, DIVISORS, structured=structured, igraph=reference)
