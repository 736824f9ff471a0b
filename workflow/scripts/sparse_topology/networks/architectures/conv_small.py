"""Conv-6's modules with few channels, for 8x8 images: two stages of one convolution, two linear layers."""

from sparse_topology.networks.architectures._conv import ConvNet


def build(num_classes: int, in_channels: int = 1, image_size: int = 8) -> ConvNet:
    return ConvNet(num_classes, in_channels, image_size, widths=[(16,), (32,)], hidden=(32,))
