"""From any CNN to its geometry: which nodes each tensor's elements stand for (paper, section 3.1).

The module is traced with torch.fx and its graph is run once on symbolic tensors. A tensor carries, for each of its
elements, the set of nodes that the element stands for: a layer's output stands for the layer's own nodes; what adds no
nodes (BatchNorm, activation, pooling, concatenation, reshaping) changes the map only (`graphs.node_map`). A parametric
layer turns the map of its operand into blocks of edges (`graphs.parallel_edges`): kernel blocks where the map is a
product of axes, edge blocks where a reshape broke the grid. Data movement (view, cat, chunk, padding, shuffling, ...)
needs no rule per operation: the operation itself is run on a tensor of element numbers.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from sparse_topology.graphs.geometry import Geometry, Join, Parameter, Term
from sparse_topology.graphs.layered import Layer
from sparse_topology.graphs.node_map import (
    Piece,
    Scatter,
    Units,
    compose,
    diagonal,
    gather,
    is_whole_layer,
    matches,
    meet,
    on_grid,
    pool,
    scattered,
    whole_layer,
    windows,
)
from sparse_topology.graphs.parallel_edges import Draft, piece_terms, plans
from sparse_topology.job import InputError

CONVOLUTION = {"conv1d", "conv2d"}
LINEAR = {"linear"}
POOLING = {"maxpool1d", "maxpool2d", "avgpool1d", "avgpool2d"}
ADAPTIVE = {"adaptiveavgpool1d", "adaptiveavgpool2d", "adaptivemaxpool1d", "adaptivemaxpool2d"}
REDUCTION = {"mean", "sum", "amax"}
ADDITION = {"add", "iadd"}
ARITHMETIC = ADDITION | {"sub", "isub", "mul", "imul", "multiply", "div", "truediv", "itruediv", "pow", "neg"}
ELEMENTWISE = {
    *("batchnorm", "batchnorm1d", "batchnorm2d", "syncbatchnorm", "instancenorm", "instancenorm2d", "groupnorm"),
    *("layernorm", "localresponsenorm"),
    *("relu", "relu6", "leakyrelu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"),
    *("softsign", "sigmoid", "logsigmoid", "tanh", "hardtanh", "hardsigmoid", "hardswish", "hardshrink", "softshrink"),
    *("tanhshrink", "threshold", "clamp", "clip", "softmax", "logsoftmax", "softmin", "exp", "log", "abs", "sqrt"),
    *("dropout", "dropout1d", "dropout2d", "alphadropout", "featurealphadropout", "featuredropout", "stochasticdepth"),
    *("identity", "contiguous", "clone", "detach", "float", "double", "half", "to", "type", "requiresgrad"),
}
MOVEMENT = {
    *("flatten", "unflatten", "view", "reshape", "permute", "transpose", "movedim", "swapaxes", "squeeze", "unsqueeze"),
    *("getitem", "chunk", "split", "tensorsplit", "unbind", "narrow", "select", "indexselect", "flip", "roll"),
    *("cat", "concat", "concatenate", "stack", "expand", "repeat", "tile", "pad", "zeropad1d", "zeropad2d"),
    *("constantpad1d", "constantpad2d", "reflectionpad1d", "reflectionpad2d", "replicationpad1d", "replicationpad2d"),
    *("pixelshuffle", "pixelunshuffle", "channelshuffle", "interpolate", "upsample", "upsamplingnearest2d"),
}
JOINING = {"cat", "concat", "concatenate", "stack"}
ZERO_PADDING = {"pad", "zeropad1d", "zeropad2d", "constantpad1d", "constantpad2d"}
SAME_VALUES = {"identity", "contiguous", "clone", "detach", "float", "double", "half", "to", "type", "dropout"}
PRODUCT = {"mul", "imul", "multiply"}
BATCH = 2  # images in a traced batch: with one, `squeeze` would take the batch axis away
NO_TENSOR = {"size", "dim", "numel", "getattr", "ndimension"}
KNOWN = CONVOLUTION | LINEAR | POOLING | ADAPTIVE | ELEMENTWISE | MOVEMENT
MOVING_MODES = ("nearest", "constant", "reflect", "replicate", "circular")

# Arguments of the functional forms, by position; the modules' attributes have the same names.
ARGUMENTS = {
    **dict.fromkeys(
        CONVOLUTION, ("input", "weight", "bias", "stride", "padding", "dilation", "groups", "padding_mode")
    ),
    **dict.fromkeys(LINEAR, ("input", "weight")),
    **dict.fromkeys(
        ("maxpool1d", "maxpool2d"),
        ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    ),
    **dict.fromkeys(("avgpool1d", "avgpool2d"), ("input", "kernel_size", "stride", "padding", "ceil_mode")),
    **dict.fromkeys(ADAPTIVE, ("input", "output_size", "return_indices")),
    **dict.fromkeys(REDUCTION, ("input", "dim", "keepdim")),
    **dict.fromkeys(ZERO_PADDING, ("input", "padding", "value")),
    "pad": ("input", "padding", "mode", "value"),
    "interpolate": ("input", "size", "scale_factor", "mode"),
    "upsample": ("input", "size", "scale_factor", "mode"),
}


def trace(module: nn.Module, input_shape, identity_shortcuts: str = "ignore") -> Geometry:
    """The geometry of `module`, in eval mode, for an input of `input_shape` (channels, height, width).

    identity_shortcuts: `ignore`, or `edges` for weight-1 edges from a residual block's input to its sum.
    """
    return walk(module, input_shape, identity_shortcuts).geometry()


def walk(module: nn.Module, input_shape, identity_shortcuts: str = "ignore") -> Walk:
    """The same, with what `graphs.dependence` compares the module itself with."""
    if identity_shortcuts not in ("ignore", "edges"):
        raise InputError(f"identity_shortcuts: {identity_shortcuts!r} is neither 'ignore' nor 'edges'")
    _refuse_unseen(module)
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        graph = _Tracer(tuple(input_shape)).trace(module)
    except Exception as error:
        raise InputError(f"torch.fx cannot trace {type(module).__name__}: {_first_line(error)}") from error
    finally:
        for part in training:
            part.training = True
    done = Walk(module, graph, tuple(input_shape), identity_shortcuts, ring=(0, 0, 0, 0))
    if any(done.padding):  # the ring that the input needs is known only after a first walk
        done = Walk(module, graph, tuple(input_shape), identity_shortcuts, ring=tuple(done.padding))
    return done


def _refuse_unseen(module: nn.Module) -> None:
    """Refuse what a trace with torch.fx does not show, or what would be changed by it."""
    if "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks:
        raise InputError(f"the network ({type(module).__name__}) has a forward hook or a replaced forward: no rule")
    for path, part in module.named_modules():
        where = f"module {path} ({type(part).__name__})" if path else f"the network ({type(part).__name__})"
        own = dict(part.named_parameters(recurse=False))
        if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in own.values()):
            raise InputError(f"{where}: a lazy layer has no shape; call the network on an image before you return it")
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Linear) and "weight" not in own:
            lists = dict(getattr(part, "parametrizations", {}))
            computed = [*lists.get("weight", ()), *part._forward_pre_hooks.values()]
            names = ", ".join(type(one).__name__ for one in computed) or "by the module itself"
            raise InputError(f"{where}: its weight is no parameter but computed ({names}); return the layer without it")


class _Sized(fx.Proxy):
    """A proxy that knows its tensor's shape: what a forward computes or decides from shapes is then numbers."""

    @property
    def shape(self):
        known = self.tracer.known(self.node)
        return fx.proxy.Attribute(self, "shape") if known is None else known.shape

    def size(self, *dim):
        known = self.tracer.known(self.node)
        arguments = "call_method", "size", (self, *dim), {}
        return self.tracer.create_proxy(*arguments) if known is None else known.size(*dim)

    def dim(self):
        known = self.tracer.known(self.node)
        return self.tracer.create_proxy("call_method", "dim", (self,), {}) if known is None else known.dim()

    @property
    def ndim(self):
        return self.dim()


class _Tracer(fx.Tracer):
    """A tracer that knows the shape of a tensor when it is asked for, where torch can tell it without the values."""

    def __init__(self, input_shape: tuple[int, ...]):
        super().__init__()
        self.blank, self.plain = FakeTensorMode(allow_non_fake_inputs=True), False
        with self.blank:
            self.input = torch.empty(BATCH, *input_shape)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Sized(node, self)

    def known(self, node: fx.Node) -> torch.Tensor | None:
        """The node's tensor without its values."""
        self.plain = True
        try:
            with self.blank, torch.no_grad():
                for earlier in self.graph.nodes:
                    if "blank" not in earlier.meta:
                        earlier.meta["blank"] = self._blank(earlier.op, earlier.target, earlier)
        except Exception:  # values are needed: shapes stay symbols from there on
            return None
        finally:
            self.plain = False
        found = node.meta["blank"]
        return found if isinstance(found, torch.Tensor) else None

    def _blank(self, kind: str, target, node: fx.Node):
        """What the operation makes of tensors without values."""
        if kind == "placeholder":
            return self.input
        if kind == "get_attr":
            return _attribute(self.root, target)
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda argument: argument.meta["blank"])
        if kind == "call_module":
            return self.root.get_submodule(target)(*args, **kwargs)
        return getattr(args[0], target)(*args[1:], **kwargs) if kind == "call_method" else target(*args, **kwargs)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        return attr_val if self.plain else super().getattr(attr, attr_val, parameter_proxy_cache)

    def call_module(self, m, forward, args, kwargs):
        return forward(*args, **kwargs) if self.plain else super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """A layer with a forward or a hook of its own is traced through: it need not do what torch's layer does."""
        if "forward" in vars(m) or m._forward_hooks or m._forward_pre_hooks:
            return False
        for layer in (nn.Conv1d, nn.Conv2d, nn.Linear):
            if isinstance(m, layer):
                own = [name for name in ("forward", "_conv_forward") if hasattr(layer, name)]
                return all(getattr(type(m), name) is getattr(layer, name) for name in own)
        return super().is_leaf_module(m, module_qualified_name)


class Walk:
    """One pass over the traced graph, with a padding ring (top, bottom, left, right) around the network's input.

    layers[k]: name and grid of the input (k = 0) and of the k-th call of a parametric layer, whose weight has the
    state_dict key calls[k - 1]. shortcuts: (sum, operand) of the sums that do not stand for this operand's nodes.
    returned: what the network returns.
    """

    def __init__(self, module: nn.Module, graph: fx.Graph, input_shape: tuple[int, ...], identity: str, ring):
        self.modules = dict(module.named_modules())
        self.keys = {key: tuple(tensor.shape) for key, tensor in module.named_parameters()}
        self.names: dict[int, list[str]] = {}  # all names of each parameter
        for key, tensor in module.named_parameters(remove_duplicate=False):
            self.names.setdefault(id(tensor), []).append(key)
        self.options = {"identity_shortcuts": identity, "input": list(input_shape), "padding": list(ring)}
        self.input_shape, self.ring = input_shape, ring
        self.padding = [0, 0, 0, 0]  # the largest of the input's readers
        self.layers: list[tuple[str, int, int, int]] = []
        self.slots: list[float] = []  # a layer's place in the order of node ids
        self.merged: dict[int, int] = {}  # layers whose nodes became another layer's
        self.parameters: dict[str, Parameter] = {}
        self.calls: list[str] = []
        self.shortcuts: list[tuple[Units, Units]] = []
        self.drafts: list[Draft] = []
        self.consumers: dict[int, set[fx.Node]] = {}  # what the nodes of a layer feed
        self.readers = _readers(graph, self.modules)
        self.values: dict[fx.Node, object] = {}
        for node in graph.nodes:
            try:
                self.values[node] = self._run(node)
            except (InputError, TypeError, ValueError, IndexError, RuntimeError, AttributeError, KeyError) as error:
                operation = _operation(node, self.modules)
                raise InputError(f"{_where(node)}, operation {operation}: {_first_line(error)}") from error
        self.values.clear()

    def _run(self, node: fx.Node):
        if node.op == "placeholder":
            return self._input(node)
        if node.op == "get_attr":
            return _attribute(self.modules[""], node.target)
        args, kwargs = self._value(node.args), self._value(node.kwargs)
        if node.op == "output":
            self.returned = _units_in(args)
            return None
        operands = _units_in((args, kwargs))
        if not operands:
            return self._call(node, args, kwargs)
        operation = _operation(node, self.modules)
        if operation in NO_TENSOR:
            if args[1:] == ("data",):
                return operands[0]
            answer = self._call(node, _leaves(args, lambda u: torch.empty((BATCH, *u.shape), device="meta")), kwargs)
            if isinstance(answer, torch.Tensor):
                raise InputError(f"there is no rule for the attribute {args[1]}")
            return answer
        return self._apply(node, operation, operands, args, kwargs)

    def _value(self, argument):
        return fx.node.map_arg(argument, lambda node: self.values[node])

    def _call(self, node: fx.Node, args, kwargs):
        if node.op == "call_module":
            return self.modules[node.target](*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], node.target)(*args[1:], **kwargs)
        return node.target(*args, **kwargs)

    def _apply(self, node: fx.Node, operation: str, operands: list[Units], args, kwargs):
        units = operands[0]
        settings = _settings(node, self.modules, operation, args, kwargs)
        if settings.get("return_indices"):
            raise InputError("no rule for return_indices")
        if len(operands) > 1 and operation in CONVOLUTION | LINEAR | POOLING | ADAPTIVE | REDUCTION:
            raise InputError("there is a rule for one tensor that depends on the network's input only")
        if operation in CONVOLUTION:
            return self._convolution(node, units, settings, int(operation[-2]))
        if operation in LINEAR:
            return self._linear(node, units, settings)
        if operation in POOLING:
            return self._pooling(units, settings, int(operation[-2]))
        if operation in ADAPTIVE:
            return _adaptive(units, settings, int(operation[-2]))
        if operation in REDUCTION:
            return _reduction(units, settings)
        if operation in ADDITION and len(operands) == 2 and not any(isinstance(a, tuple | list) for a in args):
            return self._addition(node, *operands)
        if operation in ELEMENTWISE and len(operands) == 1:
            return units
        if operation in ARITHMETIC and len(operands) == 1:
            return _unchanged(units, (args, kwargs))
        if operation in MOVEMENT:
            return self._movement(node, settings, args, kwargs)
        raise InputError("there is no rule for it")

    # --- node layers ---

    def _new_layer(self, name: str, grid: tuple[int, int, int], node: fx.Node) -> int:
        taken = {layer[0] for layer in self.layers}
        names = [name, *(f"{name}#{k}" for k in range(2, len(taken) + 2))]  # a module called again: nodes of its own
        self.layers.append((next(unique for unique in names if unique not in taken), *grid))
        self.slots.append(len(self.slots))
        self.consumers[len(self.layers) - 1] = set(self.readers[node])
        return len(self.layers) - 1

    def _input(self, node: fx.Node) -> Units:
        if self.layers:
            if node.args:
                return node.args[0]
            raise InputError(f"a second input of the network ({node.target}) has no rule")
        top, bottom, left, right = self.ring
        channels, height, width = grid = _grid_of(self.input_shape)
        layer = self._new_layer("input", (channels, height + top + bottom, width + left + right), node)
        y = diagonal(height + top + bottom) - np.array([0, top], np.int32)
        x = diagonal(width + left + right) - np.array([0, left], np.int32)
        return Units(self.input_shape, grid, (Piece(layer, 0, 0, channels, y, x),))

    def _note_padding(self, units: Units, padding) -> None:
        """Remember the padding of what reads the network's input in place, or after zeros were put around it."""
        (top, bottom, left, right), (_, height, width) = padding, units.grid
        _, rows, columns = self.layers[0][1:]
        for piece in units.pieces:
            if piece.layer == 0 and isinstance(piece, Piece) and len(piece.y) and len(piece.x):
                y, x = int(piece.y[0, 1]), int(piece.x[0, 1])
                placed = diagonal(rows) + np.array([0, y]), diagonal(columns) + np.array([0, x])
                if np.array_equal(piece.y, placed[0]) and np.array_equal(piece.x, placed[1]):
                    needed = top + y, height + bottom - y - rows, left + x, width + right - x - columns
                    self.padding = [max(pair) for pair in zip(self.padding, needed, strict=True)]

    # --- parametric layers ---

    def _parameter(self, node: fx.Node, shape: tuple[int, ...], groups: int) -> Parameter:
        if node.op == "call_module":
            key = f"{node.target}.weight"
        else:
            key = self._weight_key(node.args[1] if len(node.args) > 1 else node.kwargs["weight"])
        names = self.names[id(_attribute(self.modules[""], key))]
        if len(names) > 1:  # masks, checkpoints and pruning take every name for a weight of its own
            raise InputError(f"there is no rule for one weight under several names: {', '.join(names[:4])}")
        self.calls.append(key)
        return self.parameters.setdefault(key, Parameter(key.removesuffix(".weight"), key, shape, groups))

    def _weight_key(self, node: fx.Node) -> str:
        """The parameter whose values a weight is. Edges carry these, so what changes or moves them is refused."""
        while node.op != "get_attr":
            operation, source = _operation(node, self.modules), next(iter(node.all_input_nodes), None)
            if operation in PRODUCT:
                factors = [factor for factor in (*node.args, *node.kwargs.values()) if not self._is_one(factor)]
                source = factors[0] if len(factors) == 1 else None
            elif operation not in SAME_VALUES and node.args[1:] != ("data",):
                source = None
            if source is None:
                raise InputError(f"its weight passes through {operation}, for which there is no rule")
            node = source
        if node.target not in self.keys:
            raise InputError(f"its weight {node.target} is not a parameter of the network")
        return node.target

    def _is_one(self, factor) -> bool:
        """Whether a factor is 1 everywhere and stays so: a number or a buffer."""
        value = self._value(factor)
        if isinstance(factor, fx.Node) and (factor.op != "get_attr" or factor.target in self.keys):
            return False
        return bool((value == 1).all()) if isinstance(value, torch.Tensor) else value == 1

    def _convolution(self, node: fx.Node, units: Units, settings, rank: int) -> Units:
        units = on_grid(units, _grid_of(units.shape, rank))
        groups, shape = settings.get("groups", 1), tuple(settings["weight"].shape)
        parameter = self._parameter(node, shape, groups)
        kernel = shape if rank == 2 else (*shape[:2], 1, shape[2])
        if units.grid[0] != kernel[1] * groups:
            raise InputError(f"it takes {kernel[1] * groups} channels and gets {units.grid[0]}")
        stride, dilation = (_pair(settings.get(key, 1), rank, 1) for key in ("stride", "dilation"))
        padding = _padding(settings.get("padding", 0), rank, kernel, dilation)
        mode = settings.get("padding_mode", "zeros")
        if mode == "zeros":
            self._note_padding(units, padding)
        else:
            top, bottom, left, right = padding
            padded = nn.functional.pad(_numbers(units.grid, 1), (left, right, top, bottom), mode=mode)
            units = gather([units], padded.numpy())
            padding = (0, 0, 0, 0)
        counts, tables = [], []
        for axis in (0, 1):
            before, after = padding[2 * axis : 2 * axis + 2]
            free = units.grid[1 + axis] + before + after - dilation[axis] * (kernel[2 + axis] - 1) - 1
            counts.append(_at_least_one(free // stride[axis] + 1, units))
            tables.append(windows(counts[axis], stride[axis], before, dilation[axis], kernel[2 + axis]))
        grid = (kernel[0], *counts)
        target = self._new_layer(parameter.name, grid, node)
        self._connect(units, parameter, kernel, target, *tables)
        return whole_layer(target, grid, grid if rank == 2 else (grid[0], grid[2]))

    def _linear(self, node: fx.Node, units: Units, settings) -> Units:
        """A linear layer is a convolution whose kernel covers the whole map that was flattened."""
        outputs, features = shape = tuple(settings["weight"].shape)
        if units.shape != (features,):
            raise InputError(f"it takes {features} flat features and gets a tensor of shape {units.shape}")
        parameter = self._parameter(node, shape, 1)
        target = self._new_layer(parameter.name, (outputs, 1, 1), node)
        tables = [windows(1, 1, 0, 1, size) for size in units.grid[1:]]
        self._connect(units, parameter, (outputs, *units.grid), target, *tables)
        return whole_layer(target, (outputs, 1, 1), (outputs,))

    def _connect(self, units: Units, parameter: Parameter, kernel, target: int, y, x) -> None:
        """Draft the edges from the nodes that `units` stand for to the layer `target`.

        y, x: int32 [n, 3], tensor position, kernel offset, target position.
        """
        for piece in units.pieces:
            if isinstance(piece, Piece):
                rows, columns = compose(piece.y, y), compose(piece.x, x)
                for term in piece_terms(piece, parameter.key, kernel, parameter.groups):
                    self.drafts.append(Draft(parameter.name, piece.layer, target, term, rows, columns))
            else:
                channel, row, column = np.unravel_index(piece.element, units.grid)
                k, above, across = meet(row, column, y, x)
                entry = (channel[k] * kernel[2] + above[:, 1]) * kernel[3] + across[:, 1]
                position = above[:, 2] * self.layers[target][3] + across[:, 2]
                tail = self._flat(piece.layer, piece.unit[k])
                join = Join(parameter.key, kernel, parameter.groups, tail, entry, position)
                self.drafts.append(Draft(parameter.name, piece.layer, target, join))

    def _flat(self, layer: int, unit: np.ndarray) -> np.ndarray:
        return np.ravel_multi_index(unit.T, self.layers[layer][1:])

    # --- what adds no nodes ---

    def _pooling(self, units: Units, settings, rank: int) -> Units:
        units = on_grid(units, _grid_of(units.shape, rank))
        kernel = _pair(settings["kernel_size"], rank, 1)
        stride = _pair(settings.get("stride") or settings["kernel_size"], rank, 1)
        dilation = _pair(settings.get("dilation", 1), rank, 1)
        before = _pair(settings.get("padding", 0), rank, 0)
        self._note_padding(units, (before[0], before[0], before[1], before[1]))
        counts, tables = [], []
        for axis in (0, 1):
            size = units.grid[1 + axis]
            free = size + 2 * before[axis] - dilation[axis] * (kernel[axis] - 1) - 1
            count = free // stride[axis] + 1
            # ceil_mode: one more window over the edge, if it starts inside the input or its leading padding
            if settings.get("ceil_mode") and free % stride[axis] and count * stride[axis] < size + before[axis]:
                count += 1
            counts.append(_at_least_one(count, units))
            tables.append(windows(count, stride[axis], before[axis], dilation[axis], kernel[axis])[:, [0, 2]])
        grid = (units.grid[0], *counts)
        return pool(units, *tables, grid, grid if rank == 2 else (grid[0], grid[2]))

    def _movement(self, node: fx.Node, settings, args, kwargs):
        """Run the operation on element numbers, 1, 2, ... with 0 for nothing, and read off where each one went."""
        if settings.get("value") or not str(settings.get("mode", "nearest")).startswith(MOVING_MODES):
            raise InputError("there is no rule for this mode or fill value")
        operation = _operation(node, self.modules)
        if str(node.target).endswith("_") and node.op == "call_method":
            raise InputError("there is no rule for moving elements in place")
        if operation in ZERO_PADDING and settings.get("mode", "constant") == "constant":
            padded = _zero_padded(_units_in((args, kwargs))[0], settings["padding"])
            if padded:
                self._note_padding(padded, (0, 0, 0, 0))
                return padded
        if operation in JOINING:  # a constant stands for no nodes: its values are not element numbers
            args, kwargs = _leaves((args, kwargs), lambda constant: torch.zeros(constant.shape), torch.Tensor)
        sources, start = [], 1

        def numbers(units: Units) -> torch.Tensor:
            nonlocal start
            sources.append(units)
            start += units.size
            return _numbers(units.shape, start - units.size)

        moved = self._call(node, _leaves(args, numbers), _leaves(kwargs, numbers))
        return _leaves(moved, lambda tensor: gather(sources, tensor.numpy()), torch.Tensor)

    def _addition(self, node: fx.Node, left: Units, right: Units) -> Units:
        """The three cases of a sum: one merged node set, the operand that is no identity shortcut, or the union."""
        if left.shape != right.shape:
            raise InputError(f"its operands have different shapes, {left.shape} and {right.shape}")
        if not self.readers[node]:
            raise InputError("the sum is never used; if it is made in place, write x = x + y")
        apart = not left.layers & right.layers
        only = [all(self.consumers[layer] == {node} for layer in operand.layers) for operand in (left, right)]
        if apart and all(only) and self._is_layer(left) and self._is_layer(right):
            pair = left.pieces[0].layer, right.pieces[0].layer
            earlier, later = sorted(pair, key=self.slots.__getitem__)
            self.merged[earlier] = later
            self.consumers[later] = set(self.readers[node])
            return whole_layer(later, left.grid, left.shape)
        if apart and only[0] != only[1]:
            main, shortcut = (left, right) if only[0] else (right, left)
            self.shortcuts.append((main, shortcut))
            if self.options["identity_shortcuts"] == "edges":
                self._identity(main, shortcut)
            self._carry(node, main.layers)
            return main
        self._carry(node, left.layers | right.layers)
        right = on_grid(right, left.grid)
        return replace(left, pieces=left.pieces + right.pieces)

    def _is_layer(self, units: Units) -> bool:
        return is_whole_layer(units) and units.grid == self.layers[units.pieces[0].layer][1:]

    def _carry(self, node: fx.Node, layers: set[int]) -> None:
        """The sum stands for the nodes of these layers: what reads it reads them."""
        for layer in layers:
            only = self.consumers[layer] == {node}
            self.consumers[layer] = (set() if only else self.consumers[layer]) | self.readers[node]

    def _identity(self, main: Units, shortcut: Units) -> None:
        """Draft weight-1 edges from each node of the shortcut to its sum node."""
        last = max(self.slots[layer] for layer in shortcut.layers)
        behind = [layer for layer in sorted(main.layers, key=self.slots.__getitem__) if self.slots[layer] < last]
        for k, layer in enumerate(behind, start=1):  # nothing has read these yet: they may move up, so that ids ascend
            self.slots[layer] = last + k / (len(behind) + 1)
        shortcut = on_grid(shortcut, main.grid)
        if any(isinstance(piece, Scatter) for piece in main.pieces + shortcut.pieces):
            main, shortcut = scattered(main), scattered(shortcut)
        for s in shortcut.pieces:
            for m in main.pieces:
                self.drafts += [self._identity_join(s, m)] if isinstance(s, Scatter) else _identity_kernel(s, m)

    def _identity_join(self, shortcut: Scatter, main: Scatter) -> Draft:
        i, j = matches(shortcut.element, main.element)
        tail, position = self._flat(shortcut.layer, shortcut.unit[i]), self._flat(main.layer, main.unit[j])
        join = Join(None, (1, 1, 1, 1), 1, tail, np.zeros(len(i), np.int64), position)
        return Draft("identity", shortcut.layer, main.layer, join)

    # --- the result ---

    def node_layers(self) -> tuple[list[Layer], list[int]]:
        """The graph's node layers, and for each layer of the walk which of them has its nodes."""
        kept = sorted(set(range(len(self.layers))) - set(self.merged), key=self.slots.__getitem__)
        place, layers, offset = {}, [], 0
        for k in kept:
            place[k] = len(layers)
            layers.append(Layer(*self.layers[k], offset))
            offset += layers[-1].size
        if offset >= 2**31:
            raise InputError(f"{offset} nodes are too many: node ids are 32-bit")

        def final(layer: int) -> int:
            while layer in self.merged:
                layer = self.merged[layer]
            return place[layer]

        return layers, [final(layer) for layer in range(len(self.layers))]

    def geometry(self) -> Geometry:
        layers, final = self.node_layers()
        between: dict[tuple[int, int], list[Draft]] = {}
        for draft in self.drafts:
            if draft.y is None or (len(draft.y) and len(draft.x)):
                between.setdefault((final[draft.source], final[draft.target]), []).append(draft)
        output = np.zeros(sum(layer.size for layer in layers) + 2, bool)
        for units in self.returned:
            for piece in scattered(units).pieces:
                output[1 + layers[final[piece.layer]].offset + self._flat(piece.layer, piece.unit)] = True
        return Geometry(
            [self.parameters[key] for key in self.keys if key in self.parameters],
            layers,
            [plan for pair, drafts in between.items() for plan in plans(*pair, drafts)],
            np.array([[0, layers[0].size]]),
            np.flatnonzero(np.diff(output)).reshape(-1, 2),
            self.options,
        )


def _readers(graph: fx.Graph, modules: dict[str, nn.Module]) -> dict[fx.Node, set[fx.Node]]:
    """What each node's tensor feeds: the parametric layers, sums and outputs reached through what adds no nodes."""
    tensors = set()
    for node in graph.nodes:
        depends = node.op == "placeholder" or any(argument in tensors for argument in node.all_input_nodes)
        if depends and _operation(node, modules) not in NO_TENSOR:
            tensors.add(node)
    readers: dict[fx.Node, set[fx.Node]] = {}
    for node in reversed(graph.nodes):
        readers[node] = set()
        for user in node.users:
            operation = _operation(user, modules)
            operands = [*user.args, *user.kwargs.values()]
            is_sum = operation in ADDITION and sum(isinstance(o, fx.Node) and o in tensors for o in operands) == 2
            if user.op == "output" or is_sum or operation in CONVOLUTION | LINEAR:
                readers[node].add(user)
            elif user in tensors:
                readers[node] |= readers[user]
    return readers


def _operation(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """One name for an operation as module, function or method: MaxPool2d and max_pool2d are both maxpool2d."""
    if node.op == "call_module":
        names = [cls.__name__.lower() for cls in type(modules[node.target]).__mro__]
        return next((name for name in names if name in KNOWN), names[0])
    name = node.target if isinstance(node.target, str) else node.target.__name__
    return name.replace("_", "").lower()


def _where(node: fx.Node) -> str:
    """The path of the module in which an operation happens."""
    stack = node.meta.get("nn_module_stack") or {"": ("", type(None))}
    path, kind = list(stack.values())[-1]
    kind = kind if isinstance(kind, str) else kind.__name__
    return f"module {path} ({kind})" if path else "the network's own forward"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def _attribute(module: nn.Module, path: str):
    for name in path.split("."):
        module = getattr(module, name)
    return module


def _settings(node: fx.Node, modules: dict[str, nn.Module], operation: str, args, kwargs) -> dict:
    names = ARGUMENTS.get(operation, ("input", "value"))
    if node.op == "call_module":
        module = modules[node.target]
        return {name: getattr(module, name) for name in names if hasattr(module, name)}
    return dict(zip(names, args, strict=False)) | kwargs if operation in ARGUMENTS else {}


def _leaves(structure, change, kind=Units):
    """The same nest of tuples, lists and dicts with every leaf of one kind changed."""
    return fx.node.map_aggregate(structure, lambda leaf: change(leaf) if isinstance(leaf, kind) else leaf)


def _units_in(structure) -> list[Units]:
    found: list[Units] = []
    _leaves(structure, found.append)
    return found


def _grid_of(shape: tuple[int, ...], rank: int | None = None) -> tuple[int, int, int]:
    """(channels, height, width) of a tensor of shape [C], [C, L] or [C, H, W]; rank: its number of spatial axes."""
    if len(shape) - 1 not in ((0, 1, 2) if rank is None else (rank,)):
        raise InputError(f"it cannot take a tensor of shape {shape}")
    return (*shape[:1], *(1,) * (3 - len(shape)), *shape[1:])


def _pair(value, rank: int, fill: int) -> tuple[int, int]:
    """A setting as (height, width); one-dimensional layers have height 1."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * rank
    values = values * rank if len(values) == 1 else values
    return (fill, *values) if rank == 1 else values


def _padding(value, rank: int, kernel, dilation) -> tuple[int, int, int, int]:
    """Top, bottom, left, right."""
    if value == "same":
        total = [dilation[axis] * (kernel[2 + axis] - 1) for axis in (0, 1)]
        return (total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2)
    y, x = _pair(0 if value == "valid" else value, rank, 0)
    return (y, y, x, x)


def _zero_padded(units: Units, padding) -> Units | None:
    """Zeros around the image plane. Around the network's input they are its ring. None where there is no such grid."""
    rank = len(units.shape) - 1
    sides = [padding] * 2 * rank if isinstance(padding, int) else list(padding)
    on_plane = rank in (1, 2) and len(sides) <= 2 * rank and units.grid == _grid_of(units.shape)
    if not on_plane or min(sides) < 0 or any(isinstance(piece, Scatter) for piece in units.pieces):
        return None
    left, right, top, bottom = sides + [0] * (4 - len(sides))
    channels, height, width = units.grid
    grid = (channels, height + top + bottom, width + left + right)
    down, across = np.array([0, top], np.int32), np.array([0, left], np.int32)
    pieces = tuple(replace(piece, y=piece.y + down, x=piece.x + across) for piece in units.pieces)
    return Units(grid if rank == 2 else (channels, grid[2]), grid, pieces)


def _at_least_one(count: int, units: Units) -> int:
    if count < 1:
        raise InputError(f"its kernel does not fit into a tensor of shape {units.shape}")
    return count


def _adaptive(units: Units, settings, rank: int) -> Units:
    """Output u of n covers the inputs floor(u size / n) to ceil((u + 1) size / n)."""
    units = on_grid(units, _grid_of(units.shape, rank))
    counts = _pair(settings["output_size"], rank, 1)
    counts = tuple(size if count is None else count for count, size in zip(counts, units.grid[1:], strict=True))
    tables = []
    for count, size in zip(counts, units.grid[1:], strict=True):
        spans = [(range(u * size // count, -(-(u + 1) * size // count)), u) for u in range(count)]
        tables.append(np.array([(t, u) for span, u in spans for t in span], np.int32))
    grid = (units.grid[0], *counts)
    return pool(units, *tables, grid, grid if rank == 2 else (grid[0], grid[2]))


def _reduction(units: Units, settings) -> Units:
    """A mean or sum over spatial axes is one window over all of them."""
    axes = settings.get("dim")
    axes = {axis % (1 + len(units.shape)) for axis in ((axes,) if isinstance(axes, int) else axes or (0,))}
    if axes & {0, 1}:
        raise InputError("there is a rule for reducing spatial axes only")
    if len(units.shape) == 3:
        units = on_grid(units, units.shape)
    elif units.grid[0] != units.shape[0]:
        raise InputError(f"there is no rule for reducing a tensor of shape {units.shape}")
    tables, counts = [], []
    for axis, size in zip((2, len(units.shape)), units.grid[1:], strict=True):
        table = diagonal(size)
        tables.append(table * np.array([1, 0], np.int32) if axis in axes else table)
        counts.append(1 if axis in axes else size)
    keep = settings.get("keepdim", False)
    kept = [(1 if k in axes else size) for k, size in enumerate(units.shape, start=1) if keep or k not in axes]
    return pool(units, *tables, (units.grid[0], *counts), tuple(kept))


def _numbers(shape: tuple[int, ...], first: int) -> torch.Tensor:
    """Element numbers of a tensor, first, first + 1, ...: float64 [BATCH, *shape], negative in the second image."""
    numbers = torch.arange(first, first + math.prod(shape), dtype=torch.float64).reshape(shape)
    return torch.stack([numbers, -numbers])


def _unchanged(units: Units, arguments) -> Units:
    """An elementwise operation, with constants that do not enlarge the tensor."""
    shapes = [(BATCH, *units.shape)]
    _leaves(arguments, lambda tensor: shapes.append(tensor.shape), torch.Tensor)
    if tuple(torch.broadcast_shapes(*shapes)) != shapes[0]:
        raise InputError(f"a constant enlarges the tensor of shape {units.shape}")
    return units


def _identity_kernel(shortcut: Piece, main: Piece) -> list[Draft]:
    """Weight-1 edges on the channels that two pieces share, as a depthwise 1x1 kernel of ones."""
    first = max(shortcut.channel, main.channel)
    channels = min(shortcut.channel + shortcut.channels, main.channel + main.channels) - first
    if channels < 1:
        return []
    term = Term(
        None,
        (channels, 1, 1, 1),
        (0, channels),
        (0, 1),
        shortcut.source_channel + first - shortcut.channel,
        main.source_channel + first - main.channel,
        channels,
    )
    tables = [np.insert(compose(s, m[:, ::-1]), 1, 0, axis=1) for s, m in ((shortcut.y, main.y), (shortcut.x, main.x))]
    return [Draft("identity", shortcut.layer, main.layer, term, *tables)]
