"""From stored pixels to what a network sees: random shift and flip, then standardisation, all on the device."""

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(pixels: Tensor, down: Tensor, right: Tensor, mirrored: Tensor, margin: int) -> Tensor:
    """Shift images by up to `margin` pixels, zeros entering at the border, and mirror some of them.

    The paper's random crop of the zero-padded image and horizontal flip. pixels: uint8 [n, C, H, W]; down, right: int64
    [n] in [0, 2 margin], the crop's corner in the padded image; mirrored: bool [n]. Returns uint8 [n, C, H, W].
    """
    count, _, height, width = pixels.shape
    across = torch.arange(width, device=pixels.device)
    rows = down[:, None] + torch.arange(height, device=pixels.device)
    columns = right[:, None] + torch.where(mirrored[:, None], width - 1 - across, across)
    image = torch.arange(count, device=pixels.device)[:, None, None]
    padded = F.pad(pixels, (margin,) * 4).permute(0, 2, 3, 1)
    return padded[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


class Standardise:
    """(pixels / 255 - mean) / std per channel: uint8 [n, C, H, W] to float32. The zeros that `augment` pads with count
    as black pixels."""

    def __init__(self, mean: list[float], std: list[float], device):
        self.mean, self.std = (torch.tensor(values, device=device).view(-1, 1, 1) for values in (mean, std))

    def __call__(self, pixels: Tensor) -> Tensor:
        return (pixels.float() / 255 - self.mean) / self.std
