"""nodes.parquet says what each id stands for, the names of the weights which weight each edge is, and the examples of
docs/graphs.md run as printed."""

import re

import encode as encode_rule
import numpy as np
import pandas as pd
import pytest
from conftest import REPO
from torch import nn

from sparse_topology.graphs import layered, parquet
from sparse_topology.graphs.trace import trace
from sparse_topology.graphs.weight_names import WeightNames

EXAMPLES = re.findall(r"```python\n# (\w+): .*?\n(.*?)```", (REPO / "docs" / "graphs.md").read_text(), re.DOTALL)


class Shortcuts(nn.Module):
    """A projection that is merged, an identity shortcut, a grouped layer and pooling whose windows overlap."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.main, self.across = nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d(4, 4, 1)
        self.pool, self.same = nn.MaxPool2d(3, 1), nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Linear(4 * 16, 3)

    def forward(self, x):
        x = self.first(x)
        x = self.main(x) + self.across(x)
        x = self.same(x) + x
        return self.last(self.pool(x).flatten(1))


@pytest.fixture(scope="module")
def network():
    geometry = trace(Shortcuts(), (2, 6, 6), "edges")
    random = np.random.default_rng(0)
    weights = {p.key: random.normal(size=p.shape).astype(np.float32) for p in geometry.parameters}
    return geometry, weights, {key: random.random(value.shape) < 0.2 for key, value in weights.items()}


def written(network, encoding, folder, named=False):
    geometry, weights, masks = network
    graph = encode_rule.graph(encoding, geometry, weights, masks)
    names = WeightNames(geometry.parameters, lambda w: encode_rule.graph(encoding, geometry, w, masks))
    parquet.write(graph, folder / "edges.parquet", names if named else None)
    parquet.write_nodes(graph, folder / "nodes.parquet")
    return graph, pd.read_parquet(folder / "edges.parquet"), pd.read_parquet(folder / "nodes.parquet")


@pytest.mark.parametrize("encoding", ["mge", "rolled", "rolled_channel"])
def test_ids_follow_the_formula(network, tmp_path, encoding):
    graph, edges, nodes = written(network, encoding, tmp_path)
    assert nodes["id"].to_list() == list(range(graph.node_count))
    assert edges["target"].max() < len(nodes)
    layers = {layer.name: layer for layer in graph.layers}
    for row in nodes.iloc[::7].itertuples():
        layer = layers[row.layer]
        assert row.id == layer.offset + (row.channel * layer.height + row.y) * layer.width + row.x
        assert max(row.channel - layer.channels, row.y - layer.height, row.x - layer.width) < 0
    kinds = nodes.groupby("layer", observed=True)["kind"].agg(set)
    if encoding != "mge":
        assert all(kinds[name] == {"input" if name.endswith(":in") else "output"} for name in kinds.index)
        assert set(nodes["merged"]) == {""}
        return
    assert kinds.to_dict() == {
        "input": {"input", "padding"},
        **{name: {"hidden"} for name in ("first", "across", "same")},
        "last": {"output"},
    }
    assert (nodes["kind"] == "input").sum() == 2 * 36
    assert nodes.groupby("layer", observed=True)["merged"].unique().map(list).to_dict() == {
        **{name: [""] for name in ("input", "first", "same", "last")},
        "across": ["main"],
    }


@pytest.mark.parametrize("encoding", ["mge", "rolled", "rolled_channel"])
def test_an_edge_names_its_weight(network, tmp_path, encoding):
    """Weights are distinct, so that the value tells which one it is; what has no name is no single weight."""
    _, weights, masks = network
    _, edges, _ = written(network, encoding, tmp_path, named=True)
    named = edges.dropna(subset="parameter")
    assert 0 < len(named) < len(edges) or encoding == "rolled"
    for key, rows in named.groupby("parameter", observed=True):
        index = rows["index"].to_numpy(int)
        np.testing.assert_array_equal(rows["weight"], np.abs(weights[key].ravel()[index]))
        assert masks[key].ravel()[index].all()
    single = {value for key in weights for value in np.abs(weights[key][masks[key]]).tolist()}
    assert not single & set(edges[edges["parameter"].isna()]["weight"].astype(float))
    bare = written(network, encoding, tmp_path)[1]
    pd.testing.assert_frame_equal(edges[["source", "target", "weight"]], bare)


def test_large_indices_are_exact(tmp_path):
    """The last weights of a layer with more weights than float32 counts."""
    geometry = trace(nn.Sequential(nn.Flatten(), nn.Linear(4200, 4200)), (1, 1, 4200))
    (p,) = geometry.parameters
    mask = np.zeros(p.shape, bool)
    mask[-1, -3:] = True
    names = WeightNames([p], lambda w: encode_rule.graph("mge", geometry, w, {p.key: mask}))
    index = np.concatenate([piece[1] for piece in names.pieces(1 << 20)])
    assert index.tolist() == [4200**2 - 3, 4200**2 - 2, 4200**2 - 1]


@pytest.mark.parametrize(("tool", "code"), EXAMPLES, ids=[tool for tool, _ in EXAMPLES])
def test_examples(network, tmp_path, monkeypatch, tool, code):
    graph, edges, nodes = written(network, "mge", tmp_path)
    monkeypatch.chdir(tmp_path)
    space = {}
    exec(code, space)
    assert len(code.strip().splitlines()) <= 10
    tails, heads, weights = layered.all_edges(graph)
    isolated = sorted(set(range(graph.node_count)) - {*tails.tolist(), *heads.tolist()})
    result = space["result"]
    if tool == "pandas":
        strength = np.bincount(heads, weights, graph.node_count)
        np.testing.assert_allclose(result["strength"], np.sort(strength)[::-1][:10], rtol=1e-5)
        np.testing.assert_allclose(strength[result["id"]], result["strength"], rtol=1e-5)
    elif tool == "DuckDB":
        assert result["edges"].sum() == len(edges)
        pairs = pd.Series(list(zip(nodes["layer"].iloc[tails], nodes["layer"].iloc[heads], strict=True)))
        assert dict(zip(zip(result["tail"], result["head"], strict=True), result["edges"], strict=True)) == dict(
            pairs.value_counts()
        )
    else:
        assert sorted(result) == isolated
        assert isolated
    assert {tool for tool, _ in EXAMPLES} == {"pandas", "DuckDB", "networkx", "igraph"}
