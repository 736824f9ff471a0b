"""Layer density is the kept share of a layer's weights."""

import metric_density
import pytest

from helpers import random_graphs
from sparse_topology.graphs.bipartite import layer_graphs
from sparse_topology.graphs.edge_list import unroll


@random_graphs.each(random_graphs.bipartite_graphs())
def test_density_is_the_mean_of_the_mask(graph):
    for block, layer in zip(graph.blocks, layer_graphs(graph).values(), strict=True):
        assert metric_density.structured(layer, {})["layer_density"] == pytest.approx(block.mask.mean())
        if block.groups == 1:
            assert metric_density.reference(unroll(layer), {}) == metric_density.structured(layer, {})
