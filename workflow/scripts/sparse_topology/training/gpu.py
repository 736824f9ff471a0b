"""What the training step computes otherwise on a GPU, in place of torch's functions and with the same results.

Convolutions take their two gradients side by side, since each alone leaves most of the GPU idle; those of few channels
have kernels of their own (`training.convolution`), and so has BatchNorm (`training.batchnorm`), which takes the sum and
the ReLU after it along (`training.fusion`).
"""

import functools
from types import ModuleType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sparse_topology.training.fusion import Fusion

aten = torch.ops.aten


class Convolution(torch.autograd.Function):
    """A convolution without bias that computes its weight's gradient on the stream `aside`.

    ours: the module `training.convolution` where it takes this one, else None.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, stride, padding, dilation, groups: int, aside, ours) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings, ctx.aside, ctx.ours = (stride, padding, dilation, False, [0, 0], groups), aside, ours
        if ours and ours.gains(weight)[0]:
            return ours.convolve(x, weight)
        return aten.convolution(x, weight, None, *ctx.settings)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        x, weight = ctx.saved_tensors
        _, ours_of_x, ours_of_weight = ctx.ours.gains(weight) if ctx.ours else (False, False, False)
        if ours_of_x or ours_of_weight:
            gradient = gradient.contiguous(memory_format=torch.channels_last)
        ctx.aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(ctx.aside):
            if ours_of_weight:
                of_weight = ctx.ours.weight_gradient(x, gradient)
            else:
                of_weight = aten.convolution_backward(gradient, x, weight, None, *ctx.settings, [False, True, False])[1]
        for tensor in (gradient, x, weight):
            tensor.record_stream(ctx.aside)  # not to be overwritten before `aside` has read it
        of_x = None
        if ctx.needs_input_grad[0] and ours_of_x:
            of_x = ctx.ours.input_gradient(gradient, weight)
        elif ctx.needs_input_grad[0]:
            of_x = aten.convolution_backward(gradient, x, weight, None, *ctx.settings, [True, False, False])[0]
        return of_x, of_weight, None, None, None, None, None, None


class Accelerated(TorchFunctionMode):
    """A context in which the functions above replace torch's; weights' gradients are complete when it ends.

    Within it nothing may read a convolution's weight gradient, so no weight may belong to two convolutions.
    """

    def __init__(self):
        super().__init__()
        self.aside, self.weights = torch.cuda.Stream(), []
        self.fusion, self.biases = Fusion(_batch_norm), {}

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        if function is F.batch_norm and kernels().batchnorm:
            arguments, options = self.fusion.real(arguments, options)
            if _takes(*arguments, **options):
                return self.fusion.batch_norm(arguments, options)
        return self.fusion.call(function, arguments, options, self.compute)

    def compute(self, function, arguments, options):
        if function is F.conv2d and len(arguments) == 7 and not isinstance(arguments[4], str):
            return self.convolution(*arguments)
        return function(*arguments, **options)

    def convolution(self, x, weight, bias, stride, padding, dilation, groups):
        if any(weight is other for other in self.weights):
            raise RuntimeError("a weight that two convolutions share cannot be trained on a GPU")
        self.weights.append(weight)
        settings = [
            [setting] * 2 if isinstance(setting, int) else list(setting) for setting in (stride, padding, dilation)
        ]
        x, ours = x.to(weight.dtype), kernels().convolution
        if ours and not ours.takes(x, weight, *settings, groups):
            ours = None
        y = Convolution.apply(x, weight, *settings, groups, self.aside, ours)
        return y if bias is None or self.stays_zero(bias) else y + bias.to(y.dtype).view(-1, 1, 1)

    def stays_zero(self, bias) -> bool:
        """Whether a bias is 0 and not trained, as those of convolutions are. Looked up once: a recording cannot ask."""
        if id(bias) not in self.biases:
            self.biases[id(bias)] = bias, not bias.requires_grad and not bias.any()
        return self.biases[id(bias)][1]

    def __exit__(self, *failure):
        torch.cuda.current_stream().wait_stream(self.aside)
        self.weights.clear()
        self.fusion.clear() if failure[0] else self.fusion.end()
        return super().__exit__(*failure)


def _takes(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5) -> bool:
    """Whether `training.batchnorm` computes this BatchNorm: images in training, with everything that it usually has."""
    channels_last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) and x.numel() < 2**31
    return training and channels_last and not any(tensor is None for tensor in (running_mean, weight, bias))


def _batch_norm(
    x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5, **follows
) -> Tensor:
    return kernels().batchnorm.normalise(x, running_mean, running_var, weight, bias, momentum, eps, **follows)


class Kernels(NamedTuple):
    """Modules of Triton kernels; None for one that cannot be built here."""

    batchnorm: ModuleType | None = None
    convolution: ModuleType | None = None


def kernels() -> Kernels:
    """Those that can be built; none where torch is asked for deterministic algorithms: our BatchNorm did not repeat its
    bits there, and convolutions were not tried."""
    return Kernels() if torch.are_deterministic_algorithms_enabled() else built()


@functools.cache
def built() -> Kernels:
    x = torch.zeros(4, 32, 2, 2, dtype=torch.bfloat16, device="cuda").to(memory_format=torch.channels_last)
    found = []
    for name, load in (("BatchNorm", _load_batchnorm), ("convolutions", _load_convolution)):
        try:
            found.append(load(x))
        except Exception as error:  # of a compiler, a linker, a driver
            line = f"{type(error).__name__}: {error}".splitlines()[0]
            print(
                f"{name} by torch itself, which is slower; Triton needs a C compiler, Python's headers and a GPU that "
                f"it knows ({line})"
            )
            found.append(None)
    return Kernels(*found)


def _load_batchnorm(x: Tensor) -> ModuleType:
    from sparse_topology.training import batchnorm

    batchnorm.normalise(x, *torch.zeros(4, 32, device="cuda"), 0.1, 1e-5)
    return batchnorm


def _load_convolution(x: Tensor) -> ModuleType:
    from sparse_topology.training import convolution

    convolution.weight_gradient(x, torch.cat([x, x], 1))  # what needs the most of a GPU
    return convolution
