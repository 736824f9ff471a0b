"""Are the metrics of a graph with hundreds of millions of edges right? Held against counts over its edge list.

    python benchmarks/large_graphs.py [torchvision:resnet50] [--size 224] [--sparsity 0.9] [--sample 40]
        [--paths 200000] [--slice-edges 45000000]

The graph is that of `benchmarks/metrics.py`, its edge list the Parquet file of the encode rule. Edges and every node's
degrees are counted by DuckDB; the pairs within two hops by DuckDB from --sample random nodes of each layer; the motifs
from what the nodes of --paths random paths induce; the components by SciPy, one part of the edge list after another.
Estimates come with a standard error, and what is within four of them is right. Coreness, bridges and articulation
points are held against igraph in the consecutive layers with the most nodes that at most --slice-edges edges join, the
spectra against ARPACK in as many of the last layers. One line per check; ends with 1 if one fails.

With --sparsity 0 all channels of a layer are alike, unless a convolution has groups, and what joins the positions of
the layers tells everything but the weights: SciPy counts there exactly, motifs if there are no triangles.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import NamedTuple

import duckdb
import metrics  # puts the workflow's scripts on the path
import numpy as np

# isort: split
import metric_cuts
import metric_kcore
import metric_motifs
import metric_neighbours
import metric_spectra

from sparse_topology.graphs.edge_list import EdgeList, adjacency, igraph_graph
from sparse_topology.graphs.layered import EdgeBlock, LayeredGraph
from sparse_topology.metrics.connectivity import component_count
from sparse_topology.metrics.degrees import degrees

TWO_HOPS = """
    with near as (select source as first, target as node from edges where source in (select * from drawn)),
    far as (select near.first, edges.target as node from near join edges on near.node = edges.source)
    select first, count(distinct node) as reached from (from near union all from far) group by first
"""
ROWS = """
    select file_row_number as row, source, target from edges where file_row_number in (select * from drawn) order by row
"""
NEIGHBOURS = """
    select source as node, target as neighbour from edges where source in (select * from drawn)
    union all select target, source from edges where target in (select * from drawn)
"""
PART = "select source, target from edges where file_row_number >= $1 and file_row_number < $2"
SLICE = "select source - $1 as source, target - $1 as target, weight from edges where source >= $1 and target < $2"
JOINED = "select source, target from edges semi join pairs using (source, target)"
PATHS = {"path": 1, "cycle": 4, "paw": 2, "diamond": 6, "k4": 12}  # of three edges in each motif; a star has none
ERRORS = 4  # standard errors between an estimate and the truth, at most
PRECISION = 2e-9  # in the place of a standard error, over the largest eigenvalue


class Check(NamedTuple):
    """A metric and what was counted instead, numbers or arrays of them; error: the standard error of the latter."""

    name: str
    ours: float | np.ndarray
    counted: float | np.ndarray
    error: float = 0.0

    def holds(self) -> bool:
        return bool(np.all(np.abs(self.ours - self.counted) <= ERRORS * self.error))


def checks(graph: LayeredGraph, options) -> Iterator[Check]:
    if options.sparsity == 0:
        yield from dense_checks(graph)
        return
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        file = Path(folder) / "edges.parquet"
        metrics.parquet.write(graph, file)
        connection.execute(f"create view edges as from read_parquet('{file}', file_row_number = true)")
        yield from whole_checks(connection, graph, options)
        yield from slice_checks(connection, graph, options.slice_edges)


def whole_checks(connection, graph: LayeredGraph, options) -> Iterator[Check]:
    """What is counted over all edges, or estimated from a sample of them."""
    count = connection.execute("select count(*) from edges").fetchone()[0]
    yield Check("edges", graph.edge_count, count)
    by_column = {column: counts(connection, column, graph.node_count) for column in ("source", "target")}
    for ours, (column, counted) in zip(degrees(graph), by_column.items(), strict=True):
        yield Check(f"degrees by {column}", ours, counted)
    pairs, error = two_hop_pairs(connection, graph, options.sample)
    yield Check("pairs within two hops", metric_neighbours.two_hop_pairs(graph), pairs, error)
    ours = metric_motifs.structured(graph, {})
    for kind, (estimate, error) in motifs(connection, sum(by_column.values()), options.paths).items():
        yield Check(f"motif4_{kind}", ours[f"motif4_{kind}"], estimate, error)
    yield Check("components", component_count(graph), components(connection, graph.node_count, count))


def counts(connection, column: str, nodes: int) -> np.ndarray:
    """How many edges have each node as their source or target: int64 [nodes]."""
    found = connection.execute(f"select {column} as node, count(*) as edges from edges group by 1").fetchnumpy()
    result = np.zeros(nodes, np.int64)
    result[found["node"]] = found["edges"]
    return result


def two_hop_pairs(connection, graph: LayeredGraph, sample: int) -> tuple[float, float]:
    """Ordered pairs (u, v) of one or two edges from u to v: estimate and standard error, layer by layer."""
    rng, total, variance = np.random.default_rng(0), 0.0, 0.0
    drawn = [layer.offset + rng.choice(layer.size, min(sample, layer.size), False) for layer in graph.layers]
    connection.register("drawn", {"node": np.concatenate(drawn)})
    reached = np.zeros(graph.node_count, np.int64)
    found = connection.execute(TWO_HOPS).fetchnumpy()
    reached[found["first"]] = found["reached"]
    for layer, nodes in zip(graph.layers, drawn, strict=True):
        values = reached[nodes]
        total += layer.size * values.mean()
        if len(nodes) < layer.size:
            variance += layer.size**2 * values.var(ddof=1) / len(nodes) * (1 - len(nodes) / layer.size)
    return total, variance**0.5


def motifs(connection, degree: np.ndarray, sample: int) -> dict[str, tuple[float, float]]:
    """{class: (estimate, standard error)} of the connected induced 4-node subgraphs, from random paths of three edges
    (Jha, Seshadhri and Pinar 2015).

    A random edge (u, v) of E, another random neighbour w of u and x of v stand for E (d_u - 1) (d_v - 1) paths, of
    which each motif holds as many as PATHS says. The stars are sum over nodes of C(d, 3), less one in each paw, 2 in
    each diamond, 4 in each K4. A class that was never hit has the error of one hit.
    """
    rng = np.random.default_rng(0)
    edges = int(degree.sum()) // 2
    u, v = edges_at(connection, rng.integers(edges, size=sample))
    stands_for = edges * (degree[u] - 1.0) * (degree[v] - 1.0)
    w, x = other_neighbours(connection, u, v, degree, rng)
    ends = joined(connection, w, x)
    more = np.sum([joined(connection, w, v), joined(connection, u, x), ends], 0)
    hit = {"path": more == 0, "cycle": ends & (more == 1), "paw": ~ends & (more == 1)}
    hit |= {"diamond": more == 2, "k4": more == 3}
    values = {kind: stands_for * (chosen & (w != x)) / PATHS[kind] for kind, chosen in hit.items()}
    values["star"] = -(values["paw"] + 2 * values["diamond"] + 4 * values["k4"])
    least = stands_for.mean() / sample
    found = {
        kind: (value.mean(), max(value.std(ddof=1) / sample**0.5, least / PATHS.get(kind, PATHS["paw"])))
        for kind, value in values.items()
    }
    stars, error = found["star"]
    return found | {"star": (stars + int((degree * (degree - 1) * (degree - 2) // 6).sum()), error)}


def edges_at(connection, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Source and target in these rows of the file, int64 [n], of which some may be the same."""
    distinct, place = np.unique(rows, return_inverse=True)
    connection.register("drawn", {"row": distinct})
    found = connection.execute(ROWS).fetchnumpy()
    return found["source"].astype(np.int64)[place], found["target"].astype(np.int64)[place]


def other_neighbours(connection, u, v, degree, rng) -> list[np.ndarray]:
    """Of joined nodes u and v: a random neighbour of u but v, and one of v but u; where there is none, that one."""
    connection.register("drawn", {"node": np.union1d(u, v)})
    found = connection.execute(NEIGHBOURS).fetchnumpy()
    pairs = np.sort(key(found["node"], found["neighbour"]))
    drawn = []
    for node, but in ((u, v), (v, u)):
        first, others = np.searchsorted(pairs, key(node, 0)), degree[node] - 1
        one, last = (pairs[first + place] & 0xFFFFFFFF for place in (rng.integers(np.maximum(others, 1)), others))
        drawn.append(np.where(one == but, last, one))
    return drawn


def joined(connection, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Which pairs of nodes have an edge, in either direction: bool [n]."""
    connection.register("pairs", {"source": np.append(a, b), "target": np.append(b, a)})
    found = connection.execute(JOINED).fetchnumpy()
    there = key(found["source"], found["target"])
    return np.isin(key(a, b), there) | np.isin(key(b, a), there)


def key(first, second) -> np.ndarray:
    """Two node ids as one int64."""
    return np.asarray(first, np.int64) << 32 | second


def components(connection, nodes: int, edges: int, rows: int = 1 << 26) -> int:
    """Connected components by SciPy: of so many rows of the file at a time, among the components of those before."""
    from scipy import sparse

    label, found = np.arange(nodes, dtype=np.int32), nodes
    for first in range(0, edges, rows):
        part = connection.execute(PART, [first, first + rows]).fetchnumpy()
        ends = label[part["source"]], label[part["target"]]
        matrix = sparse.coo_array((np.ones(len(ends[0]), np.float64), ends), (found, found)).tocsr()
        found, joined = sparse.csgraph.connected_components(matrix, directed=False)
        label = joined[label]
    return found


def slice_checks(connection, graph: LayeredGraph, most: int) -> Iterator[Check]:
    """What igraph and ARPACK find in the parts of the edge list that are among some of the layers."""
    runs = runs_of_layers(graph, most)
    widest = max(runs, key=lambda run: sum(layer.size for layer in graph.layers[run[0] : run[1] + 1]))
    part, edges = sliced(connection, graph, *widest)
    explicit = igraph_graph(edges)
    yield Check(f"coreness in {described(part)}", metric_kcore.coreness(part), np.array(explicit.coreness()))
    cuts = metric_cuts.structured(part, {})
    yield Check("bridges there", cuts["cut_edges"], len(explicit.bridges()))
    yield Check("articulation points there", cuts["cut_nodes"], len(explicit.articulation_points()))
    del explicit
    deepest = min(run for run in runs if run[1] == len(graph.layers) - 1)
    part, edges = sliced(connection, graph, *deepest)
    spectra, matrix = metric_spectra.structured(part, {}), adjacency(edges, weighted=True)
    values = magnitudes(matrix, 3)
    gap = values[0] - values[2]
    yield Check(f"spectral gap of {described(part)}", spectra["spectral_gap"], gap, PRECISION * values[0])
    radius = magnitudes(laplacian(matrix), 1)[0]
    yield Check("Laplacian radius there", spectra["spectral_radius"], radius, PRECISION * radius)


def runs_of_layers(graph: LayeredGraph, most: int) -> list[tuple[int, int]]:
    """First and last of all consecutive layers that have at most so many edges among them."""
    blocks = [(block.source, block.target, block.edge_count) for block in graph.blocks]
    return [
        (first, last)
        for last in range(len(graph.layers))
        for first in range(last + 1)
        if sum(count for source, target, count in blocks if first <= source and target <= last) <= most
    ]


def sliced(connection, graph: LayeredGraph, first: int, last: int) -> tuple[LayeredGraph, EdgeList]:
    """The graph of these layers alone, and its edges from the file."""
    part = between(graph, first, last)
    start = graph.layers[first].offset
    columns = connection.execute(SLICE, [start, start + part.node_count]).fetchnumpy().values()
    return part, EdgeList(part.encoding, part.layers, *columns, part.inputs, part.outputs, part.weights)


def described(part: LayeredGraph) -> str:
    return f"{part.layers[0].name} to {part.layers[-1].name} ({part.node_count} nodes, {part.edge_count} edges)"


def between(graph: LayeredGraph, first: int, last: int) -> LayeredGraph:
    """The graph of consecutive layers alone, without inputs and outputs."""
    start = graph.layers[first].offset
    blocks = []
    for block in graph.blocks:
        if first <= block.source and block.target <= last:
            moved = {"source": block.source - first, "target": block.target - first}
            if isinstance(block, EdgeBlock):
                moved |= {"tails": block.tails - start, "heads": block.heads - start}
            blocks.append(replace(block, **moved))
    layers = [replace(layer, offset=layer.offset - start) for layer in graph.layers[first : last + 1]]
    none = np.zeros((0, 2), np.int64)
    return replace(graph, layers=layers, blocks=blocks, inputs=none, outputs=none)


def magnitudes(matrix, count: int) -> np.ndarray:
    """The largest magnitudes of eigenvalues, falling; three more are sought, as ARPACK may miss one that repeats."""
    from scipy.sparse.linalg import eigsh

    values = eigsh(matrix, k=count + 3, ncv=40, tol=1e-12, return_eigenvectors=False)
    return np.sort(np.abs(values))[::-1][:count]


def laplacian(matrix):
    from scipy import sparse

    return (sparse.diags_array(matrix.sum(1)) - matrix).tocsr()


def dense_checks(graph: LayeredGraph) -> Iterator[Check]:
    """What the positions of the layers tell of a graph with all weights."""
    from scipy import sparse

    forward, first = positions(graph)
    channels = np.repeat([layer.channels for layer in graph.layers], np.diff(first))
    matrix = (forward + forward.T).tocsr()
    degree = matrix @ channels
    yield Check("edges", graph.edge_count, int(degree @ channels) // 2)
    parts = zip(np.split(degree, first[1:-1]), graph.layers, strict=True)
    ours = np.add(*degrees(graph))
    yield Check("degrees", ours, np.concatenate([np.tile(part, layer.channels) for part, layer in parts]))
    near, far = (forward + forward @ forward).nonzero()
    yield Check("pairs within two hops", metric_neighbours.two_hop_pairs(graph), int(channels[near] @ channels[far]))
    _, label = sparse.csgraph.connected_components(matrix, directed=False)
    joined_up = len(np.unique(label[degree > 0]))
    yield Check("components", component_count(graph), joined_up + int(channels[degree == 0].sum()))
    ours = metric_motifs.structured(graph, {})
    for kind, count in dense_motifs(forward, matrix, channels, degree).items():
        yield Check(f"motif4_{kind}", ours[f"motif4_{kind}"], count)


def positions(graph: LayeredGraph):
    """Which positions of the layers are joined, int64 CSR matrix of ones, and the number of each layer's first one."""
    from scipy import sparse

    first = np.cumsum([0, *(layer.height * layer.width for layer in graph.layers)])
    ends = [], []
    for block in graph.blocks:
        for end, column, k in zip(ends, (0, 2), (block.source, block.target), strict=True):
            places = np.add.outer(block.y[:, column] * graph.layers[k].width, block.x[:, column])
            end.append(first[k] + places.ravel())
    near, far = map(np.concatenate, ends)
    return sparse.csr_array((np.ones(len(near), np.int64), (near, far)), (first[-1], first[-1])), first


def dense_motifs(forward, matrix, channels: np.ndarray, degree: np.ndarray) -> dict[str, int]:
    """{class: induced 4-node subgraphs}, empty if there are triangles. A cycle has two pairs of opposite nodes, and the
    pair has two of its common neighbours."""
    common = (matrix.multiply(channels) @ matrix).tocoo()
    if matrix.multiply(common.tocsr()).nnz:
        return {}
    pairs = total(common.data * (common.data - 1) // 2, *(channels[place] for place in common.coords))
    cycles = (pairs - total(degree * (degree - 1) // 2, channels)) // 4
    near, far = forward.nonzero()
    paths = total((degree[near] - 1) * (degree[far] - 1), channels[near], channels[far]) - 4 * cycles
    stars = total(degree * (degree - 1) * (degree - 2) // 6, channels)
    return {"path": paths, "cycle": cycles, "star": stars, "paw": 0, "diamond": 0, "k4": 0}


def total(*factors: np.ndarray) -> int:
    """Sum of products, int64, in Python's integers."""
    return sum(map(prod, zip(*(factor.tolist() for factor in factors), strict=True)))


def shown(check: Check) -> str:
    ours, counted = (np.max(value) for value in (check.ours, check.counted))
    largest = ", largest" if np.ndim(check.ours) else ""
    error = f" ± {check.error:.2g}" if check.error else ""
    digits = ".12g" if check.error else ""
    return f"{check.name}{largest}: {ours}, counted {counted:{digits}}{error}: {'right' if check.holds() else 'WRONG'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="torchvision:resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--sample", type=int, default=40, help="nodes of each layer")
    parser.add_argument("--paths", type=int, default=200_000, help="of three edges, drawn for the motifs")
    parser.add_argument("--slice-edges", type=int, default=45_000_000, help="that igraph and ARPACK hold")
    options = parser.parse_args()
    if min(options.sample, options.paths) < 2:
        parser.error("--sample, --paths: a standard error takes 2 or more")
    graph = metrics.graphs(options.network, 1 - options.sparsity, options.size)["mge"]
    print(f"{options.network} at {options.sparsity}: {graph.node_count} nodes, {graph.edge_count} edges", flush=True)
    right = []
    for check in checks(graph, options):
        right.append(check.holds())
        print(shown(check), flush=True)
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
