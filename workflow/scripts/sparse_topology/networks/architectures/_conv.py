"""Plain convolutional networks with max-pooling and linear layers (Conv-6; paper, Appendix A)."""

from collections.abc import Sequence

from torch import Tensor, nn


class ConvNet(nn.Module):
    """Stages of 3x3 convolutions (BN, ReLU), each stage ended by 2x2 max-pooling; then linear layers (BN, ReLU).

    widths: for each stage, the width of each of its convolutions. hidden: widths of the linear layers before the
    classifier. Input [B, in_channels, image_size, image_size]. The attribute names are those of the public code.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        image_size: int,
        widths: Sequence[Sequence[int]],
        hidden: Sequence[int],
    ):
        super().__init__()
        convolutions, channels, size = [], in_channels, image_size
        for stage in widths:
            for width in stage:
                convolutions += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            convolutions.append(nn.MaxPool2d(2, 2))
            size //= 2
        features, linear = channels * size * size, []
        for width in hidden:
            linear += [nn.Linear(features, width), nn.BatchNorm1d(width), nn.ReLU()]
            features = width
        linear.append(nn.Linear(features, num_classes))
        self.convs1 = nn.Sequential(*convolutions)
        self.linear = nn.Sequential(*linear)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.convs1(x).flatten(1))
