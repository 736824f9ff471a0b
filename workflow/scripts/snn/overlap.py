"""On a GPU, the two gradients of a convolution side by side: each alone leaves most of it idle."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

aten = torch.ops.aten


class Convolution(torch.autograd.Function):
    """A convolution without bias that computes its weight's gradient on the stream `aside`."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, stride, padding, dilation, groups: int, aside) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings, ctx.aside = (stride, padding, dilation, False, [0, 0], groups), aside
        return aten.convolution(x, weight, None, *ctx.settings)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        x, weight = ctx.saved_tensors
        ctx.aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(ctx.aside):
            of_weight = aten.convolution_backward(gradient, x, weight, None, *ctx.settings, [False, True, False])[1]
        for tensor in (gradient, x, weight):
            tensor.record_stream(ctx.aside)  # not to be overwritten before `aside` has read it
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = aten.convolution_backward(gradient, x, weight, None, *ctx.settings, [True, False, False])[0]
        return of_x, of_weight, None, None, None, None, None


class Overlap(TorchFunctionMode):
    """A context in which convolutions are such; weights' gradients are complete when it ends.

    Within it nothing may read a weight's gradient, so no weight may belong to two convolutions.
    """

    def __init__(self):
        super().__init__()
        self.aside, self.weights = torch.cuda.Stream(), []

    def __torch_function__(self, function, types, arguments=(), options=None):
        if function is not F.conv2d or len(arguments) < 7 or isinstance(arguments[4], str):
            return function(*arguments, **(options or {}))
        x, weight, bias, *settings = arguments
        if any(weight is other for other in self.weights):
            raise RuntimeError("a weight that two convolutions share cannot be trained on a GPU")
        self.weights.append(weight)
        y = Convolution.apply(x.to(weight.dtype), weight, *map(_pair, settings[:3]), settings[3], self.aside)
        return y if bias is None else y + bias.to(y.dtype).view(-1, 1, 1)

    def __exit__(self, *failure):
        torch.cuda.current_stream().wait_stream(self.aside)
        self.weights.clear()
        return super().__exit__(*failure)


def _pair(setting) -> list[int]:
    return [setting] * 2 if isinstance(setting, int) else list(setting)
