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

from snn.files import atomic


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
    def edge_count(self) -> int:
        per_offset = np.outer(
            np.bincount(self.y[:, 1], minlength=self.mask.shape[2]),
            np.bincount(self.x[:, 1], minlength=self.mask.shape[3]),
        )
        return int((self.mask.sum((0, 1), dtype=np.int64) * per_offset).sum())


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

    def edges(self, chunk: int = 1 << 22) -> Iterator[tuple[Block, np.ndarray, np.ndarray, np.ndarray]]:
        """Yield (block, source, target, weight) pieces of about `chunk` edges, kernel entry by kernel entry.

        source, target: int32 global ids; weight: float32. The order (weight by weight, then position) is what makes
        the Parquet file small.
        """
        for block in self.blocks:
            for piece in block_edges(block, self.layers, chunk):
                yield block, *piece


def block_edges(block: Block, layers: list[Layer], chunk: int):
    """Yield int32 source, int32 target and float32 weight arrays of one block."""
    if isinstance(block, EdgeBlock):
        for start in range(0, block.edge_count, chunk):
            part = slice(start, start + chunk)
            yield block.tails[part].astype(np.int32), block.heads[part].astype(np.int32), block.weight[part]
        return
    source, target = layers[block.source], layers[block.target]
    out, per_group, height, width = block.mask.shape
    y = [block.y[block.y[:, 1] == a] for a in range(height)]
    x = [block.x[block.x[:, 1] == b] for b in range(width)]
    tails = [[np.add.outer(ya[:, 0] * source.width, xb[:, 0]).ravel() for xb in x] for ya in y]
    heads = [[np.add.outer(ya[:, 2] * target.width, xb[:, 2]).ravel() for xb in x] for ya in y]
    pending, count = [], 0
    for o, i, a, b in np.argwhere(block.mask):
        i_global = block.source_channel + (o * block.groups // out) * per_group + i
        tail = source.offset + i_global * source.height * source.width + tails[a][b]
        head = target.offset + (block.target_channel + o) * target.height * target.width + heads[a][b]
        pending.append((tail, head, np.full(len(tail), block.weight[o, i, a, b], np.float32)))
        count += len(tail)
        if count >= chunk:
            yield _concatenate(pending)
            pending, count = [], 0
    if pending:
        yield _concatenate(pending)


def _concatenate(pieces):
    tails, heads, weights = zip(*pieces, strict=True)
    return np.concatenate(tails).astype(np.int32), np.concatenate(heads).astype(np.int32), np.concatenate(weights)


def all_edges(graph: LayeredGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The whole edge list: int32 source, int32 target, float32 weight, each [E]."""
    pieces = [piece[1:] for piece in graph.edges()]
    if not pieces:
        return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)
    return _concatenate(pieces)


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
    with np.load(path, allow_pickle=False) as arrays:
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
