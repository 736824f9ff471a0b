"""Random layered graphs for the metric tests: every form that a block can take, small enough for brute force."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sparse_topology.graphs import geometry, trace
from sparse_topology.graphs.layered import EdgeBlock, KernelBlock, Layer, LayeredGraph


def each(strategy, examples=60):
    """The test runs for so many graphs of a strategy, however slow the machine is."""
    return lambda test: settings(max_examples=examples, deadline=None)(given(strategy)(test))


def conv_table(size, kernel, stride=1, padding=0, pool=1):
    """Axis table int32 [n, 3] of a convolution that reads a (disjointly pooled) map of `size` positions."""
    pooled = size // pool
    outputs = (pooled + 2 * padding - kernel) // stride + 1
    rows = [
        (position * pool + k, offset, target)
        for target in range(outputs)
        for offset in range(kernel)
        if 0 <= (position := target * stride - padding + offset) < pooled
        for k in range(pool)
    ]
    return np.array(rows, np.int32).reshape(-1, 3), outputs


def kernel_block(rng, name, layers, source, target, y, x, density, shape, source_channel=0, target_channel=0, groups=1):
    mask = rng.random(shape) < density
    weight = np.where(mask, rng.random(shape) + 0.1, 0).astype(np.float32)
    return KernelBlock(name, source, target, source_channel, target_channel, groups, mask, weight, y, x)


@st.composite
def layered_graphs(draw, identity_blocks=True, dense_concatenation=True):
    """A random network's graph: convolutions of any stride, padding, pooling and groups, then shortcuts over any
    number of layers (projections on a channel slice, concatenation-like readers, explicit identity edges)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.0, 0.1, 0.4, 0.8, 1.0]))
    channels = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(2, 5)))]
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    layers = [Layer("input", channels[0], height, width, 0)]
    blocks = []
    for k, out in enumerate(channels[1:]):
        source = layers[-1]
        pool = draw(st.sampled_from([1, 1, 1, 2])) if min(source.height, source.width) >= 2 else 1
        tables = []
        for size in (source.height, source.width):
            kernel = draw(st.integers(1, min(3, size // pool)))
            padding = draw(st.integers(0, kernel - 1))
            tables.append((*conv_table(size, kernel, draw(st.integers(1, 2)), padding, pool), kernel))
        (y, new_height, a), (x, new_width, b) = tables
        groups = 2 if source.channels % 2 == 0 and out % 2 == 0 and draw(st.booleans()) else 1
        layers.append(Layer(f"conv{k}", out, new_height, new_width, source.offset + source.size))
        shape = out, source.channels // groups, a, b
        blocks.append(kernel_block(rng, f"conv{k}", layers, k, k + 1, y, x, density, shape, groups=groups))
    spans = [(s, t) for s in range(len(layers)) for t in range(s + 2, len(layers))]
    chosen = draw(st.lists(st.sampled_from(spans), unique=True, max_size=len(spans))) if spans else []
    if not dense_concatenation:
        chosen = chosen[:1]
    for s, t in chosen:
        blocks.append(shortcut(draw, rng, layers, s, t, density, identity_blocks))
    order = np.cumsum([0] + [layer.size for layer in layers])
    return LayeredGraph("mge", layers, blocks, np.array([[0, order[1]]]), np.array([[order[-2], order[-1]]]))


def shortcut(draw, rng, layers, s, t, density, identity_blocks):
    """A 1x1 projection that samples every few positions, of a slice of the channels, or explicit random edges."""
    source, target = layers[s], layers[t]
    if identity_blocks and draw(st.booleans()):
        pairs = np.flatnonzero(rng.random(source.size * target.size) < min(density, 2 / source.size))
        tails, heads = np.divmod(pairs, target.size)
        weight = (rng.random(len(pairs)) + 0.1).astype(np.float32)
        return EdgeBlock(f"edges{s}-{t}", s, t, tails + source.offset, heads + target.offset, weight)
    tables = []
    for near, far in ((source.height, target.height), (source.width, target.width)):
        step = max(1, near // far)
        count = min(far, (near - 1) // step + 1)
        tables.append(np.array([(k * step, 0, k) for k in range(count)], np.int32))
    first, first_out = draw(st.integers(0, source.channels - 1)), draw(st.integers(0, target.channels - 1))
    shape = target.channels - first_out, source.channels - first, 1, 1
    return kernel_block(rng, f"proj{s}-{t}", layers, s, t, *tables, density, shape, first, first_out)


class Grouped(torch.nn.Module):
    """Two grouped convolutions beside each other, read together by a third with a shortcut around it, then a 1x1."""

    def __init__(self, channels, beside, groups, kernels, dilations, stride, shortcut):
        super().__init__()
        conv, (first, second, third) = torch.nn.Conv2d, groups
        self.first = conv(2, channels, 1)
        self.beside = torch.nn.ModuleList(
            conv(channels, out, k, stride, d * (k // 2), d, group)
            for out, k, d, group in zip(beside, kernels, dilations, (first, second), strict=False)
        )
        both = sum(beside)
        self.third = conv(both, both, kernels[2], padding=dilations[2] * (kernels[2] // 2), dilation=dilations[2],
                          groups=third)  # fmt: skip
        self.projection = conv(both, both, 1, groups=third) if shortcut == "projection" else None
        self.shortcut, self.last = shortcut, conv(both, 2, 1)

    def forward(self, x):
        x = self.first(x)
        x = torch.cat([conv(x) for conv in self.beside], 1)
        y = self.third(x)
        if self.shortcut == "identity":
            y = y + x
        return self.last(y if self.projection is None else y + self.projection(x))


@st.composite
def grouped_networks(draw):
    """The graph of a network whose convolutions have any stride, padding, dilation and number of groups."""
    channels = draw(st.sampled_from([2, 3, 4, 6]))
    beside = [channels * draw(st.sampled_from([1, 1, 2])) for _ in range(2)]
    groups = [draw(st.sampled_from([g for g in range(1, n + 1) if n % g == 0])) for n in (channels, channels)]
    groups.append(draw(st.sampled_from([g for g in range(1, sum(beside) + 1) if sum(beside) % g == 0])))
    kernels, dilations = ([draw(st.sampled_from(few)) for _ in range(3)] for few in ([1, 3, 3, 5], [1, 1, 2]))
    shortcut = draw(st.sampled_from([None, "identity", "projection"]))
    arguments = channels, beside, groups, kernels, dilations, draw(st.integers(1, 2)), shortcut
    size = 2, draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return traced(lambda: Grouped(*arguments), size, draw(st.sampled_from([0.2, 0.6, 1.0])), "edges")


@st.composite
def bipartite_graphs(draw):
    """A rolled encoding of one to three layers, possibly empty ones, possibly grouped."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layers, blocks, offset = [], [], 0
    for k in range(draw(st.integers(1, 3))):
        groups = draw(st.sampled_from([1, 1, 2]))
        left, right = groups * draw(st.integers(1, 8)), groups * draw(st.integers(1, 8))
        layers.append(Layer(f"layer{k}:in", left, 1, 1, offset))
        layers.append(Layer(f"layer{k}:out", right, 1, 1, offset + left))
        offset += left + right
        table = np.zeros((1, 3), np.int32)
        density = draw(st.sampled_from([0.0, 0.2, 0.7, 1.0]))
        shape = right, left // groups, 1, 1
        blocks.append(
            kernel_block(rng, f"layer{k}", layers, 2 * k, 2 * k + 1, table, table, density, shape, groups=groups)
        )
    return LayeredGraph("rolled", layers, blocks, np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64))


def traced(build, shape, density, shortcuts="ignore", attention="all") -> LayeredGraph:
    """The graph of the module that `build` returns, for images [C, H, W], with random masks."""
    torch.manual_seed(0)
    module = build()
    network = trace.trace(module, shape, shortcuts, attention)
    rng = np.random.default_rng(0)
    weights = {p.key: module.state_dict()[p.key].numpy() for p in network.parameters}
    masks = {key: rng.random(weight.shape) < density for key, weight in weights.items()}
    return geometry.encode(network, weights, masks)


def from_pairs(pairs, sizes, kernels=False) -> LayeredGraph:
    """A graph given by its edges, of weight 1, between layers of the given sizes; as edge blocks or as 1x1 kernels."""
    first = np.cumsum([0, *sizes])
    layers = [Layer(f"layer{k}", size, 1, 1, int(first[k])) for k, size in enumerate(sizes)]
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    ends = np.searchsorted(first, pairs, "right") - 1
    blocks = []
    for s, t in sorted(set(map(tuple, ends.tolist()))):
        tails, heads = pairs[(ends == (s, t)).all(1)].T
        ones = np.ones(len(tails), np.float32)
        if not kernels:
            blocks.append(EdgeBlock(f"{s}-{t}", s, t, tails, heads, ones))
            continue
        mask = np.zeros((sizes[t], sizes[s], 1, 1), bool)
        mask[heads - first[t], tails - first[s]] = True
        table = np.zeros((1, 3), np.int32)
        blocks.append(KernelBlock(f"{s}-{t}", s, t, 0, 0, 1, mask, mask.astype(np.float32), table, table))
    return LayeredGraph("mge", layers, blocks, np.array([[0, first[1]]]), np.array([[first[-2], first[-1]]]))


def bipartite(masks) -> LayeredGraph:
    """A rolled encoding whose layers have the given bool masks [left, right] and weights 1."""
    layers, blocks, offset = [], [], 0
    table = np.zeros((1, 3), np.int32)
    for k, mask in enumerate(masks):
        for side, size in zip(("in", "out"), mask.shape, strict=True):
            layers.append(Layer(f"layer{k}:{side}", size, 1, 1, offset))
            offset += size
        kernel = mask.T[:, :, None, None]
        weight = kernel.astype(np.float32)
        blocks.append(KernelBlock(f"layer{k}", 2 * k, 2 * k + 1, 0, 0, 1, kernel, weight, table, table))
    return LayeredGraph("rolled", layers, blocks, np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64))
