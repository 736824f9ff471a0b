"""A small vision transformer as a user writes one: an embedding for positions, a class token, a weight of its own."""

import torch
from torch import nn
from torch.nn.functional import linear


class Block(nn.Module):
    def __init__(self, tokens, width):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm((tokens, width)), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.down(torch.nn.functional.gelu(self.up(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, num_classes, size=8, patch=4, width=8):
        super().__init__()
        tokens = (size // patch) ** 2 + 1
        self.patch = nn.Conv2d(1, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Embedding(tokens, width)
        self.blocks = nn.Sequential(Block(tokens, width), Block(tokens, width))
        self.norm = nn.LayerNorm(width)
        self.mixing = nn.Parameter(torch.randn(width, width))
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        x = self.blocks(x + self.position(torch.arange(x.shape[1], device=x.device)))
        return self.head(torch.relu(linear(self.norm(x)[:, 0], self.mixing)))


def vit(num_classes):
    return ViT(num_classes)


LAYERS = ["attention.in_proj_weight", "attention.out_proj.weight", "up.weight", "down.weight"]
WEIGHTS = ["mixing", "patch.weight", *(f"blocks.{k}.{name}" for k in (0, 1) for name in LAYERS), "head.weight"]
