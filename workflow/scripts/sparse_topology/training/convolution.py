"""Convolutions 3x3 of few channels, channels last, as Triton kernels: stride 1, padding 1, one group.

cuDNN's are made for more channels: on an H100 the forward pass of 16 channels at 32x32 takes it 22 us, the gradients 20
and 35; these 10, 9 and 13. From 32 channels on little but the weight's gradient gains, from 64 on nothing does.
Imported on a GPU only: Triton comes with torch's CUDA builds.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

PIXELS = 64  # of one tile of the weight's gradient; twice that of the others
PROGRAMS = 132  # of the weight's gradient, twice that up to 16 channels: one or two to each multiprocessor of an H100


@triton.jit
def _window(x, pixel, up, pixels, height, width, CHANNELS: tl.constexpr, SPAN: tl.constexpr):
    """x[n, h + up, w - 1 .. w + 1, :], which lies in one piece, of these pixels: [pixels, SPAN], 0 beyond the image."""
    place = tl.arange(0, SPAN)
    row, column = (pixel // width) % height + up, (pixel % width)[:, None] + (place // CHANNELS - 1)[None, :]
    known = ((pixel < pixels) & (row >= 0) & (row < height))[:, None] & (column >= 0) & (column < width)
    offset = (pixel + up * width - 1)[:, None] * CHANNELS + place[None, :]
    return tl.load(x + offset, known & (place < 3 * CHANNELS)[None, :], 0.0)


@triton.jit
def _convolve(
    x, weight, y, pixels, height, width, first, by_tap, by_input, by_output,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, SPAN: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """y = the convolution of x with weight[first + by_tap tap + by_input input channel + by_output output channel]."""
    pixel, output = tl.program_id(0) * TILE + tl.arange(0, TILE), tl.arange(0, OUTPUTS)
    place = tl.arange(0, SPAN)
    total = tl.zeros([TILE, OUTPUTS], tl.float32)
    for row in tl.static_range(3):
        offset = first + (3 * row + place // INPUTS) * by_tap + (place % INPUTS) * by_input
        kernel = tl.load(
            weight + offset[:, None] + (output * by_output)[None, :], (place < 3 * INPUTS)[:, None], 0.0
        )  # fmt: skip
        total = tl.dot(_window(x, pixel, row - 1, pixels, height, width, INPUTS, SPAN), kernel, total)
    inside = (pixel < pixels)[:, None]
    tl.store(y + pixel[:, None] * OUTPUTS + output[None, :], total.to(y.dtype.element_ty), inside)


@triton.jit
def _sum_products(
    x, dy, sums, pixels, height, width,
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, SPAN: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """sums[program, output channel, tap, input channel] = sum over this program's pixels of dy times x at the tap."""
    output, place = tl.arange(0, OUTPUTS), tl.arange(0, SPAN)
    above, level = tl.zeros([SPAN, OUTPUTS], tl.float32), tl.zeros([SPAN, OUTPUTS], tl.float32)
    below = tl.zeros([SPAN, OUTPUTS], tl.float32)
    for start in tl.range(tl.program_id(0) * TILE, pixels, tl.num_programs(0) * TILE, num_stages=2):
        pixel = start + tl.arange(0, TILE)
        gradient = tl.load(dy + pixel[:, None] * OUTPUTS + output[None, :], (pixel < pixels)[:, None], 0.0)
        above = tl.dot(tl.trans(_window(x, pixel, -1, pixels, height, width, INPUTS, SPAN)), gradient, above)
        level = tl.dot(tl.trans(_window(x, pixel, 0, pixels, height, width, INPUTS, SPAN)), gradient, level)
        below = tl.dot(tl.trans(_window(x, pixel, 1, pixels, height, width, INPUTS, SPAN)), gradient, below)
    sums += (tl.program_id(0) * OUTPUTS + output[None, :]) * (9 * INPUTS) + place[:, None]
    inside = (place < 3 * INPUTS)[:, None]
    tl.store(sums, above, inside)
    tl.store(sums + 3 * INPUTS, level, inside)
    tl.store(sums + 6 * INPUTS, below, inside)


@triton.jit
def _total(sums, total, programs, size, PROGRAMS: tl.constexpr, TILE: tl.constexpr):
    """total[size] = sum over the programs of sums[programs, size]."""
    place, program = tl.program_id(0) * TILE + tl.arange(0, TILE), tl.arange(0, PROGRAMS)
    present = (program < programs)[:, None] & (place < size)[None, :]
    part = tl.load(sums + program[:, None] * size + place[None, :], present, 0.0)
    tl.store(total + place, tl.sum(part, 0).to(total.dtype.element_ty), place < size)


def takes(x: Tensor, weight: Tensor, stride, padding, dilation, groups: int) -> bool:
    """Whether this is such a convolution: x [B, C, H, W], weight [O, C, 3, 3], both channels last and of one type."""
    ordinary = (*stride, *padding, *dilation, groups) == (1, 1, 1, 1, 1, 1, 1) and weight.shape[2:] == (3, 3)
    return (
        ordinary
        and weight.shape[0] in (16, 32, 64)
        and x.dtype == weight.dtype
        and x.numel() // weight.shape[1] * max(weight.shape[:2]) < 2**31  # offsets are int32
        and all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in (x, weight))
    )


def gains(weight: Tensor) -> tuple[bool, bool, bool]:
    """Whether the convolution and its gradients by x and by the weight [O, C, 3, 3] are faster here than in cuDNN."""
    outputs, inputs = weight.shape[:2]
    return inputs <= 16, outputs <= 16 and inputs in (16, 32, 64), inputs <= 32


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """The convolution of x [B, C, H, W] with weight [O, C, 3, 3]: [B, O, H, W], channels last."""
    outputs, inputs = weight.shape[:2]
    return _launch(x, weight, outputs, 0, inputs, 1, 9 * inputs)


def input_gradient(dy: Tensor, weight: Tensor) -> Tensor:
    """The gradient by x: dy [B, O, H, W] convolved with the weight turned around, its channels exchanged."""
    inputs = weight.shape[1]
    return _launch(dy, weight, inputs, 8 * inputs, -inputs, 9 * inputs, 1)


def _launch(x: Tensor, weight: Tensor, outputs: int, first: int, by_tap: int, by_input: int, by_output: int) -> Tensor:
    batch, inputs, height, width = x.shape
    pixels, y = batch * height * width, x.new_empty((batch, height, width, outputs)).movedim(-1, 1)
    _convolve[(triton.cdiv(pixels, 2 * PIXELS),)](
        x, weight, y, pixels, height, width, first, by_tap, by_input, by_output,
        INPUTS=inputs, OUTPUTS=outputs, SPAN=_span(inputs), TILE=2 * PIXELS, num_warps=8,
    )  # fmt: skip
    return y


def weight_gradient(x: Tensor, dy: Tensor) -> Tensor:
    """The gradient by the weight, [O, C, 3, 3], channels last; x [B, C, H, W], dy [B, O, H, W]."""
    batch, inputs, height, width = x.shape
    outputs, pixels = dy.shape[1], batch * height * width
    programs = min(triton.cdiv(pixels, PIXELS), 2 * PROGRAMS if inputs <= 16 else PROGRAMS)
    size = outputs * 9 * inputs
    sums = torch.empty((programs, size), device=x.device)
    total = x.new_empty((outputs, 3, 3, inputs)).movedim(-1, 1)
    _sum_products[(programs,)](
        x, dy, sums, pixels, height, width,
        INPUTS=inputs, OUTPUTS=outputs, SPAN=_span(inputs), TILE=PIXELS, num_warps=4,
    )  # fmt: skip
    _total[(triton.cdiv(size, 32),)](sums, total, programs, size, PROGRAMS=triton.next_power_of_2(programs), TILE=32)
    return total


def _span(channels: int) -> int:
    """Three pixels next to each other, as many as a tile needs at least."""
    return max(16, triton.next_power_of_2(3 * channels))
