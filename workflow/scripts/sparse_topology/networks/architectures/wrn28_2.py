"""Wide-Resnet-28-2 without dropout: pre-activation blocks, twice as wide (paper, Appendix A)."""

import torch.nn.functional as F
from torch import Tensor, nn


class PreActivationBlock(nn.Module):
    """BN, ReLU, 3x3 convolution, twice. Where the width changes, the shortcut is a 1x1 convolution of the activated
    input, else the input itself."""

    def __init__(self, in_channels: int, width: int, stride: int):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.convShortcut = None
        if in_channels != width:
            self.convShortcut = nn.Conv2d(in_channels, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return out + (x if self.convShortcut is None else self.convShortcut(active))


class Group(nn.Module):
    """Blocks of one width, the first with the stride. They live under `layer`, as in the public code."""

    def __init__(self, in_channels: int, width: int, stride: int, blocks: int):
        super().__init__()
        first = PreActivationBlock(in_channels, width, stride)
        self.layer = nn.Sequential(first, *(PreActivationBlock(width, width, 1) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


class WideResNet(nn.Module):
    """A 3x3 convolution, three groups, BN, ReLU, global average pooling, a linear classifier."""

    def __init__(self, num_classes: int, in_channels: int, depth: int, widen: int):
        super().__init__()
        blocks, widths = (depth - 4) // 6, [16 * widen, 32 * widen, 64 * widen]
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.block1 = Group(16, widths[0], 1, blocks)
        self.block2 = Group(widths[0], widths[1], 2, blocks)
        self.block3 = Group(widths[1], widths[2], 2, blocks)
        self.bn1 = nn.BatchNorm2d(widths[2])
        self.fc = nn.Linear(widths[2], num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.adaptive_avg_pool2d(F.relu(self.bn1(x)), 1).flatten(1))


def build(num_classes: int, in_channels: int = 3) -> WideResNet:
    return WideResNet(num_classes, in_channels, depth=28, widen=2)
