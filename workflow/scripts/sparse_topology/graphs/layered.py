"""The layered graph: the one in-memory and on-disk form of every graph encoding.

A network's graph is a list of node *layers* and a list of *blocks* of edges between them. A convolution is one kernel
applied at every position, so its block stores the masked kernel and, for each axis, which positions it joins; a graph
of 10^8 edges is then a few MB (paper, section 3.1 and 3.2; the bipartite baselines use the same form, with one pair of
node layers per network layer and a single position).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from sparse_topology.files import atomic, reading


@dataclass(frozen=True)
class Layer:
    """A set of nodes with consecutive ids, channel-major: id = offset + (c * height + y) * width + x."""

    name: str
    channels: int
    height: int
    width: int
    offset: int

    @property
    def size(self) -> int:
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class KernelBlock:
    """One kernel, applied at every position that the axis tables list.

    mask: bool [out, in / groups, A, B]; weight: float32 of the same shape, >= 0, and 0 where masked. An unmasked
    entry (o, i, a, b) is, for every row (ys, a, yt) of `y` and (xs, b, xt) of `x`, an edge from (source channel of i,
    ys, xs) to (target_channel + o, yt, xt). With groups, i counts inside the group of o, as in torch.nn.Conv2d.
    y, x: int32 [n, 3], columns source position, kernel offset, target position; a (source, target) pair occurs in at
    most one row, so a block never holds parallel edges. (A and B are the kernel's height and width, or more when
    overlapping windows or parallel layers were merged into combined offsets.)
    """

    name: str
    source: int
    target: int
    source_channel: int
    target_channel: int
    groups: int
    mask: np.ndarray
    weight: np.ndarray
    y: np.ndarray
    x: np.ndarray

    @property
    def edges_per_entry(self) -> np.ndarray:
        """How many edges an unmasked entry is, by kernel offset: int64 [A, B]."""
        return np.outer(
            np.bincount(self.y[:, 1], minlength=self.mask.shape[2]),
            np.bincount(self.x[:, 1], minlength=self.mask.shape[3]),
        )

    @property
    def edge_count(self) -> int:
        return int((self.mask.sum((0, 1), dtype=np.int64) * self.edges_per_entry).sum())


@dataclass(frozen=True)
class EdgeBlock:
    """An explicit edge list between two layers, for what has no kernel form. No parallel edges.

    source, target: int64 [n] global node ids; weight: float32 [n].
    """

    name: str
    source: int
    target: int
    tails: np.ndarray
    heads: np.ndarray
    weight: np.ndarray

    @property
    def edge_count(self) -> int:
        return len(self.tails)


Block = KernelBlock | EdgeBlock


@dataclass(frozen=True)
class LayeredGraph:
    """Node layers, blocks of edges, and which nodes are the network's input and output.

    inputs, outputs: int64 [k, 2] half-open ranges of node ids. The graph is simple (blocks between the same two layers
    share no edge) and directed from lower to higher ids. `options` are the encoding's settings.
    """

    encoding: str
    layers: list[Layer]
    blocks: list[Block]
    inputs: np.ndarray
    outputs: np.ndarray
    options: dict = field(default_factory=dict)

    @property
    def node_count(self) -> int:
        return sum(layer.size for layer in self.layers)

    @property
    def edge_count(self) -> int:
        return sum(block.edge_count for block in self.blocks)

    @property
    def weights(self) -> list[int]:
        """Entries of each kernel block's mask: in a bipartite encoding, the edges that a layer could have."""
        return [block.mask.size for block in self.blocks if isinstance(block, KernelBlock)]

    def edges(self, chunk: int = 1 << 22) -> Iterator[tuple[Block, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (block, source, target, weight) pieces of about `chunk` edges.

        source, target: int32 global ids; weight: float32. The order (kernel offset by kernel offset, weight by weight,
        then position) is what makes the Parquet file small.
        """
        for block in self.blocks:
            for piece in block_edges(block, self.layers, chunk):
                yield block, *piece


def block_edges(block: Block, layers: list[Layer], chunk: int):
    """Yield int32 source, int32 target and float32 weight arrays of one block, each of at most about `chunk` edges."""
    if isinstance(block, EdgeBlock):
        for start in range(0, block.edge_count, chunk):
            part = slice(start, start + chunk)
            yield block.tails[part].astype(np.int32), block.heads[part].astype(np.int32), block.weight[part]
        return
    pending, count = [], 0
    for piece in _entry_groups(block, layers, chunk):
        pending.append(piece)
        count += len(piece[4]) * len(piece[1])
        if count >= chunk:
            yield _spread(pending, count)
            pending, count = [], 0
    if count:
        yield _spread(pending, count)


def _entry_groups(block: KernelBlock, layers: list[Layer], chunk: int):
    """For each kernel offset (a, b), its unmasked entries and positions: an edge list in factored form.

    Yields tail base [n], tail position [p], head base [n], head position [p], weight [n]: n * p edges.
    """
    source, target = layers[block.source], layers[block.target]
    out, per_group = block.mask.shape[:2]
    by_offset = np.ascontiguousarray(block.mask.transpose(2, 3, 0, 1))
    weight = np.ascontiguousarray(block.weight.transpose(2, 3, 0, 1))
    for a, b in np.ndindex(by_offset.shape[:2]):
        ya, xb = block.y[block.y[:, 1] == a], block.x[block.x[:, 1] == b]
        tail = np.add.outer(ya[:, 0] * source.width, xb[:, 0]).ravel().astype(np.int32)
        head = np.add.outer(ya[:, 2] * target.width, xb[:, 2]).ravel().astype(np.int32)
        if not len(tail):
            continue
        o, i = np.nonzero(by_offset[a, b])
        channel = block.source_channel + (o * block.groups // out) * per_group + i
        tail_base = (source.offset + channel * (source.height * source.width)).astype(np.int32)
        head_base = (target.offset + (block.target_channel + o) * (target.height * target.width)).astype(np.int32)
        values = weight[a, b, o, i]
        step = max(1, chunk // len(tail))
        for start in range(0, len(o), step):
            part = slice(start, start + step)
            yield tail_base[part], tail, head_base[part], head, values[part]


def _spread(pieces, count: int):
    """The edges of factored pieces, written straight into one array per column."""
    tails, heads, weights = np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.float32)
    start = 0
    for tail_base, tail, head_base, head, values in pieces:
        shape = len(values), len(tail)
        part = slice(start, start + shape[0] * shape[1])
        np.add(tail_base[:, None], tail, out=tails[part].reshape(shape))
        np.add(head_base[:, None], head, out=heads[part].reshape(shape))
        weights[part].reshape(shape)[:] = values[:, None]
        start = part.stop
    return tails, heads, weights


def all_edges(graph: LayeredGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The whole edge list: int32 source, int32 target, float32 weight, each [E]."""
    empty = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)
    tails, heads, weights = zip(empty, *(piece[1:] for piece in graph.edges()), strict=True)
    return np.concatenate(tails), np.concatenate(heads), np.concatenate(weights)


def save(graph: LayeredGraph, path: str) -> None:
    """Write `blocks.npz`: packed masks, the unmasked weights only, axis tables, and a JSON header."""
    arrays: dict[str, np.ndarray] = {"inputs": graph.inputs, "outputs": graph.outputs}
    blocks = []
    for k, block in enumerate(graph.blocks):
        if isinstance(block, KernelBlock):
            blocks.append(
                dict(
                    kind="kernel",
                    name=block.name,
                    source=block.source,
                    target=block.target,
                    source_channel=block.source_channel,
                    target_channel=block.target_channel,
                    groups=block.groups,
                    shape=list(block.mask.shape),
                )
            )
            arrays |= {
                f"{k}.mask": np.packbits(block.mask),
                f"{k}.weight": block.weight[block.mask],
                f"{k}.y": block.y,
                f"{k}.x": block.x,
            }
        else:
            blocks.append(dict(kind="edges", name=block.name, source=block.source, target=block.target))
            arrays |= {f"{k}.tails": block.tails, f"{k}.heads": block.heads, f"{k}.weight": block.weight}
    header = dict(
        encoding=graph.encoding,
        layers=[[la.name, la.channels, la.height, la.width, la.offset] for la in graph.layers],
        blocks=blocks,
        options=graph.options,
    )
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def load(path: str) -> LayeredGraph:
    """Read what `save` wrote."""
    with reading(path, "graph"), np.load(path, allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        blocks: list[Block] = []
        for k, entry in enumerate(header["blocks"]):
            if entry.pop("kind") == "kernel":
                shape = tuple(entry.pop("shape"))
                mask = np.unpackbits(arrays[f"{k}.mask"], count=int(np.prod(shape))).astype(bool).reshape(shape)
                weight = np.zeros(shape, np.float32)
                weight[mask] = arrays[f"{k}.weight"]
                blocks.append(KernelBlock(mask=mask, weight=weight, y=arrays[f"{k}.y"], x=arrays[f"{k}.x"], **entry))
            else:
                blocks.append(
                    EdgeBlock(
                        tails=arrays[f"{k}.tails"], heads=arrays[f"{k}.heads"], weight=arrays[f"{k}.weight"], **entry
                    )
                )
        return LayeredGraph(
            encoding=header["encoding"],
            layers=[Layer(*entry) for entry in header["layers"]],
            blocks=blocks,
            inputs=arrays["inputs"],
            outputs=arrays["outputs"],
            options=header["options"],
        )
