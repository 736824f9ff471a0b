"""The explicit edge list: what the igraph engine reads, and what the structured engine falls back to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sparse_topology.graphs.layered import Layer, LayeredGraph, all_edges


@dataclass(frozen=True)
class EdgeList:
    """All edges of a layered graph. source, target: int32 [E], weight: float32 [E]; the rest as in LayeredGraph.
    weights: how many edges each network layer could have, which the list of a grouped convolution does not tell.
    """

    encoding: str
    layers: list[Layer]
    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    inputs: np.ndarray
    outputs: np.ndarray
    weights: list[int]

    @property
    def node_count(self) -> int:
        return sum(layer.size for layer in self.layers)

    @property
    def edge_count(self) -> int:
        return len(self.source)

    def between(self, first: int, layers, inputs, outputs, weights) -> EdgeList:
        """The graph of consecutive node layers alone, which start at id `first`; `layers` holds them with new ids."""
        chosen = (self.source >= first) & (self.target < first + sum(layer.size for layer in layers))
        return EdgeList(
            self.encoding,
            layers,
            self.source[chosen] - np.int32(first),
            self.target[chosen] - np.int32(first),
            self.weight[chosen],
            inputs,
            outputs,
            weights,
        )


def read(path) -> EdgeList:
    """What `graphs.parquet.write` wrote."""
    from sparse_topology.graphs import parquet

    header = parquet.read_metadata(path)
    layers = [Layer(*entry) for entry in header["layers"]]
    inputs, outputs = (np.array(header[key], np.int64).reshape(-1, 2) for key in ("inputs", "outputs"))
    return EdgeList(header["encoding"], layers, *parquet.read_edges(path), inputs, outputs, header["weights"])


def unroll(graph: LayeredGraph) -> EdgeList:
    """Every edge of a layered graph, written out."""
    return EdgeList(graph.encoding, graph.layers, *all_edges(graph), graph.inputs, graph.outputs, graph.weights)


def adjacency(edges: EdgeList, weighted: bool = False):
    """Symmetric scipy.sparse CSR matrix [N, N] of the undirected graph: float64 weights, or int64 ones."""
    from scipy import sparse

    values = edges.weight.astype(np.float64) if weighted else np.ones(edges.edge_count, np.int64)
    shape = edges.node_count, edges.node_count
    upper = sparse.csr_array((values, (edges.source, edges.target)), shape)
    return (upper + upper.T).tocsr()


def igraph_graph(edges: EdgeList, directed: bool = False):
    """The igraph Graph. Chunks of plain Python pairs are three times faster than an array, and take less memory."""
    import igraph

    def pairs(chunk=1 << 16):
        for start in range(0, edges.edge_count, chunk):
            part = slice(start, start + chunk)
            yield from zip(edges.source[part].tolist(), edges.target[part].tolist(), strict=True)

    return igraph.Graph(n=edges.node_count, edges=pairs(), directed=directed)
