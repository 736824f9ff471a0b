"""The graph of a network by definition: entries of the Jacobian of pooling-then-layer (spec of the MGE), dense.

An independent reference for the encoder. The network runs under a mode that cuts it after every parametric layer and
replaces what adds no nodes: activations and norms by the identity, pooling by summing. The Jacobian of what ends
in a layer with respect to all leaves is its edges. It is taken twice: for the pattern, products and softmax are what
they are and the leaves are random; for the weights, kernels are |weight| and a product is the sum of its factors.
"""

import types

import numpy as np
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

IDENTITY = {
    "relu",
    "relu_",
    "relu6",
    "hardtanh",
    "leaky_relu",
    "sigmoid",
    "batch_norm",
    "dropout",
    "layer_norm",
    "gelu",
}
IDENTITY |= {"silu", "hardsigmoid", "hardswish", "normalize", "rms_norm", "tanh", "group_norm", "stochastic_depth"}
ADD = {"add", "add_", "__add__", "__iadd__"}
MULTIPLY = {"mul", "mul_", "multiply", "__mul__", "__rmul__", "div", "truediv", "__truediv__", "true_divide"}
CONTRACT = {"matmul", "bmm", "__matmul__", "einsum"}


class Cut(TorchFunctionMode):
    """Run a network as a linear one, cut at its parametric layers and sums.

    kernels: by weight tensor's id, what to use in its place; cases: for each sum in order, `merge`, `left` or `right`
    (which operand is no identity shortcut) or `union`; at: by a layer's number, the places on its plane that the rows
    of a linear layer have; true: whether products are taken as they are, on random leaves; attention: as in the graph.
    """

    def __init__(self, shape, padding, kernels, cases, identity_edges=False, at=None, true=False, attention="all"):
        super().__init__()
        self.at, self.true, self.values_only = dict(at or {}), true, attention == "values"
        self.random = torch.Generator().manual_seed(0)
        top, bottom, left, right = self.padding = padding
        channels, height, width = shape
        self.ring = self.leaf((1, channels, height + top + bottom, width + left + right))
        self.input = torch.zeros(1, *shape, dtype=torch.float64)
        # tensors that hold the input in place, with the same in its ring and where in these the input starts
        self.ringed = {self.input: (self.ring, (0, 0))}
        self.leaves, self.outputs = [self.ring], [[]]  # what ends in a leaf: a list of tensors, summed
        self.handed = [self.ring]  # the leaves as the network gets them
        self.kernels, self.cases, self.identity_edges = kernels, list(cases), identity_edges
        self.merged = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.__name__
        if name in ("conv2d", "conv1d"):
            return self.cut(self.convolve(func, *args, **kwargs))
        if name == "linear":
            return self.cut_rows(F.linear(self.plain(args[0]), self.kernels[id(args[1])]))
        if name == "multi_head_attention_forward":
            with self:
                return looked_into(func)(*args, **kwargs)
        if name == "scaled_dot_product_attention":
            return self.attend(*(self.plain(x) for x in args), **kwargs)
        if name in CONTRACT:
            return self.contract(func, *(self.plain(x) for x in args))
        if name == "softmax":
            weights = func(self.plain(args[0]), *args[1:], **kwargs) if self.true else args[0]
            return weights.detach() if self.values_only else weights
        if name in MULTIPLY:
            varying = [x for x in args if isinstance(x, torch.Tensor) and (x.requires_grad or x in self.ringed)]
            if len(varying) == 1 or "div" in name:
                return varying[0]
            left, right = (self.plain(x) for x in varying)
            return left * right if self.true else left + right
        if name == "mean":
            return torch.sum(self.plain(args[0]), *args[1:], **kwargs)
        if name in ("max_pool2d", "avg_pool2d", "_max_pool2d"):
            return self.sum_pool(func, name, *args, **kwargs)
        if name == "adaptive_avg_pool2d":
            return sum_adaptive(self.cropped(args[0], (0, 0, 0, 0)), func(self.plain(args[0]), args[1]).shape[2:])
        if name in ADD:
            varying = [x for x in args if isinstance(x, torch.Tensor) and (x.requires_grad or x in self.ringed)]
            return self.add(*varying) if len(varying) == 2 else varying[0]
        if name in IDENTITY:
            return next(argument for argument in args if isinstance(argument, torch.Tensor))
        if name == "cat" and any(x in self.ringed for x in args[0]):
            start = next(self.ringed[x][1] for x in args[0] if x in self.ringed)
            around = [padding - start[k // 2] for k, padding in enumerate(self.padding)]
            ringed = torch.cat([self.cropped(x, around) for x in args[0]], *args[1:], **kwargs)
            joined = torch.cat([self.plain(x) for x in args[0]], *args[1:], **kwargs)
            self.ringed[joined] = ringed, start
            return joined
        if name == "pad" and args[0] in self.ringed and args[2:] in ((), ("constant", 0)) and min(args[1]) >= 0:
            left, right, top, bottom = [*args[1], 0, 0][:4]
            padded = self.cropped(args[0], (top, bottom, left, right)).clone()
            ring, (above, before) = self.ringed[args[0]]
            self.ringed[padded] = ring, (above + top, before + left)
            return padded
        return func(*(self.plain(argument) for argument in args), **kwargs)

    def plain(self, x):
        if isinstance(x, list | tuple):
            return type(x)(self.plain(entry) for entry in x) if type(x) in (list, tuple) else x
        return self.cropped(x, (0, 0, 0, 0)) if isinstance(x, torch.Tensor) and x in self.ringed else x

    def cropped(self, x, padding):
        """A tensor with a border of the given padding: zeros, or the input's ring where it holds the input in place."""
        top, bottom, left, right = padding
        if x not in self.ringed:
            return F.pad(x, (left, right, top, bottom))
        ringed, (above, before) = self.ringed[x]
        start = [self.padding[0] - above - top, self.padding[2] - before - left]
        size = [x.shape[2] + top + bottom, x.shape[3] + left + right]
        return ringed[:, :, start[0] : start[0] + size[0], start[1] : start[1] + size[1]]

    def leaf(self, shape):
        numbers = torch.rand(shape, generator=self.random, dtype=torch.float64) - 0.5
        return (numbers if self.true else torch.zeros_like(numbers)).requires_grad_()

    def cut(self, output):
        self.outputs.append([output])
        self.leaves.append(self.leaf(output.shape))
        self.handed.append(self.leaves[-1])
        return self.leaves[-1]

    def cut_rows(self, output):
        """A leaf [channels, places], in the order of the nodes, in whose places the output's rows are."""
        k = len(self.leaves)
        self.at.setdefault(k, np.arange(output.numel() // output.shape[-1]))
        leaf = self.cut(self.in_places(output, k))
        self.handed[k] = leaf.T[self.at[k]].reshape(output.shape)
        return self.handed[k]

    def in_places(self, rows, k):
        return rows.reshape(-1, rows.shape[-1])[np.argsort(self.at[k])].T

    def contract(self, func, *args):
        """A product of matrices; its stand-in is the sum of both factors over the contracted axis."""
        if self.true:
            return func(*args)
        *equation, left, right = args
        if not right.requires_grad or not left.requires_grad:
            varying, other = (left, right) if left.requires_grad else (right, left)
            ones = torch.ones_like(other, dtype=torch.float64)
            return func(*equation, *((varying, ones) if varying is left else (ones, varying)))
        return func(*equation, left, torch.ones_like(right)) + func(*equation, torch.ones_like(left), right)

    def attend(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, enable_gqa=False, **_):
        if enable_gqa:
            key, value = (part.repeat_interleave(query.shape[-3] // part.shape[-3], -3) for part in (key, value))
        count = query.shape[-2], key.shape[-2]
        allowed = torch.ones(count, dtype=torch.bool).tril() if is_causal else torch.ones(count, dtype=torch.bool)
        if attn_mask is not None:
            allowed = allowed & (attn_mask if attn_mask.dtype == torch.bool else attn_mask > -torch.inf)
        if self.true:
            scores = (query @ key.mT).masked_fill(~allowed, -torch.inf).softmax(-1)
            return (scores.detach() if self.values_only else scores) @ value
        passed = allowed.double() @ value
        if self.values_only:
            return passed
        several = allowed & (allowed.sum(-1, keepdim=True) > 1)
        return passed + ((query.sum(-1, keepdim=True) + key.sum(-1, keepdim=True).mT) * several).sum(-1, keepdim=True)

    def convolve(self, func, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        kernel = self.kernels[id(weight)]
        if kernel.dim() == 3:
            return func(self.plain(x), kernel, None, stride, padding, dilation, groups)
        if padding == "same":
            d = dilation if isinstance(dilation, tuple) else (dilation, dilation)
            total = [d[axis] * (kernel.shape[2 + axis] - 1) for axis in (0, 1)]
            sides = (total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2)
        else:
            pad = padding if isinstance(padding, tuple) else (padding, padding)
            sides = (pad[0], pad[0], pad[1], pad[1])
        return func(self.cropped(x, sides), kernel, None, stride, 0, dilation, groups)

    def sum_pool(self, func, name, x, kernel_size, stride=None, padding=0, *rest, **kwargs):
        real = func(x, kernel_size, stride, padding, *rest, **kwargs)
        dilation = kwargs.get("dilation", rest[0] if rest and "max" in name else 1)
        stride = stride or kernel_size
        kernel_size, stride, padding, dilation = (
            value if isinstance(value, tuple) else (value, value) for value in (kernel_size, stride, padding, dilation)
        )
        x = F.pad(self.cropped(x, (padding[0], padding[0], padding[1], padding[1])), (0, 9, 0, 9))
        ones = torch.ones(x.shape[1], 1, *kernel_size, dtype=torch.float64)
        summed = F.conv2d(x, ones, None, stride, 0, dilation, x.shape[1])
        return summed[:, :, : real.shape[2], : real.shape[3]]

    def add(self, left, right):
        case = self.cases.pop(0)
        if case == "union":
            return left + right
        if case == "merge":
            first, last = sorted(self.index(leaf) for leaf in (left, right))
            self.outputs[last] += self.outputs[first]
            self.outputs[first] = None
            return self.handed[last]
        main, shortcut = (left, right) if case == "left" else (right, left)
        if self.identity_edges:
            k = self.index(main)
            self.outputs[k].append(self.in_places(self.plain(shortcut), k) if k in self.at else self.plain(shortcut))
        return main

    def index(self, tensor):
        return next(k for k, leaf in enumerate(self.handed) if leaf is tensor)


def sum_adaptive(x, size):
    """Sum over the windows of adaptive pooling, by their definition."""
    for axis, count in zip((2, 3), size, strict=True):
        n = x.shape[axis]
        x = torch.stack(
            [x.narrow(axis, u * n // count, -(-(u + 1) * n // count) - u * n // count).sum(axis) for u in range(count)],
            axis,
        )
    return x


def looked_into(func):
    """A function of torch that a mode sees from inside: the same code, which does not ask the mode to take it whole."""
    names = func.__globals__ | {"has_torch_function": lambda *_: False}
    return types.FunctionType(func.__code__, names, func.__name__, func.__defaults__, func.__closure__)


def run(module, shape, padding, weights, masks, cases=(), identity_edges=False, at=None, attention="all"):
    """Two runs of `module`, for the weights and for the pattern. weights, masks: arrays by state_dict key."""
    runs, rng = [], np.random.default_rng(0)
    keys = {key: id(parameter) for key, parameter in module.named_parameters()}
    random = {key: mask * rng.uniform(0.5, 1.5, mask.shape) for key, mask in masks.items()}
    for true, arrays in ((False, {key: np.abs(weights[key]) * masks[key] for key in weights}), (True, random)):
        kernels = {keys[key]: torch.tensor(array, dtype=torch.float64) for key, array in arrays.items()}
        trained = [own for own in module.parameters() if own.requires_grad]
        module.requires_grad_(False)
        with Cut(shape, padding, kernels, cases, identity_edges, at, true, attention) as cut:
            cut.result = cut.plain(module.eval()(cut.input))
        for own in trained:
            own.requires_grad_()
        runs.append(cut)
    return runs


def adjacency(module, shape, padding, weights, masks, cases=(), identity_edges=False, at=None, attention="all"):
    """Dense float64 [N, N] weights and bool [N, N] pattern, row -> column, and the bool [N] output nodes."""
    matrices = []
    for cut in run(module, shape, padding, weights, masks, cases, identity_edges, at, attention):
        kept = [k for k, outputs in enumerate(cut.outputs) if outputs is not None]
        leaves = [cut.leaves[k] for k in kept]
        rows = [derivative(cut.outputs[k], leaves, cut.leaves[k].numel()) for k in kept]
        matrices.append(torch.cat(rows).T.numpy())
        result = (derivative([cut.result], leaves, cut.result.numel()) != 0).any(0).numpy()
    return matrices[0], matrices[1] != 0, result


def derivative(outputs, leaves, size):
    """[outputs, all leaf elements]: d (sum of the outputs) / d leaves."""
    total = torch.zeros(size, sum(leaf.numel() for leaf in leaves), dtype=torch.float64)
    for output in outputs:
        if not output.requires_grad:
            continue
        parts = torch.autograd.grad(
            output.reshape(-1),
            leaves,
            torch.eye(size, dtype=torch.float64),
            is_grads_batched=True,
            allow_unused=True,
            retain_graph=True,
        )
        filled = [
            torch.zeros(size, leaf.numel(), dtype=torch.float64) if part is None else part.reshape(size, -1)
            for part, leaf in zip(parts, leaves, strict=True)
        ]
        total += torch.cat(filled, 1)
    return total
