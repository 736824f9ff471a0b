"""Does the traced graph hold all that the network computes? A sampled check of the graph by the module itself.

The module runs on random float64 numbers and is cut after each convolution and linear layer: whoever reads a layer
reads fresh random numbers. The derivatives of a sampled unit by all these numbers say which nodes it reads, and each of
them must have an edge to it, or reach it over identity shortcuts. torch.fx, the symbolic walk and the blocks are behind
the graph; only the module and its masks are behind the derivatives. Dead activations and max pooling hide dependence
and never invent it, so a network that is traced rightly always passes.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.graphs.geometry import Geometry, encode
from sparse_topology.graphs.layered import EdgeBlock, LayeredGraph
from sparse_topology.graphs.node_map import BATCH, Piece, Scatter, Units, is_whole_layer, matches, on_grid, scattered
from sparse_topology.graphs.trace import Walk
from sparse_topology.job import InputError
from sparse_topology.separate import Separate

ARGUMENTS = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
LAYERS = {"conv1d", "conv2d", "linear"}


def check_classes(walk: Walk, classes: int) -> None:
    """Raise an InputError unless the network returns one number per class."""
    shapes = [units.shape for units in walk.returned]
    if [math.prod(shape) for shape in shapes] != [classes]:
        given = ", ".join(str(shape) for shape in shapes) or "nothing that depends on its input"
        raise InputError(f"the network was asked for {classes} classes and returns {given} for an image")


def check(
    module: nn.Module, walk: Walk, geometry: Geometry, masks: dict[str, np.ndarray], rounds: int = 3, seed: int = 0
) -> None:
    """Raise an InputError that names the layer if a sampled unit reads a node that has no edge to it.

    module: as it was walked; it is left as it is. masks: bool by state_dict key, where its weights are. rounds: sampled
    units of every layer: in the first corner of the image plane, in the last one, then anywhere.
    """
    ones = {key: np.broadcast_to(np.float32(1), mask.shape) for key, mask in masks.items()}
    graph, shortcuts = encode(geometry, ones, masks), _Shortcuts(walk)
    run = _Run(module, walk, masks, rounds, seed)
    fault = "the traced graph is not what the network computes"
    why = "a forward or hook does what tracing does not see"

    def unexplained(units: list[tuple[int, Tensor]]) -> np.ndarray:
        allowed = np.zeros(graph.node_count, bool)
        for node, _ in units:
            allowed[sources(graph, node)] = True
        return np.flatnonzero(run.reads([value for _, value in units]) & ~shortcuts.closed(allowed))

    for units in zip(*run.samples, strict=True):  # one unit of every layer
        if len(unexplained(units)):
            node, found = next((unit[0], found[0]) for unit in units if len(found := unexplained([unit])))
            reads = f"{_name(graph, node)} depends on {_name(graph, found)}, but there is no such edge"
            raise InputError(f"{fault}: {reads}; {why}")
    outputs = np.zeros(graph.node_count, bool)
    for start, stop in graph.outputs:
        outputs[start:stop] = True
    found = np.flatnonzero(run.reads(run.returned) & ~shortcuts.closed(outputs))
    if len(found):
        raise InputError(f"{fault}: its result depends on {_name(graph, found[0])}, which is no output node; {why}")


def sources(graph: LayeredGraph, node: int) -> np.ndarray:
    """Ids of the nodes that have an edge to a node: int64 [n]."""
    place = next(k for k, layer in enumerate(graph.layers) if node < layer.offset + layer.size)
    target = graph.layers[place]
    channel, y, x = np.unravel_index(node - target.offset, (target.channels, target.height, target.width))
    found = [np.empty(0, np.int64)]
    for block in graph.blocks:
        if block.target != place:
            continue
        if isinstance(block, EdgeBlock):
            found.append(block.tails[block.heads == node])
            continue
        out, per_group = block.mask.shape[:2]
        o = channel - block.target_channel
        if 0 <= o < out:
            source, rows, columns = graph.layers[block.source], block.y[block.y[:, 2] == y], block.x[block.x[:, 2] == x]
            i, r, c = np.nonzero(block.mask[o][:, rows[:, 1]][:, :, columns[:, 1]])
            channels = block.source_channel + o * block.groups // out * per_group + i
            found.append(source.offset + (channels * source.height + rows[r, 0]) * source.width + columns[c, 0])
    return np.concatenate(found)


def _name(graph: LayeredGraph, node: int) -> str:
    layer = next(layer for layer in graph.layers if node < layer.offset + layer.size)
    unit = np.unravel_index(node - layer.offset, (layer.channels, layer.height, layer.width))
    return f"unit {tuple(map(int, unit))} of layer {layer.name}"


class _Shortcuts:
    """The identity shortcuts of a walk, whose sums do not stand for them."""

    def __init__(self, walk: Walk):
        self.walk, (layers, place) = walk, walk.node_layers()
        self.offsets = [layers[k].offset for k in place]

    def closed(self, nodes: np.ndarray) -> np.ndarray:
        """The set of nodes, bool [N], with all nodes whose identity shortcuts end in it."""
        nodes = nodes.copy()
        for main, shortcut in reversed(self.walk.shortcuts):  # a later sum's operands may be earlier sums
            if self._whole(main) and self._whole(shortcut):
                to, start = (self.offsets[units.pieces[0].layer] for units in (main, shortcut))
                nodes[start : start + main.size] |= nodes[to : to + main.size]
                continue
            ends, starts = (scattered(units).pieces for units in (main, on_grid(shortcut, main.grid)))
            for end in ends:
                element = end.element[nodes[self._ids(end)]]
                for piece in starts:
                    nodes[self._ids(piece)[matches(element, piece.element)[1]]] = True
        return nodes

    def _whole(self, units: Units) -> bool:
        return is_whole_layer(units) and units.grid == self.walk.layers[units.pieces[0].layer][1:]

    def _ids(self, piece: Piece | Scatter) -> np.ndarray:
        return self.offsets[piece.layer] + np.ravel_multi_index(piece.unit.T, self.walk.layers[piece.layer][1:])


class _Run(Separate):
    """One run of a network that is cut after each parametric layer.

    samples[k]: (node id, float64 scalar) of the sampled units of the k-th call; returned: what the network returns.
    """

    def __init__(self, module: nn.Module, walk: Walk, masks: dict[str, np.ndarray], rounds: int, seed: int):
        super().__init__(values=walk.options["attention"] == "values")
        layers, place = walk.node_layers()
        self.walk, self.rounds, self.offsets = walk, rounds, [layers[k].offset for k in place]
        self.node_count = layers[-1].offset + layers[-1].size
        self.random, self.places = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
        drawn = {id(own): self._drawn(key, own, masks) for key, own in module.named_parameters()}
        module = copy.deepcopy(module, drawn).eval()  # with these for its parameters
        for part in module.modules():
            part._buffers.update(
                {k: v.double() for k, v in part._buffers.items() if v is not None and v.is_floating_point()}
            )
        self.parameters = dict(module.named_parameters())
        shape = (BATCH, *walk.input_shape)
        self.leaves = [self._numbers(shape).requires_grad_()]
        self.samples: list[list[tuple[int, Tensor]]] = []
        try:
            with torch.enable_grad(), self:
                result = module(self.leaves[0].clone())
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
            raise InputError(f"the network does not run on images of shape {walk.input_shape}: {line}") from error
        if len(self.samples) != len(walk.calls):
            raise InputError(f"the network runs {len(self.samples)} layers, and its trace has {len(walk.calls)}")
        self.returned: list[Tensor] = []
        torch.utils._pytree.tree_map_only(Tensor, self.returned.append, result)

    def _numbers(self, shape) -> Tensor:
        """Random numbers of both signs."""
        return torch.rand(shape, generator=self.random, dtype=torch.float64).sub_(0.5)

    def _drawn(self, key: str, own: Tensor, masks: dict[str, np.ndarray]) -> nn.Parameter:
        """Random numbers in place of a parameter. Those of a layer's weight are few, and every format holds them."""
        many = key in masks
        numbers = torch.rand(
            min(own.numel(), 65_521) if many else own.shape, generator=self.random, dtype=torch.float64
        )
        numbers += 0.5
        if many:
            numbers *= torch.randint(0, 2, numbers.shape, generator=self.random) * 2 - 1
            numbers = numbers.bfloat16().repeat(-(-own.numel() // len(numbers)))[: own.numel()].reshape(own.shape)
            numbers *= torch.from_numpy(masks[key])
        return nn.Parameter(numbers, requires_grad=False)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if name in LAYERS:
            settings = dict(zip(ARGUMENTS, args, strict=False)) | kwargs
            if settings["input"].requires_grad:
                return self._cut(func, name, settings)
        return super().__torch_function__(func, types, args, kwargs)

    def _cut(self, func, name: str, settings: dict) -> Tensor:
        k = len(self.leaves)
        if k > len(self.walk.calls):
            raise InputError(f"the network runs more layers than the {len(self.walk.calls)} of its trace")
        layer, *grid = self.walk.layers[k]
        weight, key = settings["weight"], self.walk.calls[k - 1]
        own = self.parameters[key]
        if weight is not own and (weight.shape != own.shape or not torch.equal(weight.to(own.dtype), own)):
            raise InputError(f"layer {layer}: the weight that it runs with is not its parameter {key}")
        blank = {k: v.to("meta", torch.float32) if isinstance(v, Tensor) else v for k, v in settings.items()}
        shape = func(**blank).shape
        if math.prod(shape) != BATCH * math.prod(grid):
            raise InputError(f"layer {layer}: its result has shape {tuple(shape[1:])}, and in the trace {tuple(grid)}")
        corners = [(0, 0), (grid[1] - 1, grid[2] - 1)]
        chosen = corners + [tuple(self.places.integers(grid[1:])) for _ in range(self.rounds - 2)]
        sampled = []
        for y, x in chosen[: self.rounds]:
            unit = (int(self.places.integers(grid[0])), int(y), int(x))
            node = self.offsets[k] + int(np.ravel_multi_index(unit, grid))
            if k in self.walk.rows:
                row, at = self.walk.rows[k]
                features = settings["input"].reshape(-1, weight.shape[1])[row[at == y * grid[2] + x][0]]
                sampled.append((node, (features * weight[unit[0]].double()).sum()))
            else:
                sampled.append((node, unit_value(settings, unit)))
        self.samples.append(sampled)
        self.leaves.append(self._numbers(shape).requires_grad_())
        return self.leaves[-1].clone()  # so that an operation in place may follow

    def reads(self, values: list[Tensor]) -> np.ndarray:
        """The nodes that any of some tensors depends on, bool [N]."""
        factors = [torch.rand(value.shape, generator=self.random, dtype=torch.float64) for value in values]
        total = sum((value * factor).sum() for value, factor in zip(values, factors, strict=True))
        found = np.zeros(self.node_count, bool)
        if not (isinstance(total, Tensor) and total.requires_grad):
            return found
        grads = torch.autograd.grad(total, self.leaves, retain_graph=True, allow_unused=True)
        top, bottom, left, right = self.walk.ring
        for k, grad in enumerate(grads):
            if grad is not None:
                used = (grad.nan_to_num(0) != 0).numpy()
                if k in self.walk.rows:
                    row, at = self.walk.rows[k]
                    used = used.reshape(-1, used.shape[-1])[row[np.argsort(at)]].T
                else:
                    used = used[0]
                if k == 0:
                    used = used.reshape(-1, *used.shape[-2:]) if used.ndim == 3 else used.reshape(len(used), 1, -1)
                    used = np.pad(used, ((0, 0), (top, bottom), (left, right)))
                found[self.offsets[k] : self.offsets[k] + used.size] |= used.ravel()
        return found


def unit_value(settings: dict, unit: tuple[int, int, int]) -> Tensor:
    """One unit (channel, y, x) of a layer's first image, without bias, by definition: a scalar.

    settings: the arguments of conv2d, conv1d (y = 0) or linear (y = x = 0).
    """
    part, kernel = settings["input"][0], settings["weight"][unit[0]].double()
    rank, groups = kernel.dim() - 1, settings.get("groups", 1)
    group = unit[0] * groups // len(settings["weight"])
    part = part.narrow(0, group * len(kernel), len(kernel))
    for axis, position in enumerate(unit[3 - rank :]):
        stride, dilation = (_along(settings.get(key, 1), axis) for key in ("stride", "dilation"))
        padding, size = settings.get("padding", 0), kernel.shape[1 + axis]
        if isinstance(padding, str):
            before = dilation * (size - 1) // 2 if padding == "same" else 0
        else:
            before = _along(padding, axis)
        start = position * stride - before
        inside = [a for a in range(size) if 0 <= start + a * dilation < part.shape[1 + axis]]
        part = part.index_select(1 + axis, torch.tensor([start + a * dilation for a in inside], dtype=torch.int64))
        kernel = kernel.index_select(1 + axis, torch.tensor(inside, dtype=torch.int64))
    return (part * kernel).sum()


def _along(value, axis: int) -> int:
    if not isinstance(value, tuple | list):
        return value
    return value[axis] if len(value) > 1 else value[0]
