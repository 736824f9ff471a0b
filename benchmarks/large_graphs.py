"""Are the metrics of a graph with hundreds of millions of edges right? Held against counts over its edge list.

    python benchmarks/large_graphs.py [torchvision:resnet50] [--size 224] [--sparsity 0.9] [--sample 40]

The graph is that of `benchmarks/metrics.py`, its edge list the Parquet file of the encode rule. Edges and every node's
degrees are counted by DuckDB; the pairs within two hops by DuckDB from --sample random nodes of each layer, with the
standard error of their sum over the graph; the components by SciPy on the whole edge list (15 bytes an edge). One line
per check; ends with 1 if one fails.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import duckdb
import metrics  # puts the workflow's scripts on the path
import numpy as np

from sparse_topology.graphs.layered import LayeredGraph
from sparse_topology.metrics.connectivity import component_count
from sparse_topology.metrics.degrees import degrees

TWO_HOPS = """
    with near as (select source as first, target as node from edges where source in (select * from drawn)),
    far as (select near.first, edges.target as node from near join edges on near.node = edges.source)
    select first, count(distinct node) as reached from (from near union all from far) group by first
"""


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


def components(connection, nodes: int) -> int:
    from scipy import sparse

    edges = connection.execute("select source, target from edges").fetchnumpy()
    ends = edges["source"], edges["target"]
    matrix = sparse.coo_array((np.ones(len(ends[0]), np.int8), ends), (nodes, nodes)).tocsr()
    return sparse.csgraph.connected_components(matrix, directed=False, return_labels=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", default="torchvision:resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--sample", type=int, default=40, help="nodes of each layer")
    options = parser.parse_args()
    if options.sample < 2:
        parser.error("--sample: a standard error takes 2 nodes of a layer or more")
    graph = metrics.graphs(options.network, 1 - options.sparsity, options.size)["mge"]
    print(f"{options.network} at {options.sparsity}: {graph.node_count} nodes, {graph.edge_count} edges", flush=True)
    right = []

    def check(name: str, ours, theirs, holds: bool) -> None:
        right.append(holds)
        print(f"{name}: {ours}, counted {theirs}: {'right' if holds else 'WRONG'}", flush=True)

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        file = Path(folder) / "edges.parquet"
        metrics.parquet.write(graph, file)
        connection.execute(f"create view edges as from '{file}'")
        count = connection.execute("select count(*) from edges").fetchone()[0]
        check("edges", graph.edge_count, count, graph.edge_count == count)
        for column, ours in zip(("source", "target"), degrees(graph), strict=True):
            theirs = counts(connection, column, graph.node_count)
            check(f"degrees by {column}, largest", ours.max(), theirs.max(), np.array_equal(ours, theirs))
        from metric_neighbours import two_hop_pairs as ours_of

        ours = ours_of(graph)
        pairs, error = two_hop_pairs(connection, graph, options.sample)
        check("pairs within two hops", ours, f"{pairs:.0f} ± {error:.0f}", abs(ours - pairs) <= 4 * error)
        ours, theirs = component_count(graph), components(connection, graph.node_count)
        check("components", ours, theirs, ours == theirs)
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
