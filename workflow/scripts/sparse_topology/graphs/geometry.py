"""What a network's shape alone fixes of its graph, and how weights and masks fill it in (paper, section 3.1).

Tracing a network (`graphs.trace`) gives a `Geometry`: node layers, and for each block of edges its axis tables and the
layers whose weights it takes. Every network of one architecture shares it, so it is traced once; `encode` then needs
NumPy alone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from sparse_topology.files import atomic, reading
from sparse_topology.graphs.layered import EdgeBlock, KernelBlock, Layer, LayeredGraph, block_edges
from sparse_topology.job import InputError


@dataclass(frozen=True)
class Parameter:
    """A convolution's or linear layer's weight: module name, state_dict key, shape as PyTorch stores it."""

    name: str
    key: str
    shape: tuple[int, ...]
    groups: int


@dataclass(frozen=True)
class Term:
    """One layer's share of a block: the slice [outputs, inputs] of its weight, seen as a kernel of shape `kernel`.

    parameter: the weight's state_dict key, or None for an identity shortcut (a kernel of ones).
    outputs, inputs: slices of the kernel's first two axes; source_channel, target_channel: where they land.
    y, x: int32 [A', A]: how often the kernel offset a counts in the block's combined offset; None where both axes'
    offsets are the kernel's own. mixed: each run of so many inputs has one weight, the sum of all of the run.
    """

    parameter: str | None
    kernel: tuple[int, int, int, int]
    outputs: tuple[int, int]
    inputs: tuple[int, int]
    source_channel: int
    target_channel: int
    groups: int
    y: np.ndarray | None = None
    x: np.ndarray | None = None
    mixed: int = 1

    @property
    def rectangle(self) -> tuple[int, int, int, int]:
        """First and last + 1 source channel, first and last + 1 target channel."""
        channels = self.groups * (self.inputs[1] - self.inputs[0])
        return (
            self.source_channel,
            self.source_channel + channels,
            self.target_channel,
            self.target_channel + self.outputs[1] - self.outputs[0],
        )


@dataclass(frozen=True)
class KernelPlan:
    """A KernelBlock without its weights. More than one term: their weights are summed."""

    name: str
    source: int
    target: int
    y: np.ndarray
    x: np.ndarray
    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Join:
    """Explicit edges of one layer: unit `tail` of the source layer meets kernel entry (input, a, b) at a position.

    tail, entry, position: int64 [n], flat: the unit in its layer, (input channel over all groups, a, b), the place in
    the target's plane. Every output channel of the input's group has the edge, to its unit at `position`.
    """

    parameter: str | None
    kernel: tuple[int, int, int, int]
    groups: int
    tail: np.ndarray
    entry: np.ndarray
    position: np.ndarray


@dataclass(frozen=True)
class EdgePlan:
    """An EdgeBlock without its weights: the union of joins and of kernel plans, parallel edges summed."""

    name: str
    source: int
    target: int
    joins: tuple[Join, ...]
    kernels: tuple[KernelPlan, ...]


@dataclass(frozen=True)
class Geometry:
    """A traced network. `parameters` in the order of named_modules; `inputs`, `outputs` as in LayeredGraph."""

    parameters: list[Parameter]
    layers: list[Layer]
    plans: list[KernelPlan | EdgePlan]
    inputs: np.ndarray
    outputs: np.ndarray
    options: dict


def encode(geometry: Geometry, weights: dict[str, np.ndarray], masks: dict[str, np.ndarray]) -> LayeredGraph:
    """The multipartite graph (MGE) of a network: the edge weight is |theta|, the mask alone says where edges are.

    weights: float [shape of the parameter] by state_dict key; masks: bool of the same shape.
    """
    weights, masks = checked(geometry.parameters, weights, masks)
    return LayeredGraph(
        "mge",
        geometry.layers,
        [_fill(plan, geometry, weights, masks) for plan in geometry.plans],
        geometry.inputs,
        geometry.outputs,
        geometry.options,
    )


def checked(parameters: list[Parameter], weights, masks):
    """The weights and masks of the layers by key, in order: float32 >= 0 with 0 where masked, and bool."""
    magnitudes, kept = {}, {}
    for p in parameters:
        for what, arrays in (("weights", weights), ("mask", masks)):
            if p.key not in arrays:
                raise InputError(f"{what}: no entry {p.key} (layer {p.name}); given: {', '.join(list(arrays)[:8])}")
            if arrays[p.key].shape != p.shape:
                raise InputError(f"{what}: {p.key} has shape {arrays[p.key].shape}, the architecture's is {p.shape}")
        mask = np.asarray(masks[p.key], bool)
        magnitude = np.where(mask, np.abs(weights[p.key]), 0).astype(np.float32)
        if not np.isfinite(magnitude).all():
            raise InputError(f"weights: {p.key} (layer {p.name}) holds NaN or infinite values")
        magnitudes[p.key] = magnitude
        kept[p.key] = mask
    return magnitudes, kept


def _fill(plan, geometry, weights, masks):
    if isinstance(plan, EdgePlan):
        return _explicit(plan, geometry, weights, masks)
    kernels = [_kernel(term, weights, masks) for term in plan.terms]
    if len({(term.rectangle, term.groups) for term in plan.terms}) == 1:
        mask, weight = np.any([m for m, _ in kernels], axis=0), np.sum([w for _, w in kernels], axis=0)
        groups = plan.terms[0].groups
    else:
        mask, weight = _union(plan.terms, kernels)
        groups = 1
    source_channel, _, target_channel, _ = np.min([term.rectangle for term in plan.terms], axis=0)
    return KernelBlock(
        plan.name,
        plan.source,
        plan.target,
        int(source_channel),
        int(target_channel),
        groups,
        np.ascontiguousarray(mask),
        np.ascontiguousarray(weight, np.float32),
        plan.y,
        plan.x,
    )


def _whole(parameter: str | None, kernel, weights, masks):
    if parameter is None:
        return np.ones(kernel, bool), np.ones(kernel, np.float32)
    return masks[parameter].reshape(kernel), weights[parameter].reshape(kernel)


def _kernel(term: Term, weights, masks):
    """Mask and weight of one term over the block's (combined) offsets: [out, in / groups, A', B']."""
    mask, weight = (
        kernel[slice(*term.outputs), slice(*term.inputs)]
        for kernel in _whole(term.parameter, term.kernel, weights, masks)
    )
    if term.mixed > 1:
        runs = len(mask), -1, term.mixed, *mask.shape[2:]
        mask, weight = mask.reshape(runs).any(2), weight.reshape(runs).sum(2)
        mask, weight = mask.repeat(term.mixed, 1), weight.repeat(term.mixed, 1)
    if term.y is not None:
        mask, weight = _recount(mask, term.y, term.x) > 0, _recount(weight, term.y, term.x)
    return mask, weight


def _recount(kernel: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """sum over a, b of y[A', a] kernel[o, i, a, b] x[B', b]: float32 [o, i, A', B']."""
    out, inputs, height, width = kernel.shape
    across = kernel.reshape(-1, width).astype(np.float32) @ x.T.astype(np.float32)
    across = across.reshape(out, inputs, height, len(x)).swapaxes(2, 3)
    return (across @ y.T.astype(np.float32)).swapaxes(2, 3)


def _union(terms, kernels):
    """One ungrouped kernel over all channels that the terms join, their weights summed."""
    corners = np.array([term.rectangle for term in terms])
    s0, t0 = corners[:, 0].min(), corners[:, 2].min()
    shape = corners[:, 3].max() - t0, corners[:, 1].max() - s0, *kernels[0][0].shape[2:]
    mask, weight = np.zeros(shape, bool), np.zeros(shape, np.float32)
    for term, (part_mask, part_weight) in zip(terms, kernels, strict=True):
        outputs, inputs = part_mask.shape[:2]
        outputs //= term.groups
        for g in range(term.groups):
            rows = slice(g * outputs, (g + 1) * outputs)
            o, i = term.target_channel - t0 + g * outputs, term.source_channel - s0 + g * inputs
            mask[o : o + outputs, i : i + inputs] |= part_mask[rows]
            weight[o : o + outputs, i : i + inputs] += part_weight[rows]
    return mask, weight


def _explicit(plan: EdgePlan, geometry: Geometry, weights, masks) -> EdgeBlock:
    """Expand joins and kernel plans to edges; sum parallel ones."""
    pieces = [_join_edges(join, plan, geometry, weights, masks) for join in plan.joins]
    for kernel in plan.kernels:
        pieces += list(block_edges(_fill(kernel, geometry, weights, masks), geometry.layers, 1 << 22))
    tails, heads, values = (np.concatenate(column) for column in zip(*pieces, strict=True))
    nodes = sum(layer.size for layer in geometry.layers)
    pairs, index = np.unique(tails.astype(np.int64) * nodes + heads, return_inverse=True)
    summed = np.bincount(index, values, len(pairs)).astype(np.float32)
    return EdgeBlock(plan.name, plan.source, plan.target, pairs // nodes, pairs % nodes, summed)


def _join_edges(join: Join, plan: EdgePlan, geometry: Geometry, weights, masks):
    source, target = geometry.layers[plan.source], geometry.layers[plan.target]
    outputs, inputs, height, width = join.kernel
    mask, weight = (kernel.reshape(outputs, -1) for kernel in _whole(join.parameter, join.kernel, weights, masks))
    per_group = outputs // join.groups
    group, column = np.divmod(join.entry, inputs * height * width)
    out = group[:, None] * per_group + np.arange(per_group)
    kept = mask[out, column[:, None]]
    row, _ = np.nonzero(kept)
    out = out[kept]
    heads = target.offset + out * (target.height * target.width) + join.position[row]
    return source.offset + join.tail[row], heads, weight[out, column[row]]


def save(geometry: Geometry, path: str) -> None:
    """Write `geometry.npz`: the arrays, and everything else as a JSON header."""
    arrays: dict[str, np.ndarray] = {}

    def flat(value):
        if isinstance(value, np.ndarray):
            arrays[str(len(arrays))] = value
            return {"array": str(len(arrays) - 1)}
        if isinstance(value, dict):
            return {key: flat(entry) for key, entry in value.items()}
        return [flat(entry) for entry in value] if isinstance(value, list | tuple) else value

    header = flat(asdict(geometry))
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **arrays)


def load(path: str) -> Geometry:
    """Read what `save` wrote."""
    with reading(path, "geometry"), np.load(path, allow_pickle=False) as arrays:

        def full(value):
            if isinstance(value, dict):
                if value.keys() == {"array"}:
                    return arrays[value["array"]]
                return {key: full(entry) for key, entry in value.items()}
            return [full(entry) for entry in value] if isinstance(value, list) else value

        content = full(json.loads(arrays["header"].tobytes()))
    return Geometry(
        [Parameter(**_tuples(entry)) for entry in content["parameters"]],
        [Layer(**entry) for entry in content["layers"]],
        [_plan(entry) for entry in content["plans"]],
        content["inputs"],
        content["outputs"],
        content["options"],
    )


def _tuples(entry: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def _plan(entry: dict) -> KernelPlan | EdgePlan:
    if "joins" in entry:
        joins = tuple(Join(**_tuples(join)) for join in entry.pop("joins"))
        return EdgePlan(joins=joins, kernels=tuple(_plan(kernel) for kernel in entry.pop("kernels")), **entry)
    return KernelPlan(terms=tuple(Term(**_tuples(term)) for term in entry.pop("terms")), **entry)
