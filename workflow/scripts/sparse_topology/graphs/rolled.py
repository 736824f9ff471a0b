"""The two bipartite baselines: one small graph per layer of the network (paper, section 2.2).

Both are layered graphs with a pair of node layers, `<layer>:in` and `<layer>:out`, and one block per network layer.
"""

from __future__ import annotations

import numpy as np

from sparse_topology.graphs.geometry import Parameter, checked
from sparse_topology.graphs.layered import KernelBlock, Layer, LayeredGraph

POINT = np.zeros((1, 3), np.int32)  # the one position of a block without a plane


def rolled(parameters: list[Parameter], weights, masks) -> LayeredGraph:
    """Rolled BGE: left C_in * k_h * k_w nodes, right C_out nodes, an edge of weight |w| per unmasked weight."""
    weights, masks = checked(parameters, weights, masks)
    kernels = [(masks[p.key].reshape(p.shape[0], -1), weights[p.key].reshape(p.shape[0], -1)) for p in parameters]
    return _pairs("rolled", parameters, kernels)


def rolled_channel(parameters: list[Parameter], weights, masks) -> LayeredGraph:
    """Rolled-channel BGE: left C_in nodes, right C_out, an edge per kernel slice with an unmasked weight.

    The weight is the L2 norm of the slice; a linear layer's slices are its single weights.
    """
    weights, masks = checked(parameters, weights, masks)
    kernels = []
    for p in parameters:
        slices = *p.shape[:2], -1
        norm = np.sqrt(np.square(weights[p.key].reshape(slices), dtype=np.float64).sum(2))
        kernels.append((masks[p.key].reshape(slices).any(2), norm.astype(np.float32)))
    return _pairs("rolled_channel", parameters, kernels)


def _pairs(encoding: str, parameters: list[Parameter], kernels) -> LayeredGraph:
    """kernels: for each layer, mask and weight [out, left nodes per group]."""
    layers, blocks, inputs, outputs, offset = [], [], [], [], 0
    for parameter, (mask, weight) in zip(parameters, kernels, strict=True):
        left, right = mask.shape[1] * parameter.groups, mask.shape[0]
        source = len(layers)
        layers += [
            Layer(f"{parameter.name}:in", left, 1, 1, offset),
            Layer(f"{parameter.name}:out", right, 1, 1, offset + left),
        ]
        inputs.append([offset, offset + left])
        offset += left + right
        outputs.append([offset - right, offset])
        block = mask[:, :, None, None], weight[:, :, None, None], POINT, POINT
        blocks.append(KernelBlock(parameter.name, source, source + 1, 0, 0, parameter.groups, *block))
    return LayeredGraph(encoding, layers, blocks, np.array(inputs), np.array(outputs))
