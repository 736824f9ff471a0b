"""The graph of a network by definition: entries of the Jacobian of pooling-then-layer (spec of the MGE), dense.

An independent reference for the encoder. The network runs under a mode that replaces every torch function by its linear
stand-in (|weight| without bias, pooling by summing, everything elementwise by the identity) and cuts the network after
An independent reference for the encoder. The network runs under a mode that replaces each torch function by its linear
was recorded with respect to all leaves is the weights of the edges.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

IDENTITY = {"relu", "relu_", "relu6", "hardtanh", "leaky_relu", "sigmoid", "batch_norm", "dropout", "mul"}
ADD = {"add", "add_", "__add__", "__iadd__"}


class Cut(TorchFunctionMode):
    """Run a network as a linear one, cut at its parametric layers and sums.

    kernels: by weight tensor's id, what to use in its place; cases: for each sum in order, `merge`, `left` or `right`
    (which operand is no identity shortcut) or `union`.
    """

    def __init__(self, shape, padding, kernels, cases, identity_edges=False):
        super().__init__()
        top, bottom, left, right = self.padding = padding
        channels, height, width = shape
        self.ring = torch.zeros(1, channels, height + top + bottom, width + left + right, requires_grad=True)
        self.input = torch.zeros(1, *shape)
        # tensors that hold the input in place, with the same in its ring and where in these the input starts
        self.ringed = {self.input: (self.ring, (0, 0))}
        self.leaves, self.outputs = [self.ring], [[]]  # what ends in a leaf: a list of tensors, summed
        self.kernels, self.cases, self.identity_edges = kernels, list(cases), identity_edges
        self.merged = {}

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.__name__
        if name in ("conv2d", "conv1d"):
            return self.cut(self.convolve(func, *args, **kwargs))
        if name == "linear":
            return self.cut(F.linear(args[0], self.kernels[id(args[1])]))
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

    def cut(self, output):
        self.outputs.append([output])
        self.leaves.append(torch.zeros_like(output).requires_grad_())
        return self.leaves[-1]

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
        ones = torch.ones(x.shape[1], 1, *kernel_size)
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
            return self.leaves[last]
        main, shortcut = (left, right) if case == "left" else (right, left)
        if self.identity_edges:
            self.outputs[self.index(main)].append(self.plain(shortcut))
        return main

    def index(self, tensor):
        return next(k for k, leaf in enumerate(self.leaves) if leaf is tensor)


def sum_adaptive(x, size):
    """Sum over the windows of adaptive pooling, by their definition."""
    for axis, count in zip((2, 3), size, strict=True):
        n = x.shape[axis]
        x = torch.stack(
            [x.narrow(axis, u * n // count, -(-(u + 1) * n // count) - u * n // count).sum(axis) for u in range(count)],
            axis,
        )
    return x


def run(module, shape, padding, weights, masks, cases=(), identity_edges=False):
    """Two runs of `module`, with |weight| and with the mask as kernels. weights, masks: arrays by state_dict key."""
    runs = []
    keys = {key: id(parameter) for key, parameter in module.named_parameters()}
    for arrays in ({key: np.abs(weights[key]) * masks[key] for key in weights}, masks):
        kernels = {keys[key]: torch.tensor(array, dtype=torch.float32) for key, array in arrays.items()}
        with Cut(shape, padding, kernels, cases, identity_edges) as cut:
            cut.result = cut.plain(module.eval()(cut.input))
        runs.append(cut)
    return runs


def adjacency(module, shape, padding, weights, masks, cases=(), identity_edges=False):
    """Dense float32 [N, N] weights and bool [N, N] pattern, row -> column, and the bool [N] output nodes."""
    matrices = []
    for cut in run(module, shape, padding, weights, masks, cases, identity_edges):
        kept = [k for k, outputs in enumerate(cut.outputs) if outputs is not None]
        leaves = [cut.leaves[k] for k in kept]
        rows = [derivative(cut.outputs[k], leaves, cut.leaves[k].numel()) for k in kept]
        matrices.append(torch.cat(rows).T.numpy())
        result = derivative([cut.result], leaves, cut.result.numel()).sum(0).numpy() > 0
    return matrices[0], matrices[1] > 0, result


def derivative(outputs, leaves, size):
    """[outputs, all leaf elements]: d (sum of the outputs) / d leaves."""
    total = torch.zeros(size, sum(leaf.numel() for leaf in leaves))
    for output in outputs:
        if not output.requires_grad:
            continue
        parts = torch.autograd.grad(
            output.reshape(-1), leaves, torch.eye(size), is_grads_batched=True, allow_unused=True, retain_graph=True
        )
        filled = [
            torch.zeros(size, leaf.numel()) if part is None else part.reshape(size, -1)
            for part, leaf in zip(parts, leaves, strict=True)
        ]
        total += torch.cat(filled, 1)
    return total
