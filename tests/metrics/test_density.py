"""Layer density is the kept share of a layer's weights."""

import json

import metric_density
import numpy as np
import pytest
from torch import nn

from helpers import random_graphs
from sparse_topology.graphs import layered, parquet, trace
from sparse_topology.graphs.bipartite import layer_graphs
from sparse_topology.graphs.edge_list import unroll
from sparse_topology.graphs.rolled import rolled
from sparse_topology.metrics import measure


@random_graphs.each(random_graphs.bipartite_graphs())
def test_density_is_the_mean_of_the_mask(graph):
    for block, layer in zip(graph.blocks, layer_graphs(graph).values(), strict=True):
        assert metric_density.structured(layer, {})["layer_density"] == pytest.approx(block.mask.mean())
        assert metric_density.reference(unroll(layer), {}) == metric_density.structured(layer, {})


@pytest.mark.parametrize("engine", ["structured", "igraph"])
def test_both_engines_count_the_weights_of_grouped_layers(tmp_path, engine):
    """The job, from the files: layers of a depthwise-separable and of a grouped convolution against the masks."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 6, 1, groups=2), nn.Flatten(), nn.Linear(24, 3)
    )
    parameters = trace.trace(model, (2, 6, 6)).parameters
    rng = np.random.default_rng(0)
    weights = {p.key: rng.standard_normal(p.shape).astype(np.float32) for p in parameters}
    masks = {key: rng.random(weight.shape) < 0.4 for key, weight in weights.items()}
    masks["2.weight"][:] = False
    graph = rolled(parameters, weights, masks)
    paths = {"blocks": tmp_path / "blocks.npz", "edges": tmp_path / "edges.parquet"}
    layered.save(graph, paths["blocks"])
    parquet.write(graph, paths["edges"])
    cfg = {"encodings": ["rolled"], "engine": engine}
    engines = {"structured": metric_density.structured, "igraph": metric_density.reference}
    measure.run({"rolled": paths}, tmp_path / "density.json", cfg, metric_density.DIVISORS, True, **engines)
    found = json.loads((tmp_path / "density.json").read_text())["encodings"]["rolled"]
    densities = {name: layer["raw"]["layer_density"] for name, layer in found["layers"].items()}
    assert densities == pytest.approx({key.removesuffix(".weight"): mask.mean() for key, mask in masks.items()})
    assert found["raw"]["layer_density"] == pytest.approx(np.mean([mask.mean() for mask in masks.values()]))
