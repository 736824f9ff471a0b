"""Resnet-20's modules with few channels, for 8x8 images: two groups of one block, the second with a projection."""

from sparse_topology.networks.architectures._resnet import ResNet


def build(num_classes: int, in_channels: int = 1) -> ResNet:
    return ResNet(num_classes, in_channels, blocks=1, widths=(16, 32))
