"""The Parquet file: the same graph back, small, and open to every data tool."""

import duckdb
import encode as encode_rule
import geometry as geometry_rule
import igraph
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from sparse_topology.files import write_json
from sparse_topology.graphs import layered, parquet
from sparse_topology.graphs.geometry import encode, save
from sparse_topology.graphs.rolled import rolled, rolled_channel
from sparse_topology.graphs.trace import trace
from sparse_topology.networks.architectures import load
from sparse_topology.pruning.masks import save_masks

DEFAULT = {"identity_shortcuts": "ignore", "attention": "all"}


def network(geometry, density, seed=0):
    rng = np.random.default_rng(seed)
    weights = {p.key: rng.standard_normal(p.shape, np.float32) for p in geometry.parameters}
    return weights, {key: rng.random(weight.shape) < density for key, weight in weights.items()}


@pytest.fixture(scope="module")
def geometry():
    layers = [
        nn.Conv2d(2, 6, 3, padding=1),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(6, 4, 3, stride=2),
        nn.Flatten(),
        nn.Linear(16, 5),
    ]
    return trace(nn.Sequential(*layers), (2, 11, 11))


@pytest.fixture(scope="module")
def file(geometry, tmp_path_factory):
    path = tmp_path_factory.mktemp("edges") / "edges.parquet"
    made = encode(geometry, *network(geometry, 0.5))
    parquet.write(made, path)
    return made, path


def test_reading_back_gives_the_same_graph(file):
    made, path = file
    for read, written in zip(parquet.read_edges(path), layered.all_edges(made), strict=True):
        assert read.dtype == written.dtype
        np.testing.assert_array_equal(read, written)
    metadata = parquet.read_metadata(path)
    assert metadata["nodes"] == made.node_count
    assert metadata["edges"] == made.edge_count == pq.read_metadata(path).num_rows
    assert [layered.Layer(*layer) for layer in metadata["layers"]] == made.layers
    assert metadata["options"] == {**DEFAULT, "input": [2, 11, 11], "padding": [1, 1, 1, 1]}
    assert metadata["outputs"] == made.outputs.tolist()


def test_every_tool_opens_it(file):
    made, path = file
    total = layered.all_edges(made)[2].sum(dtype=np.float64)
    frame = pd.read_parquet(path)
    assert frame.dtypes.astype(str).to_dict() == {"source": "int32", "target": "int32", "weight": "float32"}
    assert len(frame) == made.edge_count
    assert pl.read_parquet(path)["weight"].cast(pl.Float64).sum() == pytest.approx(total)
    count, summed = duckdb.sql(f"select count(*), sum(weight) from '{path}' where source < target").fetchall()[0]
    assert count == made.edge_count
    assert summed == pytest.approx(total)


def test_three_lines_to_igraph(file):
    made, path = file
    table = pq.read_table(path)
    pairs = zip(*(table[c].to_pylist() for c in ("source", "target")), strict=True)
    g = igraph.Graph(int(table.schema.metadata[b"nodes"]), pairs, directed=True)
    g.es["weight"] = table["weight"].to_numpy()
    assert (g.vcount(), g.ecount()) == (made.node_count, made.edge_count)
    assert g.is_simple()
    assert g.is_dag()
    np.testing.assert_array_equal(g.es["weight"], layered.all_edges(made)[2])


@pytest.mark.parametrize(("word", "density"), [("resnet20", 0.4), ("resnet20", 0.02), ("conv6", 0.02)])
def test_a_whole_network_takes_a_quarter_byte_per_edge(word, density, tmp_path):
    geometry = trace(load(word)(10, 3), (3, 32, 32))
    made = encode(geometry, *network(geometry, density))
    parquet.write(made, tmp_path / "edges.parquet")
    assert (tmp_path / "edges.parquet").stat().st_size <= 0.25 * made.edge_count


def test_a_network_without_edges(geometry, tmp_path):
    weights, masks = network(geometry, 0)
    parquet.write(encode(geometry, weights, masks), tmp_path / "edges.parquet")
    assert [len(column) for column in parquet.read_edges(tmp_path / "edges.parquet")] == [0, 0, 0]
    assert parquet.read_metadata(tmp_path / "edges.parquet")["nodes"] > 0


def test_small_pieces_are_the_same_edges(geometry):
    made = encode(geometry, *network(geometry, 0.5))
    pieces = [piece for _, *piece in made.edges(chunk=37)]
    assert len(pieces) > 50
    for part, whole in zip(zip(*pieces, strict=True), layered.all_edges(made), strict=True):
        np.testing.assert_array_equal(np.concatenate(part), whole)


@pytest.mark.parametrize("limit", ["below", "at"])
def test_the_size_of_a_large_list_is_said_before_it_is_written(geometry, tmp_path, capsys, monkeypatch, limit):
    weights, masks = network(geometry, 0.5)
    save(geometry, tmp_path / "geometry.npz")
    torch.save({key: torch.from_numpy(weight) for key, weight in weights.items()}, tmp_path / "model.pt")
    save_masks(tmp_path / "mask.npz", masks)
    count = encode(geometry, weights, masks).edge_count
    monkeypatch.setattr(encode_rule, "LARGE", count - (limit == "below"))
    said = []
    monkeypatch.setattr(encode_rule.parquet, "write", lambda *_: said.append(capsys.readouterr().out))
    output = {f"mge_{kind}": str(tmp_path / f"mge.{kind}") for kind in ("blocks", "edges", "nodes")}
    encode_rule.main(*(tmp_path / name for name in ("geometry.npz", "model.pt", "mask.npz")), output)
    line = f"mge.edges will have {count:,} edges, about 0 MB; options: {{mge: {{parquet: false}}}} writes no edge lists"
    assert (line in said[0]) == (limit == "below")


def test_rules_write_every_encoding(tmp_path):
    info, traced, model, mask = (
        str(tmp_path / name) for name in ("dataset.json", "geometry.npz", "model.pt", "mask.npz")
    )
    write_json(info, {"classes": 10, "shape": [1, 8, 8]})
    architecture = {"architecture": "conv_small", "architecture_options": {}, **DEFAULT}
    geometry_rule.main(info, traced, architecture)
    module = load("conv_small")(10, 1)
    torch.save(module.state_dict(), model)
    parameters = trace(module, (1, 8, 8)).parameters
    weights = {p.key: module.state_dict()[p.key].numpy() for p in parameters}
    masks = {key: np.random.default_rng(0).random(weight.shape) < 0.3 for key, weight in weights.items()}
    save_masks(mask, masks)
    words = ["mge", "rolled", "rolled_channel"]
    kinds = ("blocks", "edges", "nodes")
    output = {f"{word}_{kind}": str(tmp_path / word / kind) for word in words for kind in kinds}
    encode_rule.main(traced, model, mask, output)
    expected = [
        encode(trace(module, (1, 8, 8)), weights, masks),
        rolled(parameters, weights, masks),
        rolled_channel(parameters, weights, masks),
    ]
    for word, made in zip(words, expected, strict=True):
        back = layered.load(output[f"{word}_blocks"])
        assert back.encoding == word
        assert back.layers == made.layers
        columns = zip(
            layered.all_edges(made), layered.all_edges(back), parquet.read_edges(output[f"{word}_edges"]), strict=True
        )
        for written, from_blocks, from_parquet in columns:
            np.testing.assert_array_equal(written, from_blocks)
            np.testing.assert_array_equal(written, from_parquet)
