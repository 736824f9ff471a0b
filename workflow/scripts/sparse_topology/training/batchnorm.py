"""BatchNorm of images in training, channels last, as two Triton kernels forward and two backward.

torch's own takes seven and reads slowly where channels are few: a third of the time of a small residual network. The
kernels can also add a shortcut to the output and apply ReLU, which saves reading and writing it again.
Imported on a GPU only: Triton comes with torch's CUDA builds.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

PARTS = 128  # programs that sum; each apply program reads all their sums
AHEAD = tl.constexpr(3)  # tiles that are read at a time: without it the backward pass takes a quarter longer


@triton.jit
def _tile(start, channels, rows, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """Offsets into [rows, channels] and which of them exist."""
    row = start + tl.arange(0, ROWS)[:, None]
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)[None, :]
    return row * channels + channel, (row < rows) & (channel < channels)


@triton.jit
def _total(sums, channel, channels, PARTS: tl.constexpr):
    """Sum over the programs of sums[PARTS, channels]."""
    part = tl.arange(0, PARTS)[:, None] * channels + channel[None, :]
    return tl.sum(tl.load(sums + part, channel[None, :] < channels, 0.0), 0)


@triton.jit
def _sum_squares(x, sums, rows, channels, PARTS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr):
    """sums[0] = sum of x, sums[1] = sum of x squared, by program and channel."""
    first, second = tl.zeros([ROWS, CHANNELS], tl.float32), tl.zeros([ROWS, CHANNELS], tl.float32)
    for start in tl.range(tl.program_id(0) * ROWS, rows, PARTS * ROWS, num_stages=AHEAD):
        offset, present = _tile(start, channels, rows, ROWS, CHANNELS)
        value = tl.load(x + offset, present, 0.0).to(tl.float32)
        first += value
        second += value * value
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    out = sums + tl.program_id(0) * channels + channel
    tl.store(out, tl.sum(first, 0), channel < channels)
    tl.store(out + PARTS * channels, tl.sum(second, 0), channel < channels)


@triton.jit
def _normalise(
    x, shortcut, y, sums, weight, bias, mean_out, scale_out, running_mean, running_var, rows, channels, momentum, eps,
    ADD: tl.constexpr, RELU: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """y = (x - mean) / sqrt(var + eps) * weight + bias; the first program also keeps the statistics.

    ADD: y + shortcut instead. RELU: no less than 0; what is not a number stays so.
    """
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    mean = _total(sums, channel, channels, PARTS) / rows
    var = tl.maximum(_total(sums + PARTS * channels, channel, channels, PARTS) / rows - mean * mean, 0.0)
    scale = 1.0 / tl.sqrt(var + eps)
    if tl.program_id(0) == 0:
        tl.store(mean_out + channel, mean, inside)
        tl.store(scale_out + channel, scale, inside)
        old = tl.load(running_mean + channel, inside)
        tl.store(running_mean + channel, old + momentum * (mean - old), inside)
        old = tl.load(running_var + channel, inside)
        tl.store(running_var + channel, old + momentum * (var * (rows / (rows - 1.0)) - old), inside)
    factor = scale * tl.load(weight + channel, inside, 0.0)
    shift = tl.load(bias + channel, inside, 0.0) - mean * factor
    for start in tl.range(tl.program_id(0) * ROWS, rows, tl.num_programs(0) * ROWS, num_stages=AHEAD):
        offset, present = _tile(start, channels, rows, ROWS, CHANNELS)
        value = tl.load(x + offset, present, 0.0).to(tl.float32) * factor[None, :] + shift[None, :]
        if ADD:
            value += tl.load(shortcut + offset, present, 0.0).to(tl.float32)
        if RELU:
            value = tl.where(value < 0.0, 0.0, value)
        tl.store(y + offset, value.to(y.dtype.element_ty), present)


@triton.jit
def _sum_gradients(
    x, y, dy, d_shortcut, sums, mean, scale, weight, bias, rows, channels,
    ADD: tl.constexpr, RELU: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """sums[0] = sum of dy, sums[1] = sum of dy times the normalised x, by program and channel.

    RELU: of dy where y > 0, else of 0. With a shortcut that is d_shortcut; without one y is computed again, not read.
    """
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    centre = tl.load(mean + channel, inside, 0.0)
    factor = tl.load(scale + channel, inside, 0.0) * tl.load(weight + channel, inside, 0.0)
    shift = tl.load(bias + channel, inside, 0.0) - centre * factor
    first, second = tl.zeros([ROWS, CHANNELS], tl.float32), tl.zeros([ROWS, CHANNELS], tl.float32)
    for start in tl.range(tl.program_id(0) * ROWS, rows, PARTS * ROWS, num_stages=AHEAD):
        offset, present = _tile(start, channels, rows, ROWS, CHANNELS)
        value = tl.load(x + offset, present, 0.0).to(tl.float32)
        gradient = tl.load(dy + offset, present, 0.0).to(tl.float32)
        if RELU and ADD:
            gradient = tl.where(tl.load(y + offset, present, 0.0) > 0.0, gradient, 0.0)
            tl.store(d_shortcut + offset, gradient.to(d_shortcut.dtype.element_ty), present)
        elif RELU:
            gradient = tl.where(value * factor[None, :] + shift[None, :] > 0.0, gradient, 0.0)
        first += gradient
        second += gradient * (value - centre[None, :])
    out = sums + tl.program_id(0) * channels + channel
    tl.store(out, tl.sum(first, 0), inside)
    tl.store(out + PARTS * channels, tl.sum(second, 0) * tl.load(scale + channel, inside, 0.0), inside)


@triton.jit
def _differentiate(
    x, dy, dx, sums, mean, scale, weight, bias, d_weight, d_bias, rows, channels,
    RELU: tl.constexpr, PARTS: tl.constexpr, ROWS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """dx = weight scale (dy - mean of dy - normalised x times mean of (dy normalised x)); the parameters' gradients.

    RELU: of dy where the output is positive, else of 0.
    """
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = channel < channels
    first = _total(sums, channel, channels, PARTS)
    second = _total(sums + PARTS * channels, channel, channels, PARTS)
    if tl.program_id(0) == 0:
        tl.store(d_bias + channel, first, inside)
        tl.store(d_weight + channel, second, inside)
    centre = tl.load(mean + channel, inside, 0.0)
    factor = tl.load(scale + channel, inside, 0.0)
    slope = factor * second / rows
    level = first / rows - slope * centre
    factor *= tl.load(weight + channel, inside, 0.0)
    shift = tl.load(bias + channel, inside, 0.0) - centre * factor
    for start in tl.range(tl.program_id(0) * ROWS, rows, tl.num_programs(0) * ROWS, num_stages=AHEAD):
        offset, present = _tile(start, channels, rows, ROWS, CHANNELS)
        value = tl.load(x + offset, present, 0.0).to(tl.float32)
        gradient = tl.load(dy + offset, present, 0.0).to(tl.float32)
        if RELU:
            gradient = tl.where(value * factor[None, :] + shift[None, :] > 0.0, gradient, 0.0)
        gradient = (gradient - level[None, :] - slope[None, :] * value) * factor[None, :]
        tl.store(dx + offset, gradient.to(dx.dtype.element_ty), present)


def _launch(x: Tensor) -> tuple[int, int, dict]:
    """Rows, channel tiles, and the kernels' compile-time sizes."""
    channels = x.shape[1]
    width = min(64, triton.next_power_of_2(channels))
    return x.numel() // channels, triton.cdiv(channels, width), dict(PARTS=PARTS, ROWS=4096 // width, CHANNELS=width)


class BatchNorm(torch.autograd.Function):
    """Of x [B, C, H, W], channels last, and a shortcut of its shape; weight, bias, running statistics float32 [C]."""

    @staticmethod
    def forward(
        ctx, x, shortcut, weight, bias, running_mean, running_var, momentum: float, eps: float, relu: bool
    ) -> Tensor:
        rows, tiles, sizes = _launch(x)
        channels, y = x.shape[1], torch.empty_like(x)
        sums = torch.empty(2, PARTS, channels, device=x.device)
        mean, scale = torch.empty(2, channels, device=x.device)
        _sum_squares[PARTS, tiles](x, sums, rows, channels, **sizes)
        add = shortcut is not None
        shortcut = shortcut.contiguous(memory_format=torch.channels_last) if add else x
        _normalise[_grid(rows, tiles, sizes)](
            x, shortcut, y, sums, weight, bias, mean, scale, running_mean, running_var, rows, channels,
            momentum, eps, ADD=add, RELU=relu, **sizes,
        )  # fmt: skip
        ctx.add, ctx.relu = add, relu
        ctx.save_for_backward(x, y if add and relu else None, weight, bias, mean, scale)
        return y

    @staticmethod
    def backward(ctx, dy: Tensor):
        x, y, weight, bias, mean, scale = ctx.saved_tensors
        rows, tiles, sizes = _launch(x)
        channels, dx, dy = x.shape[1], torch.empty_like(x), dy.contiguous(memory_format=torch.channels_last)
        sums = torch.empty(2, PARTS, channels, device=x.device)
        d_weight, d_bias = torch.empty_like(weight), torch.empty_like(weight)
        through = torch.empty_like(x) if y is not None else dy  # what of dy gets through the ReLU, if that is kept
        _sum_gradients[PARTS, tiles](
            x, x if y is None else y, dy, through, sums, mean, scale, weight, bias, rows, channels,
            ADD=ctx.add, RELU=ctx.relu, **sizes,
        )  # fmt: skip
        _differentiate[_grid(rows, tiles, sizes)](
            x, through, dx, sums, mean, scale, weight, bias, d_weight, d_bias, rows, channels,
            RELU=ctx.relu and y is None, **sizes,
        )  # fmt: skip
        return dx, through if ctx.add else None, d_weight, d_bias, None, None, None, None, None


def _grid(rows: int, tiles: int, sizes: dict) -> tuple[int, int]:
    return min(2 * PARTS, triton.cdiv(rows, sizes["ROWS"])), tiles


def normalise(
    x: Tensor, running_mean, running_var, weight, bias, momentum: float, eps: float, shortcut=None, relu: bool = False
) -> Tensor:
    """`F.batch_norm` in training, of x [B, C, H, W], channels last; plus `shortcut`, of x's shape; then ReLU."""
    return BatchNorm.apply(x, shortcut, weight, bias, running_mean, running_var, momentum, eps, relu)
