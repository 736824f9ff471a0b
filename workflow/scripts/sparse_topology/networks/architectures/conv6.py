"""Conv-6: six convolutions in three stages, three linear layers (paper, Appendix A)."""

from sparse_topology.networks.architectures._conv import ConvNet


def build(num_classes: int, in_channels: int = 3, image_size: int = 32) -> ConvNet:
    return ConvNet(num_classes, in_channels, image_size, widths=[(64, 64), (128, 128), (256, 256)], hidden=(256, 256))
