"""From any CNN to its geometry: which nodes each tensor's elements stand for (paper, section 3.1).

The module is traced with torch.fx and its graph is run once on symbolic tensors. A tensor carries, for each of its
elements, the set of nodes that the element stands for: a layer's output stands for the layer's own nodes; what adds no
nodes (BatchNorm, activation, pooling, concatenation, reshaping) changes the map only (`graphs.node_map`). A parametric
layer turns the map of its operand into blocks of edges (`graphs.parallel_edges`): kernel blocks where the map is a
product of axes, edge blocks where a reshape broke the grid. Data movement (view, cat, chunk, padding, shuffling, ...)
needs no rule per operation: the operation itself is run on a tensor of element numbers (`graphs.view`).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import fx, nn

from sparse_topology.graphs.attention import Scores, Symbolic, attend, for_matrices, repeated_heads, scores, transposed
from sparse_topology.graphs.capture import Opaque, exported, is_opaque, refuse_unseen, traced
from sparse_topology.graphs.geometry import Geometry, Join, Parameter, Term
from sparse_topology.graphs.layered import Layer
from sparse_topology.graphs.node_map import (
    BATCH,
    Piece,
    Scatter,
    Units,
    compose,
    diagonal,
    gather,
    is_whole_layer,
    listed,
    matches,
    meet,
    on_grid,
    pool,
    products,
    scattered,
    whole_layer,
    windows,
)
from sparse_topology.graphs.operations import (
    ADAPTIVE,
    ADDITION,
    ARITHMETIC,
    CONTRACTION,
    CONVOLUTION,
    ELEMENTWISE,
    JOINING,
    LIKE,
    LINEAR,
    MOVEMENT,
    MOVING_MODES,
    NEW,
    NO_TENSOR,
    POOLING,
    PRODUCT,
    REDUCTION,
    SAME_VALUES,
    STATISTIC,
    ZERO_PADDING,
    attribute,
    first_line,
    operation_of,
    padding_of,
    pair,
    settings_of,
    where,
)
from sparse_topology.graphs.parallel_edges import Draft, piece_terms, plans
from sparse_topology.graphs.view import (
    Tensor,
    View,
    aligned,
    batch_axis,
    batched,
    broadcast,
    moved,
    numbers_of,
    on_plane,
    renumbered,
    rows_of,
)
from sparse_topology.job import InputError


def trace(module: nn.Module, input_shape, identity_shortcuts: str = "ignore", attention: str = "all") -> Geometry:
    """The geometry of `module`, in eval mode, for an input of `input_shape` (channels, height, width).

    identity_shortcuts: `ignore`, or `edges` for weight-1 edges from a residual block's input to its sum. attention:
    `all`, or `values` for outputs of attention that stand for no queries and keys.
    """
    return walk(module, input_shape, identity_shortcuts, attention).geometry()


def walk(module: nn.Module, input_shape, identity_shortcuts: str = "ignore", attention: str = "all") -> Walk:
    """The same, with what `graphs.dependence` compares the module itself with."""
    if identity_shortcuts not in ("ignore", "edges"):
        raise InputError(f"identity_shortcuts: {identity_shortcuts!r} is neither 'ignore' nor 'edges'")
    if attention not in ("all", "values"):
        raise InputError(f"attention: {attention!r} is neither 'all' nor 'values'")
    options = {"identity_shortcuts": identity_shortcuts, "attention": attention, "input": list(input_shape)}
    refuse_unseen(module)
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        return _walked(module, module, traced(module, tuple(input_shape)), options)
    except Opaque as error:  # torch.export looks inside, and shows the same operations
        program = exported(module, tuple(input_shape))
        if program is None:
            raise InputError(str(error)) from error
        return _walked(module, program, program.graph, options)
    finally:
        for part in training:
            part.training = True


def _walked(module: nn.Module, root: nn.Module, graph: fx.Graph, options: dict) -> Walk:
    done = Walk(module, root, graph, options | {"padding": [0, 0, 0, 0]})
    if any(done.padding):  # the ring that the input needs is known only after a first walk
        done = Walk(module, root, graph, options | {"padding": done.padding})
    return done


class Walk:
    """One pass over the graph of a module's operations, with a padding ring around the network's input.

    root: what the graph's names are of, the module itself or its export. options: of the geometry; padding is the ring
    (top, bottom, left, right).

    layers[k]: name and grid of the input (k = 0) and of the k-th call of a parametric layer, whose weight has the
    state_dict key calls[k - 1]. rows[k]: of a linear layer over rows, for each row of the first image its number among
    all rows of the batch, and its flat position on the layer's plane: int64 [2, R]. shortcuts: (sum, operand) of the
    sums that do not stand for this operand's nodes. returned: what the network returns.
    """

    def __init__(self, module: nn.Module, root: nn.Module, graph: fx.Graph, options: dict):
        self.module, self.root, self.modules, self.options = module, root, dict(root.named_modules()), options
        self.keys = {key: tuple(tensor.shape) for key, tensor in module.named_parameters()}
        self.names: dict[int, list[str]] = {}  # all names of each parameter
        for key, tensor in module.named_parameters(remove_duplicate=False):
            self.names.setdefault(id(tensor), []).append(key)
        self.input_shape, self.ring = tuple(options["input"]), tuple(options["padding"])
        self.padding = [0, 0, 0, 0]  # the largest of the input's readers
        self.layers: list[tuple[str, int, int, int]] = []
        self.slots: list[float] = []  # a layer's place in the order of node ids
        self.merged: dict[int, int] = {}  # layers whose nodes became another layer's
        self.parameters: dict[str, Parameter] = {}
        self.calls: list[str] = []
        self.rows: dict[int, np.ndarray] = {}
        self.left_out: list[View] = []  # queries and keys that no output of attention stands for
        self.shortcuts: list[tuple[Units, Units]] = []
        self.drafts: list[Draft] = []
        self.consumers: dict[int, set[fx.Node]] = {}  # what the nodes of a layer feed
        self.readers = _readers(graph, self.modules)
        self.values: dict[fx.Node, object] = {}
        for node in graph.nodes:
            try:
                self.values[node] = self._run(node)
            except (InputError, TypeError, ValueError, IndexError, RuntimeError, AttributeError, KeyError) as error:
                operation = operation_of(node, self.modules)
                kind = Opaque if isinstance(error, Opaque) else InputError
                raise kind(f"{where(node)}, operation {operation}: {first_line(error)}") from error
            for earlier in node.all_input_nodes:  # a large network's tensors do not fit all at once
                if isinstance(self.values[earlier], Symbolic) and all(user in self.values for user in earlier.users):
                    self.values[earlier] = None
        self.values.clear()

    def _run(self, node: fx.Node):
        if node.op == "placeholder":
            return self._input(node)
        if node.op == "get_attr":
            return attribute(self.root, node.target)
        args, kwargs = self._value(node.args), self._value(node.kwargs)
        if node.op == "output":
            if any(isinstance(tensor, Scores) for tensor in _tensors_in(args)):
                raise InputError("there is no rule for returning the scores of an attention")
            self.returned = [batched(tensor) for tensor in _tensors_in(args)]
            return None
        operands = _tensors_in((args, kwargs))
        if not operands:
            return self._call(node, args, kwargs)
        operation = operation_of(node, self.modules)
        constant = operation in LIKE and isinstance(args[0], torch.Tensor)
        if constant or operation in STATISTIC | NEW:  # a normaliser counts as a constant
            blank = _leaves((args, kwargs), lambda tensor: torch.ones(tensor.whole))
            return torch.ones_like(self._call(node, *blank)) if operation in STATISTIC else self._call(node, *blank)
        if operation in NO_TENSOR:
            if args[1:] == ("data",):
                return operands[0]
            if args[1:] == ("mT",):
                moving = transposed(operands[0])
                return moved([*moving.sources], moving.numbers)
            answer = self._call(node, _leaves(args, lambda tensor: torch.empty(tensor.whole, device="meta")), kwargs)
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

    def _apply(self, node: fx.Node, operation: str, operands: list[Tensor], args, kwargs):
        tensor = operands[0]
        settings = settings_of(node, self.modules, operation, args, kwargs)
        if settings.get("return_indices"):
            raise InputError("no rule for return_indices")
        if operation == "scaleddotproductattention":
            return self._attention(settings)
        if operation in CONTRACTION and len(operands) == 2:
            return self._contraction(operation, args)
        if any(isinstance(operand, Scores) for operand in operands):
            return self._scores(node, operation, args, kwargs)
        if len(operands) > 1 and operation in CONVOLUTION | LINEAR | POOLING | ADAPTIVE | REDUCTION:
            raise InputError("there is a rule for one tensor that depends on the network's input only")
        if operation in CONVOLUTION:
            return self._convolution(node, batched(tensor), settings, int(operation[-2]))
        if operation in LINEAR:
            return self._linear(node, tensor, settings)
        if operation in POOLING:
            return self._pooling(batched(tensor), settings, int(operation[-2]))
        if operation in ADAPTIVE:
            return _adaptive(batched(tensor), settings, int(operation[-2]))
        if operation in REDUCTION:
            return _reduction(tensor, settings)
        if operation in ADDITION and len(operands) == 2 and not any(isinstance(a, tuple | list) for a in args):
            return self._addition(node, *operands)
        if operation in PRODUCT and len(operands) == 2:
            return self._product(node, *operands)
        if operation in ELEMENTWISE and len(operands) == 1:
            return tensor
        if operation in ARITHMETIC and len(operands) == 1:
            return _unchanged(tensor, (args, kwargs))
        if operation in MOVEMENT:
            return self._movement(node, settings, args, kwargs)
        raise (Opaque if is_opaque(node, self.modules) else InputError)("there is no rule for it")

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
        names = self.names[id(attribute(self.module, key))]
        if len(names) > 1:  # masks, checkpoints and pruning take every name for a weight of its own
            raise InputError(f"there is no rule for one weight under several names: {', '.join(names[:4])}")
        self.calls.append(key)
        return self.parameters.setdefault(key, Parameter(key.removesuffix(".weight"), key, shape, groups))

    def _weight_key(self, node: fx.Node) -> str:
        """The parameter whose values a weight is. Edges carry these, so what changes or moves them is refused."""
        while node.op != "get_attr":
            operation, source = operation_of(node, self.modules), next(iter(node.all_input_nodes), None)
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
        stride, dilation = (pair(settings.get(key, 1), rank, 1) for key in ("stride", "dilation"))
        padding = padding_of(settings.get("padding", 0), rank, kernel, dilation)
        mode = settings.get("padding_mode", "zeros")
        if mode == "zeros":
            self._note_padding(units, padding)
        else:
            top, bottom, left, right = padding
            numbers = torch.from_numpy(numbers_of(replace(units, shape=units.grid)).astype(np.float64))
            padded = nn.functional.pad(numbers, (left, right, top, bottom), mode=mode)
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

    def _linear(self, node: fx.Node, tensor: Tensor, settings) -> Tensor:
        """A linear layer is a convolution whose kernel covers the whole map that was flattened, or 1x1 over rows."""
        outputs, features = shape = tuple(settings["weight"].shape)
        if tensor.whole[-1] != features:
            raise InputError(f"it takes {features} flat features and gets a tensor of shape {tensor.shape}")
        if tensor.whole != (BATCH, features):
            return self._linear_over_rows(node, tensor, shape)
        units = batched(tensor)
        parameter = self._parameter(node, shape, 1)
        target = self._new_layer(parameter.name, (outputs, 1, 1), node)
        tables = [windows(1, 1, 0, 1, size) for size in units.grid[1:]]
        self._connect(units, parameter, (outputs, *units.grid), target, *tables)
        return whole_layer(target, (outputs, 1, 1), (outputs,))

    def _linear_over_rows(self, node: fx.Node, tensor: Tensor, shape: tuple[int, int]) -> View:
        rows = rows_of(tensor)
        (units,), at = on_plane([rows])
        parameter = self._parameter(node, shape, 1)
        grid = (shape[0], *units.grid[1:])
        target = self._new_layer(parameter.name, grid, node)
        self.rows[target] = np.stack([np.flatnonzero(~rows.second), at])
        self._connect(units, parameter, (*shape, 1, 1), target, *(windows(size, 1, 0, 1, 1) for size in grid[1:]))
        return rows.back(whole_layer(target, grid, grid), at)

    def _connect(self, units: Units, parameter: Parameter, kernel, target: int, y, x) -> None:
        """Draft the edges from the nodes that `units` stand for to the layer `target`.

        y, x: int32 [n, 3], tensor position, kernel offset, target position.
        """
        if parameter.groups > 1 and any(isinstance(piece, Piece) and piece.mixed > 1 for piece in units.pieces):
            units = scattered(units)  # groups may cut through what belongs together
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
        kernel = pair(settings["kernel_size"], rank, 1)
        stride = pair(settings.get("stride") or settings["kernel_size"], rank, 1)
        dilation = pair(settings.get("dilation", 1), rank, 1)
        before = pair(settings.get("padding", 0), rank, 0)
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
        operation = operation_of(node, self.modules)
        if str(node.target).endswith("_") and node.op == "call_method":
            raise InputError("there is no rule for moving elements in place")
        if operation in ZERO_PADDING and settings.get("mode", "constant") == "constant":
            padded = _zero_padded(_tensors_in((args, kwargs))[0], settings["padding"])
            if padded:
                self._note_padding(padded, (0, 0, 0, 0))
                return padded
        if operation in JOINING:  # a constant stands for no nodes: its values are not element numbers
            args, kwargs = _leaves((args, kwargs), lambda constant: torch.zeros(constant.shape), torch.Tensor)
        sources: list[Units] = []

        def numbers(tensor: Tensor) -> torch.Tensor:
            return torch.from_numpy(renumbered(tensor, sources).astype(np.float64, order="C"))

        result = self._call(node, _leaves(args, numbers), _leaves(kwargs, numbers))
        return _leaves(result, lambda tensor: moved(sources, tensor.numpy()), torch.Tensor)

    def _addition(self, node: fx.Node, left: Tensor, right: Tensor) -> Tensor:
        if left.whole != right.whole:
            raise InputError(f"its operands have different shapes, {left.shape} and {right.shape}")
        if not self.readers[node]:
            raise InputError("the sum is never used; if it is made in place, write x = x + y")
        left, right, restored = aligned(left, right)
        return restored(self._sum(node, left, right))

    def _sum(self, node: fx.Node, left: Units, right: Units) -> Units:
        """The three cases of a sum: one merged node set, the operand that is no identity shortcut, or the union."""
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

    def _product(self, node: fx.Node, left: Tensor, right: Tensor) -> Tensor:
        """A product stands for the nodes of both factors, the smaller of which is broadcast."""
        if not self.readers[node]:
            raise InputError("the product is never used; if it is made in place, write x = x * y")
        whole = np.broadcast_shapes(left.whole, right.whole)
        left, right, restored = aligned(broadcast(left, whole), broadcast(right, whole))
        before = _ancestors(node)
        for layer in left.layers | right.layers:  # what computes a factor from the other's nodes is no other layer
            self.consumers[layer] -= before
        return restored(replace(left, pieces=left.pieces + on_grid(right, left.grid).pieces))

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
        if any(isinstance(piece, Scatter) or piece.mixed > 1 for piece in main.pieces + shortcut.pieces):
            main, shortcut = scattered(main), scattered(shortcut)
        for s in shortcut.pieces:
            for m in main.pieces:
                self.drafts += [self._identity_join(s, m)] if isinstance(s, Scatter) else _identity_kernel(s, m)

    def _identity_join(self, shortcut: Scatter, main: Scatter) -> Draft:
        i, j = matches(shortcut.element, main.element)
        tail, position = self._flat(shortcut.layer, shortcut.unit[i]), self._flat(main.layer, main.unit[j])
        join = Join(None, (1, 1, 1, 1), 1, tail, np.zeros(len(i), np.int64), position)
        return Draft("identity", shortcut.layer, main.layer, join)

    # --- attention ---

    def _attention(self, settings) -> View:
        """scaled_dot_product_attention"""
        query, key, value = (settings[name] for name in ("query", "key", "value"))
        if any(isinstance(tensor, torch.Tensor) for tensor in (query, key, value)):
            raise InputError("there is no rule for queries, keys or values that do not depend on the network's input")
        if settings.get("enable_gqa"):
            key, value = (repeated_heads(tensor, query.whole[-3]) for tensor in (key, value))
        weights, mask = scores(query, key), settings.get("attn_mask")
        if mask is not None:
            weights = weights.masked(self._forbids_nothing(mask))
        if settings.get("is_causal"):
            weights = weights.masked(np.tri(*weights.whole[-2:], dtype=bool))
        return self._attend(replace(weights, softmax=True), value)

    def _forbids_nothing(self, mask) -> np.ndarray:
        """Where a constant, False or added to scores, leaves a pair."""
        if not isinstance(mask, torch.Tensor):
            raise InputError("there is no rule for a mask that depends on the input")
        return (mask if mask.dtype == torch.bool else mask > -math.inf).numpy()

    def _attend(self, weights: Scores, value: Tensor) -> View:
        result, left_out = attend(weights, value, self.options["attention"] == "values")
        self.left_out += left_out
        return result

    def _contraction(self, operation: str, args):
        """A product over matrices: scores of two tensors, or scores times values."""
        order = None
        if operation == "einsum":
            equation, *factors = args
            left, right, order = for_matrices(equation, *(factors if len(factors) == 2 else factors[0]))
        else:
            left, right = args[-2:]
            if operation == "baddbmm" and isinstance(args[0], torch.Tensor):
                left = left if isinstance(left, Scores) else scores(left, transposed(right))
                return left.masked(self._forbids_nothing(args[0]))
        if isinstance(right, Scores):
            raise InputError("there is no rule for scores of an attention as the second factor")
        if not isinstance(left, Scores):
            result = scores(left, transposed(right))
            if order is not None and order != sorted(order):
                raise InputError("there is no rule for scores of an attention in this order")
            return result
        result = self._attend(left, right)
        return result if order is None else View(result.sources, result.numbers.transpose(order))

    def _scores(self, node: fx.Node, operation: str, args, kwargs) -> Scores:
        """What happens to scores before they meet the values: scaling, masks, softmax, other groups."""
        (weights,) = _tensors_in((args, kwargs))
        rest = []
        _leaves((args, kwargs), rest.append, torch.Tensor)
        if operation == "softmax":
            settings = settings_of(node, self.modules, operation, args, kwargs)
            if settings.get("dim") not in (-1, len(weights.whole) - 1):
                raise InputError("there is a rule for a softmax over keys only")
            return replace(weights, softmax=True)
        if operation in ADDITION and rest:
            return weights.masked(self._forbids_nothing(rest[0]))
        if operation == "maskedfill":
            return weights.masked(~rest[0].numpy()) if -math.inf in (*args[1:], *kwargs.values()) else weights
        if operation == "where" and args[1] is weights and args[2] == -math.inf:
            return weights.masked(args[0].numpy())
        if operation in ELEMENTWISE | ARITHMETIC:
            return weights.masked(np.ones([*rest[0].shape], bool)) if rest else weights
        if operation in MOVEMENT:
            return weights.regrouped(lambda numbers: self._call(node, *_leaves((args, kwargs), lambda _: numbers)))
        raise InputError("there is no rule for it on the scores of an attention")

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
        for view in self.left_out:  # or they were sinks
            numbers = np.unique(view.numbers[view.numbers > 0])
            for piece in listed(view.sources, numbers, numbers, (), ()).pieces:
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
        if depends and operation_of(node, modules) not in NO_TENSOR:
            tensors.add(node)
    readers: dict[fx.Node, set[fx.Node]] = {}
    for node in reversed(graph.nodes):
        readers[node] = set()
        for user in node.users:
            operation = operation_of(user, modules)
            operands = [*user.args, *user.kwargs.values()]
            is_sum = operation in ADDITION and sum(isinstance(o, fx.Node) and o in tensors for o in operands) == 2
            if user.op == "output" or is_sum or operation in CONVOLUTION | LINEAR:
                readers[node].add(user)
            elif user in tensors:
                readers[node] |= readers[user]
    return readers


def _ancestors(node: fx.Node) -> set[fx.Node]:
    found, new = set(), {node}
    while new:
        new = {earlier for later in new for earlier in later.all_input_nodes} - found
        found |= new
    return found


def _leaves(structure, change, kind=Symbolic):
    """The same nest of tuples, lists and dicts with every leaf of one kind changed."""
    return fx.node.map_aggregate(structure, lambda leaf: change(leaf) if isinstance(leaf, kind) else leaf)


def _tensors_in(structure) -> list[Symbolic]:
    found: list[Symbolic] = []
    _leaves(structure, found.append)
    return found


def _grid_of(shape: tuple[int, ...], rank: int | None = None) -> tuple[int, int, int]:
    """(channels, height, width) of a tensor of shape [C], [C, L] or [C, H, W]; rank: its number of spatial axes."""
    if len(shape) - 1 not in ((0, 1, 2) if rank is None else (rank,)):
        raise InputError(f"it cannot take a tensor of shape {shape}")
    return (*shape[:1], *(1,) * (3 - len(shape)), *shape[1:])


def _zero_padded(units: Tensor, padding) -> Units | None:
    """Zeros around the image plane. Around the network's input they are its ring. None where there is no such grid."""
    if isinstance(units, View):
        return None
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
    counts, plane = pair(settings["output_size"], rank, 1), _grid_of(units.shape, rank)
    if set(counts) != {1} or units.grid[0] != plane[0]:  # one window over all places needs no plane
        units = on_grid(units, plane)
    counts = tuple(size if count is None else count for count, size in zip(counts, units.grid[1:], strict=True))
    tables = []
    for count, size in zip(counts, units.grid[1:], strict=True):
        spans = [(range(u * size // count, -(-(u + 1) * size // count)), u) for u in range(count)]
        tables.append(np.array([(t, u) for span, u in spans for t in span], np.int32))
    grid = (units.grid[0], *counts)
    return pool(units, *tables, grid, grid if rank == 2 else (grid[0], grid[2]))


def _reduction(tensor: Tensor, settings) -> Tensor:
    """A mean or sum over places is one window over all of them."""
    rank, axes = len(tensor.whole), settings.get("dim")
    axes = {axis % rank for axis in ((axes,) if isinstance(axes, int) else axes or (0,))}
    if 0 in axes:
        raise InputError("there is no rule for reducing over the images of a batch")
    keep = settings.get("keepdim", False)
    kept = [(1 if k in axes else size) for k, size in enumerate(tensor.whole) if keep or k not in axes]
    if rank - 1 not in axes and (1 in axes or isinstance(tensor, View)):
        return _reduced_rows(tensor, axes, kept)
    if 1 in axes:
        raise InputError("there is a rule for reducing spatial axes and tokens only")
    units = batched(tensor)
    if rank == 4:
        units = on_grid(units, units.shape)
    elif units.grid[0] != units.shape[0]:
        raise InputError(f"there is no rule for reducing a tensor of shape {units.shape}")
    tables, counts = [], []
    for axis, size in zip((2, rank - 1), units.grid[1:], strict=True):
        table = diagonal(size)
        tables.append(table * np.array([1, 0], np.int32) if axis in axes else table)
        counts.append(1 if axis in axes else size)
    return pool(units, *tables, (units.grid[0], *counts), tuple(kept[1:]))


def _reduced_rows(tensor: Tensor, axes: set[int], kept: list[int]) -> Tensor:
    """A mean or sum over axes that are not the last."""
    rows = rows_of(tensor)
    if batch_axis(numbers_of(tensor)) != 0:
        raise InputError("there is no rule for reducing a tensor whose batch is not on the first axis")
    (units,), at = on_plane([rows])
    groups = np.arange(len(at)).reshape(tensor.whole[1:-1])
    for axis in axes:
        groups = np.take(groups, [0], axis - 1)
    names, group = np.unique(np.broadcast_to(groups, tensor.whole[1:-1]), return_inverse=True)
    plane = (1, len(names))
    pieces = [
        pool(units, *tables, (units.grid[0], *plane), ()).pieces
        for tables in products(at, group.ravel(), units.grid[2], len(names))
    ]
    grid = (units.grid[0], *plane)
    channels_last = 1 + np.arange(math.prod(grid)).reshape(grid[0], -1).T.reshape(*kept[1:])
    return moved([Units(grid, grid, sum(pieces, ()))], np.stack([channels_last, -channels_last]))


def _unchanged(tensor: Tensor, arguments) -> Tensor:
    """An elementwise operation, with constants that do not enlarge the tensor."""
    shapes = [tensor.whole]
    _leaves(arguments, lambda constant: shapes.append(constant.shape), torch.Tensor)
    if tuple(torch.broadcast_shapes(*shapes)) != shapes[0]:
        raise InputError(f"a constant enlarges the tensor of shape {tensor.shape}")
    return tensor


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
