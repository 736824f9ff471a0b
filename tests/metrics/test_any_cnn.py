"""Both engines on traced networks with every kind of layer: the same sixteen values."""

import metric_components
import metric_cuts
import metric_density
import metric_kcore
import metric_local
import metric_motifs
import metric_neighbours
import metric_paths
import metric_ramanujan
import metric_spectra
import metric_strength
import numpy as np
import pytest
import torch
from torch import nn

from helpers import random_graphs
from sparse_topology.graphs import edge_list, trace
from sparse_topology.graphs.bipartite import layer_graphs
from sparse_topology.graphs.layered import EdgeBlock
from sparse_topology.graphs.rolled import rolled, rolled_channel
from sparse_topology.metrics.measure import Missing
from sparse_topology.networks.architectures.mobilenetv2 import MobileNetV2

FAMILIES = (
    *(metric_local, metric_neighbours, metric_motifs, metric_strength, metric_kcore),
    *(metric_components, metric_cuts, metric_spectra, metric_paths),
)


class Mixture(nn.Module):
    """Dilated, depthwise and strided convolutions, overlapping pooling, an identity shortcut, a concatenation."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=2, dilation=2)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.pointwise = nn.Conv2d(4, 4, 1)
        self.grouped = nn.Conv2d(8, 4, (3, 1), stride=2, padding=(1, 0), groups=2)
        self.classifier = nn.Linear(4, 3)

    def forward(self, x):
        x = self.pool(self.first(x).relu())
        x = self.pointwise(self.depthwise(x).relu()) + x
        x = self.grouped(torch.cat([x, self.depthwise(x)], 1))
        return self.classifier(x.mean((2, 3)))


class Dense(nn.Module):
    """Dense concatenation: every layer reads all earlier ones, so complete graphs of four nodes occur."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(2 + 2 * k, 2, 3, padding=1) for k in range(4)])
        self.classifier = nn.Linear(10 * 9, 2)

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.classifier(x.flatten(1))


class Broken(nn.Module):
    """A reshape that breaks the grid of positions: explicit edges."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3), nn.Conv2d(2, 3, 2)

    def forward(self, x):
        return self.second(self.first(x).flatten(1).reshape(-1, 2, 2, 8)).flatten(1)


class Attentive(nn.Module):
    """A class token, an attention and a gate."""

    def __init__(self):
        super().__init__()
        self.patch, self.attention = nn.Conv2d(2, 4, 2, 2), nn.MultiheadAttention(4, 2, batch_first=True)
        self.token, self.gate, self.up = nn.Parameter(torch.ones(1, 1, 4)), nn.Linear(4, 3), nn.Linear(4, 3)
        self.down, self.fc = nn.Linear(3, 4), nn.Linear(4, 3)

    def forward(self, x):
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), self.patch(x).flatten(2).transpose(1, 2)], 1)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = x + self.down(torch.sigmoid(self.gate(x)) * self.up(x))
        return self.fc(x[:, 0] + x.mean(1))


def narrow_mobilenet():
    """Depthwise blocks with a projection, with an identity shortcut, and with stride 2 and no shortcut."""
    return MobileNetV2(3, 2, stages=((1, 3, 1, 1), (2, 4, 2, 1), (2, 5, 2, 2)), first=3, last=8)


NETWORKS = {
    "mixture": (Mixture, (2, 7, 6), "ignore"),
    "identity shortcuts": (Mixture, (2, 7, 6), "edges"),
    "dense concatenation": (Dense, (2, 3, 3), "ignore"),
    "broken grid": (Broken, (1, 4, 6), "ignore"),
    "mobilenet": (narrow_mobilenet, (2, 6, 6), "ignore"),
    "mobilenet, identity shortcuts": (narrow_mobilenet, (2, 6, 6), "edges"),
    "attention": (Attentive, (2, 6, 4), "ignore"),
    "attention, values": (Attentive, (2, 6, 4), "ignore", "values"),
}


@pytest.mark.parametrize("density", [0.3, 1.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_engines_agree(name, density):
    build, shape, *options = NETWORKS[name]
    graph = random_graphs.traced(build, shape, density, *options)
    assert any(isinstance(block, EdgeBlock) for block in graph.blocks) == (name == "broken grid")
    edges = edge_list.unroll(graph)
    for family in FAMILIES:
        expected = {k: v for k, v in family.reference(edges, {}).items() if v is not metric_paths.NO_MASKS}
        found = family.structured(graph, {})
        tolerance = 1e-8 if family is metric_spectra else 1e-12  # both engines solve for eigenvalues
        assert {name: found[name] for name in expected} == pytest.approx(expected, rel=tolerance, abs=tolerance)
    if name == "dense concatenation" and density == 1:
        assert metric_motifs.structured(graph, {})["motif4_k4"] > 0


@pytest.mark.parametrize("density", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("encoding", [rolled, rolled_channel])
def test_engines_agree_on_every_bipartite_layer_of_a_mobilenet(encoding, density):
    parameters = trace.trace(narrow_mobilenet(), (2, 6, 6)).parameters
    rng = np.random.default_rng(1)
    weights = {p.key: rng.standard_normal(p.shape).astype(np.float32) for p in parameters}
    masks = {key: rng.random(weight.shape) < density for key, weight in weights.items()}
    layers = layer_graphs(encoding(parameters, weights, masks))
    assert sum(p.groups > 1 for p in parameters) == 5
    for parameter, layer in zip(parameters, layers.values(), strict=True):
        edges = edge_list.unroll(layer)
        for family in (*FAMILIES, metric_ramanujan):
            found, expected = family.structured(layer, {}), family.reference(edges, {})
            expected = {name: value for name, value in expected.items() if value is not metric_paths.NO_MASKS}
            found = {name: found[name] for name in expected}
            assert {name: value for name, value in found.items() if isinstance(value, Missing)} == {
                name: value for name, value in expected.items() if isinstance(value, Missing)
            }
            for name, value in expected.items():
                if not isinstance(value, Missing):
                    assert found[name] == pytest.approx(value, rel=1e-8, abs=1e-7), (family, name)
        if encoding is rolled:
            for form in (layer, edges):
                assert metric_density.structured(form, {})["layer_density"] == masks[parameter.key].mean()
