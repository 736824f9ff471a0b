"""A graph as two small Parquet files that any data tool reads: its edges, and what its node ids stand for.

edges.parquet has columns source: int32, target: int32 (node ids), weight: float32; with the weights' names also
parameter: string (state_dict key) and index: int32 (flat, in C order), both null where an edge is of several weights or
of none. nodes.parquet has id: int32, layer: string, channel, y, x: int32, kind: string (input, padding, hidden, output)
and merged: string, the other layers whose outputs a sum made the same nodes, joined by "+". The metadata of the edges
has `nodes`, `edges`, `encoding`, `options`, `layers` (name, channels, height, width, offset), `inputs` and `outputs`
(ranges of node ids), and `weights` (numbers of weights, masked ones included, of the network's layers in a bipartite
encoding), all in JSON.

The rows come kernel entry by kernel entry, each entry's positions in a row, so ids grow by a constant and weights
repeat: delta encoding, a dictionary and zstd then leave a fifth of a byte per edge (sorted by target it is seven times
as much).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import astuple
from itertools import repeat

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparse_topology.files import atomic, reading
from sparse_topology.graphs.layered import Layer, LayeredGraph
from sparse_topology.graphs.weight_names import WeightNames

COLUMNS = ("source", "target", "weight")
KINDS = ("input", "padding", "hidden", "output")
ROWS = 1 << 20


def write(graph: LayeredGraph, path, names: WeightNames | None = None) -> None:
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
    pairs = zip(COLUMNS, (pa.int32(), pa.int32(), pa.float32()), strict=True)
    fields = [pa.field(name, kind, nullable=False) for name, kind in pairs]
    if names:
        fields += [pa.field("parameter", pa.dictionary(pa.int32(), pa.string())), pa.field("index", pa.int32())]
    schema = pa.schema(
        fields,
        {key: json.dumps(value) for key, value in metadata.items()},
    )
    with (
        atomic(path) as temporary,
        pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            compression_level=6,
            use_dictionary=["weight", "parameter", "index"],
            column_encoding={"source": "DELTA_BINARY_PACKED", "target": "DELTA_BINARY_PACKED"},
            write_statistics=False,
        ) as writer,
    ):
        for columns in _row_groups(graph, names):
            writer.write_table(pa.table(columns, schema=schema))


def _row_groups(graph: LayeredGraph, names: WeightNames | None) -> Iterator[list[pa.ChunkedArray]]:
    """The columns in groups of about ROWS edges; a group may span many small blocks."""
    pieces, count = [], 0
    named = names.pieces(ROWS) if names else repeat(None)
    for (_, *piece), name in zip(graph.edges(ROWS), named, strict=bool(names)):
        pieces.append(piece + (_name_columns(names.keys, *name) if names else []))
        count += len(piece[0])
        if count >= ROWS:
            yield [pa.chunked_array(column) for column in zip(*pieces, strict=True)]
            pieces, count = [], 0
    if count:
        yield [pa.chunked_array(column) for column in zip(*pieces, strict=True)]


def _name_columns(keys: list[str], number: np.ndarray, index: np.ndarray) -> list[pa.Array]:
    """The columns `parameter` and `index`; number and index: int64 [n], -1 for null."""
    nothing = number < 0
    codes = pa.array(number.astype(np.int32), mask=nothing)
    return [pa.DictionaryArray.from_arrays(codes, pa.array(keys)), pa.array(index.astype(np.int32), mask=nothing)]


def write_nodes(graph: LayeredGraph, path) -> None:
    """Write `nodes.parquet`, a row for every node, also for those without an edge."""
    layers = graph.layers
    place = [np.indices((la.channels, la.height, la.width), np.int32).reshape(3, -1) for la in layers]
    channel, y, x = np.concatenate(place, axis=1) if place else np.zeros((3, 0), np.int32)
    number = np.repeat(np.arange(len(layers)), [la.size for la in layers])
    columns = {
        "id": pa.array(np.arange(graph.node_count, dtype=np.int32)),
        "layer": _texts(number, [la.name for la in layers]),
        "channel": pa.array(channel),
        "y": pa.array(y),
        "x": pa.array(x),
        "kind": _texts(_kinds(graph), KINDS),
        "merged": _texts(number, [merged(graph, k) for k in range(len(layers))]),
    }
    delta = dict.fromkeys(("id", "channel", "y", "x"), "DELTA_BINARY_PACKED")
    with atomic(path) as temporary:
        pq.write_table(
            pa.table(columns),
            temporary,
            compression="zstd",
            use_dictionary=["layer", "kind", "merged"],
            column_encoding=delta,
            write_statistics=False,
        )


def _texts(number: np.ndarray, texts) -> pa.DictionaryArray:
    """A column of few texts: for each row the number of its text in `texts`, int [n]."""
    distinct = list(dict.fromkeys(texts))
    codes = np.array([distinct.index(text) for text in texts], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes[number]), pa.array(distinct, pa.string()))


def _kinds(graph: LayeredGraph) -> np.ndarray:
    """Index into KINDS of every node, int64 [N]. An input that is also returned is an output."""
    kinds = np.full(graph.node_count, KINDS.index("hidden"))
    for first, last in graph.inputs:
        kinds[first:last] = KINDS.index("input")
    if padding := graph.options.get("padding"):
        layer, (top, bottom, left, right) = graph.layers[0], padding
        ring = np.ones((layer.channels, layer.height, layer.width), bool)
        ring[:, top : layer.height - bottom, left : layer.width - right] = False
        kinds[layer.offset : layer.offset + layer.size][ring.ravel()] = KINDS.index("padding")
    for first, last in graph.outputs:
        kinds[first:last] = KINDS.index("output")
    return kinds


def merged(graph: LayeredGraph, number: int) -> str:
    """The layers whose outputs are the same nodes as those of node layer `number`, by a sum: joined by "+"."""
    layer: Layer = graph.layers[number]
    ending = dict.fromkeys(name for block in graph.blocks if block.target == number for name in block.name.split("+"))
    own = {layer.name, layer.name.partition("#")[0], layer.name.removesuffix(":out"), "identity"}
    return "+".join(name for name in ending if name not in own)


def read_metadata(path) -> dict:
    """nodes, edges, encoding, options, layers, inputs, outputs, weights."""
    with reading(path, "Parquet file"):
        stored = pq.read_schema(path).metadata
    return {key.decode(): json.loads(value) for key, value in stored.items() if not key.startswith(b"ARROW")}


def read_edges(path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int32 source, int32 target, float32 weight, each [E]."""
    with reading(path, "Parquet file"):
        table = pq.read_table(path)
    return tuple(table[name].to_numpy() for name in COLUMNS)
