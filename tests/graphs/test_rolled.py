"""The bipartite baselines against loops over single weights."""

import numpy as np
import pytest
from torch import nn

from sparse_topology.graphs.layered import all_edges
from sparse_topology.graphs.rolled import rolled, rolled_channel
from sparse_topology.graphs.trace import trace
from sparse_topology.job import InputError


@pytest.fixture(scope="module")
def network():
    module = nn.Sequential(
        nn.Conv2d(2, 4, (3, 1), padding=(1, 0)), nn.Conv2d(4, 6, 3, groups=2), nn.Flatten(), nn.Linear(6 * 3 * 2, 5)
    )
    parameters = trace(module, (2, 5, 4)).parameters
    rng = np.random.default_rng(0)
    weights = {p.key: rng.normal(size=p.shape).astype(np.float32) for p in parameters}
    masks = {key: rng.random(weight.shape) < 0.15 for key, weight in weights.items()}
    return parameters, weights, masks


def in_order(edges):
    return sorted((int(s), int(t), float(w)) for s, t, w in edges)


def test_rolled_has_an_edge_per_unmasked_weight(network):
    parameters, weights, masks = network
    graph = rolled(*network)
    expected, offset = [], 0
    for p in parameters:
        kernel = int(np.prod(p.shape[2:]))
        left, right = p.shape[1] * p.groups * kernel, p.shape[0]
        for index in np.argwhere(masks[p.key]):
            out, channel = index[:2]
            place = int(np.ravel_multi_index(index[2:], p.shape[2:])) if len(p.shape) > 2 else 0
            channel += out // (p.shape[0] // p.groups) * p.shape[1]
            expected.append((offset + channel * kernel + place, offset + left + out, abs(weights[p.key][tuple(index)])))
        offset += left + right
    assert in_order(zip(*all_edges(graph), strict=True)) == in_order(expected)
    assert graph.node_count == offset
    assert [layer.name for layer in graph.layers] == ["0:in", "0:out", "1:in", "1:out", "3:in", "3:out"]
    assert [layer.size for layer in graph.layers] == [6, 4, 36, 6, 36, 5]


def test_rolled_channel_has_the_norm_of_every_slice_that_is_left(network):
    parameters, weights, masks = network
    graph = rolled_channel(*network)
    expected, offset = [], 0
    for p in parameters:
        left = p.shape[1] * p.groups
        for out in range(p.shape[0]):
            for i in range(p.shape[1]):
                if masks[p.key][out, i].any():
                    norm = np.sqrt((np.float64(weights[p.key][out, i] * masks[p.key][out, i]) ** 2).sum())
                    channel = i + out // (p.shape[0] // p.groups) * p.shape[1]
                    expected.append((offset + channel, offset + left + out, np.float32(norm)))
        offset += left + p.shape[0]
    found, expected = in_order(zip(*all_edges(graph), strict=True)), in_order(expected)
    assert [edge[:2] for edge in found] == [edge[:2] for edge in expected]
    np.testing.assert_allclose([edge[2] for edge in found], [edge[2] for edge in expected], rtol=1e-6)
    assert [layer.size for layer in graph.layers] == [2, 4, 4, 6, 36, 5]


def test_linear_layers_are_the_same_in_both(network):
    last = [graph(*network).blocks[-1] for graph in (rolled, rolled_channel)]
    np.testing.assert_array_equal(last[0].mask, last[1].mask)
    np.testing.assert_allclose(last[0].weight, last[1].weight, rtol=1e-6)


def test_an_unmasked_zero_is_an_edge(network):
    parameters, weights, masks = network
    zeros = {key: np.zeros_like(weight) for key, weight in weights.items()}
    assert rolled(parameters, zeros, masks).edge_count == sum(mask.sum() for mask in masks.values())
    assert rolled_channel(parameters, zeros, masks).edge_count == rolled_channel(*network).edge_count


def test_wrong_arrays_are_named(network):
    parameters, weights, masks = network
    with pytest.raises(InputError, match=r"mask: no entry 1\.weight"):
        rolled(parameters, weights, {key: mask for key, mask in masks.items() if key != "1.weight"})
    with pytest.raises(InputError, match=r"weights: 1\.weight has shape \(6, 2, 3\)"):
        rolled(parameters, weights | {"1.weight": weights["1.weight"][..., 0]}, masks)
    broken = weights["0.weight"].copy()
    broken[masks["0.weight"]] = np.nan
    with pytest.raises(InputError, match=r"0\.weight .*NaN"):
        rolled(parameters, weights | {"0.weight": broken}, masks)
