"""Resnet-20: three groups of three basic blocks (paper, Appendix A)."""

from sparse_topology.networks.architectures._resnet import ResNet


def build(num_classes: int, in_channels: int = 3) -> ResNet:
    return ResNet(num_classes, in_channels, blocks=3, widths=(16, 32, 64))
