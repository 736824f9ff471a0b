"""Layers whose forward is the user's own, and constants, are traced as what they do or refused."""

import numpy as np
import pytest
import torch
from torch import nn

from sparse_topology.graphs import geometry
from sparse_topology.graphs.layered import all_edges
from sparse_topology.graphs.trace import trace
from sparse_topology.job import InputError


class SameConv(nn.Conv2d):
    def forward(self, x):
        return nn.functional.conv2d(nn.functional.pad(x, (2, 2, 2, 2)), self.weight, self.bias, self.stride)


class FlippedConv(nn.Conv2d):
    def forward(self, x):
        return nn.functional.conv2d(x, self.weight.flip(-1), self.bias)


class Constant(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 1)
        self.last = nn.Conv2d(3, 2, 1)
        self.register_buffer("plane", torch.full((2, 1, 4, 4), 7.0))

    def forward(self, x):
        return self.last(torch.cat([self.first(x), self.plane], 1))


def edge_count(module, shape) -> int:
    weights = {key: value.numpy() for key, value in module.state_dict().items() if key.endswith("weight")}
    masks = {key: np.ones(value.shape, bool) for key, value in weights.items()}
    return len(all_edges(geometry.encode(trace(module, shape), weights, masks))[0])


def test_a_convolution_that_pads_by_itself_has_the_edges_of_one_that_is_padded():
    own = nn.Sequential(SameConv(1, 2, 5), nn.ReLU(), nn.Conv2d(2, 3, 3))
    plain = nn.Sequential(nn.Conv2d(1, 2, 5, padding=2), nn.ReLU(), nn.Conv2d(2, 3, 3))
    # 8x8 outputs of 25 weights for each of 2 channels, then 6x6 outputs of 9 weights for each of 2x3 kernels; a padding
    # by an operation of its own adds no ring of nodes, so the edges from the ring are missing
    inside = sum(1 for o in range(8) for k in range(-2, 3) if 0 <= o + k < 8)
    assert edge_count(own, (1, 8, 8)) == 2 * inside**2 + 6 * 36 * 9
    assert edge_count(plain, (1, 8, 8)) == 2 * 64 * 25 + 6 * 36 * 9


def test_a_flipped_weight_is_refused():
    with pytest.raises(InputError, match="its weight passes through flip"):
        trace(nn.Sequential(FlippedConv(1, 2, 3)), (1, 8, 8))


def test_a_concatenated_constant_has_no_edges():
    assert edge_count(Constant(), (1, 4, 4)) == 16 * 2 + 16 * 2 * 2
