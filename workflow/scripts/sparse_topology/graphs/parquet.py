"""The edge list of a graph as one small Parquet file that any data tool reads.

Columns source: int32, target: int32 (node ids), weight: float32. The file's metadata has `nodes`, `edges`, `encoding`,
`options`, `layers` (name, channels, height, width, offset), `inputs` and `outputs` (ranges of node ids), and `weights`
(numbers of weights, masked ones included, of the network's layers in a bipartite encoding), all in JSON.

The rows come kernel entry by kernel entry, each entry's positions in a row, so ids grow by a constant and weights
repeat: delta encoding, a dictionary and zstd then leave a fifth of a byte per edge (sorted by target it is seven times
as much).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparse_topology.files import atomic
from sparse_topology.graphs.layered import LayeredGraph

COLUMNS = ("source", "target", "weight")
ROWS = 1 << 20


def write(graph: LayeredGraph, path) -> None:
    """Write `edges.parquet`, piece by piece: memory stays at a few pieces, whatever the number of edges."""
    metadata = {
        "encoding": graph.encoding,
        "nodes": graph.node_count,
        "edges": graph.edge_count,
        "layers": [astuple(layer) for layer in graph.layers],
        "inputs": graph.inputs.tolist(),
        "outputs": graph.outputs.tolist(),
        "options": graph.options,
        "weights": graph.weights,
    }
    fields = zip(COLUMNS, (pa.int32(), pa.int32(), pa.float32()), strict=True)
    schema = pa.schema(
        [pa.field(name, kind, nullable=False) for name, kind in fields],
        {key: json.dumps(value) for key, value in metadata.items()},
    )
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            compression_level=6,
            use_dictionary=["weight"],
            column_encoding={"source": "DELTA_BINARY_PACKED", "target": "DELTA_BINARY_PACKED"},
            write_statistics=False,
        ) as writer,
    ):
        for columns in _row_groups(graph):
            writer.write_table(pa.table(columns, schema=schema))


def _row_groups(graph: LayeredGraph) -> Iterator[list[pa.ChunkedArray]]:
    """The three columns in groups of about ROWS edges; a group may span many small blocks."""
    pieces, count = [], 0
    for _, *piece in graph.edges(ROWS):
        pieces.append(piece)
        count += len(piece[0])
        if count >= ROWS:
            yield [pa.chunked_array(column) for column in zip(*pieces, strict=True)]
            pieces, count = [], 0
    if count:
        yield [pa.chunked_array(column) for column in zip(*pieces, strict=True)]


def read_metadata(path) -> dict:
    """nodes, edges, encoding, options, layers, inputs, outputs, weights."""
    stored = pq.read_schema(path).metadata
    return {key.decode(): json.loads(value) for key, value in stored.items() if not key.startswith(b"ARROW")}


def read_edges(path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int32 source, int32 target, float32 weight, each [E]."""
    table = pq.read_table(path)
    return tuple(table[name].to_numpy() for name in COLUMNS)
