"""A drawing of a multipartite graph, layer by layer, that shows where its connections thin out (paper, Figure 1).

Every layer is a column of nodes in the order of their ids, so a channel is a band. Nodes are aggregated into bins (one
bin per node in a small layer) and edges into bundles from bin to bin. A pixel between two columns has the colour of the
share of the dense network's edges through it that the sparse one has kept, on a scale that is the same in every
drawing. Blocks that skip layers are arcs above. Below, for every layer, that share, and its dead units: those that have
lost their edges on one side or on both.
"""

import textwrap

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Arc, Patch
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter

from sparse_topology.figures import PAGE, mpl, save
from sparse_topology.graphs import geometry as geometries
from sparse_topology.graphs import layered
from sparse_topology.graphs.layered import LayeredGraph
from sparse_topology.job import job
from sparse_topology.metrics.degrees import degrees, sinks_and_sources
from sparse_topology.words import network_title

BINS = 144  # bins of a large layer, and pixel rows of the drawing
KINDS = ["connected", "source", "sink", "disconnected"]
COLOURS = np.array([[0.82, 0.82, 0.82], [0.97, 0.58, 0.1], [0.78, 0.1, 0.55], [0.1, 0.1, 0.1]])
SHARE = mpl.colormaps["YlGnBu"]
LEAST = 1e-3  # the scale's lower end, which what is less is drawn as
ADJACENT = {"marker": "o", "color": "#225ea8", "markersize": 3}
SKIPPING = {"marker": "^", "color": "#c78400", "markersize": 3.5}
EMPTY = {"marker": "x", "color": "#cc0000", "markersize": 4}


def node_kinds(graph: LayeredGraph) -> np.ndarray:
    """Index into KINDS of every node, int64 [N]. Inputs are no sources, outputs no sinks (paper, Appendix B.1)."""
    outdegree, indegree = degrees(graph)
    sink, source = sinks_and_sources(outdegree, indegree, graph.inputs, graph.outputs)
    return np.select([outdegree + indegree == 0, sink, source], [3, 2, 1], 0)


def bundles(graph: LayeredGraph, bins: int = BINS) -> dict[tuple[int, int], np.ndarray]:
    """For each pair of layers with edges, their number from bin to bin: float64 [source bins, target bins].

    A layer of at most `bins` nodes has one bin per node.
    """
    sizes = [min(bins, layer.size) for layer in graph.layers]
    bin_of = np.concatenate(
        [np.arange(la.size) * size // la.size for la, size in zip(graph.layers, sizes, strict=True)]
    )
    total = {}
    for block, tail, head, _ in graph.edges():
        pair = block.source, block.target
        shape = sizes[pair[0]], sizes[pair[1]]
        counts = np.bincount(bin_of[tail] * shape[1] + bin_of[head], minlength=shape[0] * shape[1])
        total[pair] = total.get(pair, 0) + counts.reshape(shape).astype(float)
    return total


def raster(counts: np.ndarray, width: int, height: int = BINS) -> np.ndarray:
    """Edges through each pixel if bundles are straight lines between their bins' centres: float64 [height, width]."""
    left, right = ((np.arange(size) + 0.5) / size for size in counts.shape)
    image = np.empty((height, width))
    for column in range(width):
        f = (column + 0.5) / width
        y = np.add.outer((1 - f) * left, f * right) * height
        image[:, column] = np.bincount(np.minimum(y, height - 1).astype(int).ravel(), counts.ravel(), height)
    return image


def composition(kinds: np.ndarray, width: int, height: int = BINS) -> np.ndarray:
    """A column of nodes as colours [height, width, 3]: each pixel row splits into the kinds of the nodes it covers."""
    edges = np.linspace(0, len(kinds), height + 1)
    image = np.empty((height, width, 3))
    for row in range(height):
        part = np.sort(kinds[int(edges[row]) : max(int(np.ceil(edges[row + 1])), int(edges[row]) + 1)])[::-1]
        image[row] = COLOURS[part[np.arange(width) * len(part) // width]]
    return image


def image_of(graph: LayeredGraph, kept: dict, dense: dict, norm: LogNorm, strip: int, gap: int) -> np.ndarray:
    """The aggregated drawing: columns of nodes, `strip` pixels wide, and the edges between them, `gap` pixels wide."""
    kinds = node_kinds(graph)
    parts = []
    for k, layer in enumerate(graph.layers):
        parts.append(composition(kinds[layer.offset : layer.offset + layer.size], strip))
        if k + 1 == len(graph.layers):
            break
        between = np.ones((BINS, gap, 3))
        if (k, k + 1) in dense:
            possible = raster(dense[k, k + 1], gap)
            share = raster(kept.get((k, k + 1), np.zeros_like(dense[k, k + 1])), gap) / np.maximum(possible, 1e-12)
            colours = SHARE(norm(np.maximum(share, norm.vmin)))[..., :3]
            between = np.where((share > 0)[..., None], colours, between)
        parts.append(between)
    return np.concatenate(parts, axis=1)


def draw(graph: LayeredGraph, dense: LayeredGraph, title: str = "") -> Figure:
    """graph: a sparse network's graph; dense: the graph of the same network with all its weights."""
    kept, possible = bundles(graph), bundles(dense)
    share = {pair: kept[pair].sum() / counts.sum() if pair in kept else 0.0 for pair, counts in possible.items()}
    norm = LogNorm(LEAST, 1, clip=True)
    count = len(graph.layers)
    width = np.clip(0.45 * count, 0.65 * PAGE, 1.5 * PAGE)
    figure = Figure(figsize=(width, 5.2))
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[6, 1.3, 1.3])
    gap = int(np.clip(1600 / count, 8, 60))
    strip = max(3, gap // 8)
    half = strip / (strip + gap) / 2
    pixels = image_of(graph, kept, possible, norm, strip, gap)
    top.imshow(pixels, extent=(-half, count - 1 + half, 1, 0), aspect="auto", interpolation="nearest")
    highest = draw_skips(top, share, norm, count)
    top.set(ylim=(1.01, -0.03 - highest), xlim=(-0.6, count - 0.4), yticks=[])
    dead = (node_kinds(graph) > 0).mean()
    size = f"{graph.node_count:,} units, {dead:.1%} of them dead; {graph.edge_count:,} edges"
    lines = [*textwrap.wrap(title, int(17 * width)), *textwrap.wrap(size, int(17 * width))]
    figure.suptitle("\n".join(lines), x=0.01, ha="left", size=8)
    top.grid(False)
    top.spines[:].set_visible(False)
    top.tick_params(length=0)
    draw_shares(middle, share)
    draw_kinds(bottom, graph)
    names = [f"{la.name}  {la.channels}×{la.height}×{la.width}" for la in graph.layers]
    bottom.set_xticks(np.arange(count), names, rotation=90)
    bottom.tick_params(axis="x", labelsize=min(6, 6 * 60 / count))
    scale = mpl.cm.ScalarMappable(norm, SHARE)
    figure.colorbar(scale, ax=top, aspect=30, pad=0.01, label="edges kept", format=percent, extend="min")
    handles = [Patch(color=colour, label=f"{kind} unit") for kind, colour in zip(KINDS, COLOURS, strict=True)]
    looks = {"edges to the next layer": ADJACENT, "edges that skip layers (arcs)": SKIPPING, "none left": EMPTY}
    if not any(target - source > 1 for source, target in share):
        del looks["edges that skip layers (arcs)"]
    handles += [Line2D([], [], linestyle="none", label=label, **look) for label, look in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=4 if width > 6 else 3)
    return figure


def draw_skips(axis, share: dict[tuple[int, int], float], norm: LogNorm, count: int) -> float:
    """Arcs over the drawing for edges that skip layers, grey where none is left. Returns the highest arc's height."""
    highest = 0.0
    for (source, target), value in share.items():
        if target - source > 1:
            rise = 0.3 * np.sqrt((target - source) / count)
            colour = SHARE(norm(value)) if value else "#dddddd"
            middle = (source + target) / 2, -0.01
            axis.add_patch(Arc(middle, target - source, 2 * rise, theta1=180, theta2=360, color=colour))
            highest = max(highest, rise)
    return highest


def percent(share: float, _=None) -> str:
    return f"{100 * share:g}%"


def draw_shares(axis, share: dict[tuple[int, int], float]) -> None:
    """Share of the dense network's edges that are left, at the middle of the way between the two layers."""
    for (source, target), value in share.items():
        skip = target - source > 1
        look = (SKIPPING if skip else ADJACENT) if value else EMPTY
        axis.plot((source + target) / 2, max(value, LEAST) if value else 1, linestyle="none", **look)
    axis.set(yscale="log", ylim=(0.7 * LEAST, 1.4))
    axis.set_title("Share of the dense network's edges that is kept, layer to layer", loc="left")
    axis.yaxis.set_major_locator(LogLocator(10, numticks=4))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(percent)


def draw_kinds(axis, graph: LayeredGraph) -> None:
    """Share of each layer's nodes that are sources, sinks or disconnected."""
    kinds = node_kinds(graph)
    share = np.array(
        [
            np.bincount(kinds[layer.offset : layer.offset + layer.size], minlength=4) / layer.size
            for layer in graph.layers
        ]
    )
    base = np.zeros(len(share))
    for kind in (1, 2, 3):
        axis.bar(np.arange(len(share)), share[:, kind], bottom=base, color=COLOURS[kind], width=0.6)
        base += share[:, kind]
    axis.set(ylim=(0, 1))
    axis.set_title("Dead units of each layer", loc="left")
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def main(geometry, blocks, output, network) -> None:
    """network: its words, dataset, architecture, pruning and sparsity."""
    shape = geometries.load(geometry)
    ones = {p.key: np.ones(p.shape, bool) for p in shape.parameters}
    save(draw(layered.load(blocks), geometries.encode(shape, ones, ones), network_title(network)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.geometry, snakemake.input.blocks, snakemake.output[0], snakemake.params.network)
