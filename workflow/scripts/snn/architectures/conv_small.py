"""Conv-6's modules with few channels, for 8x8 images: two stages of two convolutions, two linear layers."""

from snn.architectures._conv import ConvNet


def build(num_classes: int, in_channels: int = 1, image_size: int = 8) -> ConvNet:
    return ConvNet(num_classes, in_channels, image_size, widths=[(8, 8), (16, 16)], hidden=(32,))
