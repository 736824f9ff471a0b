"""Resnet-32: three groups of five basic blocks (paper, Appendix A)."""

from sparse_topology.networks.architectures._resnet import ResNet


def build(num_classes: int, in_channels: int = 3) -> ResNet:
    return ResNet(num_classes, in_channels, blocks=5, widths=(16, 32, 64))
