"""Residual networks for small images, with projection shortcuts ("option B"; paper, Appendix A)."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: identity, or a strided 1x1 convolution where the shape changes."""

    def __init__(self, in_channels: int, width: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != width:
            self.shortcut = nn.Sequential(nn.Conv2d(in_channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    """A 3x3 convolution, one group of `blocks` basic blocks per width, global average pooling, a linear classifier.

    Every group but the first halves the image. Groups are called layer1, layer2, ... as in the public code.
    """

    def __init__(self, num_classes: int, in_channels: int, blocks: int, widths: Sequence[int]):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, widths[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.groups = [f"layer{g}" for g in range(1, len(widths) + 1)]
        channels = widths[0]
        for name, width in zip(self.groups, widths, strict=True):
            strides = [1 if name == "layer1" else 2] + [1] * (blocks - 1)
            group = []
            for stride in strides:
                group.append(BasicBlock(channels, width, stride))
                channels = width
            self.add_module(name, nn.Sequential(*group))
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for name in self.groups:
            x = getattr(self, name)(x)
        return self.linear(F.adaptive_avg_pool2d(x, 1).flatten(1))
