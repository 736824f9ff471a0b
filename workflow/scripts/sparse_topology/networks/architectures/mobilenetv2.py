"""MobileNetV2 for small images (Sandler et al. 2018; module names and strides of kuangliu/pytorch-cifar)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

# Expansion, channels, blocks and stride of the first block of each stage.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 1),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise convolution, 1x1 projection; ReLU after the first two.

    At stride 1 the input is added, through a 1x1 convolution where the widths differ; at another stride it is not.
    """

    def __init__(self, in_channels: int, width: int, expansion: int, stride: int):
        super().__init__()
        expanded = expansion * in_channels
        self.conv1 = nn.Conv2d(in_channels, expanded, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(expanded)
        self.conv2 = nn.Conv2d(expanded, expanded, 3, stride, padding=1, groups=expanded, bias=False)
        self.bn2 = nn.BatchNorm2d(expanded)
        self.conv3 = nn.Conv2d(expanded, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.stride = stride
        self.shortcut = nn.Sequential()
        if stride == 1 and in_channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return out + self.shortcut(x) if self.stride == 1 else out


class MobileNetV2(nn.Module):
    """A 3x3 convolution of stride 1, stages of inverted residual blocks, a 1x1 convolution, global average pooling, a
    linear classifier with the only bias.

    stages: expansion, channels, number of blocks and stride of the first block of each. first, last: widths of the
    convolutions before and after them.
    """

    def __init__(
        self, num_classes: int, in_channels: int, stages: Sequence[tuple[int, int, int, int]], first: int, last: int
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, first, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        blocks, channels = [], first
        for expansion, width, count, stride in stages:
            for k in range(count):
                blocks.append(InvertedResidual(channels, width, expansion, stride if k == 0 else 1))
                channels = width
        self.layers = nn.Sequential(*blocks)
        self.conv2 = nn.Conv2d(channels, last, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(last)
        self.linear = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layers(F.relu(self.bn1(self.conv1(x))))
        x = F.relu(self.bn2(self.conv2(x)))
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))


def build(num_classes: int, in_channels: int = 3) -> MobileNetV2:
    return MobileNetV2(num_classes, in_channels, STAGES, first=32, last=1280)
