"""Networks that users bring: from their checkpoint to the study's files, its graph and the row of topometrics."""

import json

import encode as encode_rule
import external_load
import external_table
import metric_local
import metric_strength
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from helpers import vit
from sparse_topology.graphs import layered, parquet
from sparse_topology.job import InputError
from sparse_topology.metrics import measure
from sparse_topology.networks.architectures import load
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import load_masks

OWN = """
import torch
from torch import nn


class Shortcut(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, groups=2)
        self.across = nn.Conv2d(width, 2 * width, 1, stride=2)

    def forward(self, x):
        x = x + self.body(x)
        return torch.relu(self.down(x) + self.across(x))


def my_net(num_classes, width=4):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.MaxPool2d(3, 2, 1), Shortcut(width), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(2 * width, num_classes),
    )


def no_network(num_classes):
    return num_classes


def ten_only():
    return my_net(10)
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    return f"{tmp_path / 'own.py'}:my_net"


def taken_in(tmp_path, architecture, state, mask=None, **changes):
    torch.save(state, tmp_path / "weights.pt")
    output = {
        key: str(tmp_path / name)
        for key, name in (("geometry", "geometry.npz"), ("model", "model.pt"), ("mask", "mask.npz"))
    }
    cfg = {
        "architecture": architecture,
        "architecture_options": {},
        "classes": 10,
        "input": [3, 16, 16],
        "identity_shortcuts": "ignore",
        "attention": "all",
    }
    external_load.main(tmp_path / "weights.pt", mask, output, cfg | changes)
    return output


def test_a_network_pruned_by_torch(own, tmp_path):
    torch.manual_seed(0)
    module = load(own)(10)
    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
    prune.global_unstructured([(layer, "weight") for layer in layers.values()], prune.L1Unstructured, amount=0.7)
    prune.ln_structured(layers["2.body.0"], "weight", amount=0.5, n=2, dim=0)
    files = taken_in(tmp_path, own, {"state_dict": module.state_dict()})
    masks = load_masks(files["mask"])
    assert list(masks) == [f"{name}.weight" for name in layers]
    state = read_state_dict(files["model"])
    for name, layer in layers.items():
        np.testing.assert_array_equal(masks[f"{name}.weight"], layer.weight_mask.numpy() > 0)
        np.testing.assert_array_equal(state[f"{name}.weight"], layer.weight.detach().numpy())

    output = {f"mge_{kind}": str(tmp_path / f"mge.{kind}") for kind in ("blocks", "edges", "nodes")}
    encode_rule.main(files["geometry"], files["model"], files["mask"], output)
    assert parquet.read_metadata(output["mge_edges"])["nodes"] == 3 * 18 * 18 + 4 * (16 * 16 + 8 * 8) + 8 * 4 * 4 + 10
    # every unmasked weight of the first layer is used once per output position; the padded ring is nodes
    first = [layer for layer in layered.load(output["mge_blocks"]).blocks if layer.name == "0"]
    assert sum(block.edge_count for block in first) == 256 * masks["0.weight"].sum()

    paths = {"mge": {kind: output[f"mge_{kind}"] for kind in ("blocks", "edges", "nodes")}}
    written = [tmp_path / "local.json", tmp_path / "strength.json"]
    for metric, path in zip((metric_local, metric_strength), written, strict=True):
        measure.run(paths, path, {"encodings": ["mge"]}, metric.DIVISORS, structured=metric.structured)
    external_table.main(written, tmp_path / "topometrics.csv")
    table = pd.read_csv(tmp_path / "topometrics.csv")
    names = ["sink", "source", "disconnected", "r_out", "r_in", "strength"]
    assert list(table) == ["nodes", "edges", *names, *(f"raw_{name}" for name in names)]
    assert len(table) == 1
    values = table.iloc[0]
    assert values["sink"] == pytest.approx(values["raw_sink"] / values["nodes"])
    assert values["r_out"] == pytest.approx(values["raw_r_out"] / values["edges"])
    tails, heads, weights = parquet.read_edges(output["mge_edges"])
    assert values["edges"] == len(tails)
    assert values["raw_strength"] == pytest.approx(2 * weights.sum(dtype=np.float64) / values["nodes"])
    assert values["raw_disconnected"] == values["nodes"] - len(np.union1d(tails, heads))


def test_a_transformer_whose_positions_are_an_embedding(tmp_path):
    """All its linear weights are edges and have masks, the embedding's has neither, even where it is pruned too."""
    torch.manual_seed(0)
    module = vit.vit(10)
    for name in ("blocks.0.attention", "blocks.1.attention"):
        prune.l1_unstructured(module.get_submodule(name), "in_proj_weight", amount=0.5)
    prune.l1_unstructured(module.position, "weight", amount=0.25)
    files = taken_in(tmp_path, f"{vit.__file__}:vit", module.state_dict(), input=[1, 8, 8])
    masks, state = load_masks(files["mask"]), read_state_dict(files["model"])
    assert [*masks] == vit.WEIGHTS
    assert masks["blocks.1.attention.in_proj_weight"].sum() == 8 * 24 // 2
    assert np.count_nonzero(state["position.weight"]) == 5 * 8 * 3 // 4

    output = {f"mge_{kind}": str(tmp_path / f"mge.{kind}") for kind in ("blocks", "edges", "nodes")}
    encode_rule.main(files["geometry"], files["model"], files["mask"], output)
    written = [tmp_path / "local.json", tmp_path / "strength.json"]
    for metric, path in zip((metric_local, metric_strength), written, strict=True):
        paths = measure.graph_files(output, {"encodings": ["mge"]})
        measure.run(paths, path, {"encodings": ["mge"]}, metric.DIVISORS, structured=metric.structured)
    external_table.main(written, tmp_path / "topometrics.csv")
    row = pd.read_csv(tmp_path / "topometrics.csv").iloc[0]
    tails, heads, weights = parquet.read_edges(output["mge_edges"])
    assert row["edges"] == len(tails)
    assert row["nodes"] == 64 + 4 * 8 + 2 * 5 * (24 + 8 + 16 + 8) + 8 + 10
    assert row["raw_strength"] == pytest.approx(2 * weights.sum(dtype=np.float64) / row["nodes"])
    # each unmasked weight of a linear layer that reads rows with edges into them is used once per row
    mixer = np.isin(heads, np.arange(row["nodes"] - 18, row["nodes"] - 10))
    assert mixer.sum() == masks["mixing"].sum()


def test_a_missing_value_is_an_empty_cell_with_its_reason_in_the_log(own, tmp_path, capsys):
    state = {key: torch.zeros_like(value) for key, value in load(own)(10).state_dict().items()}
    files = taken_in(tmp_path, own, state)
    assert not any(mask.any() for mask in load_masks(files["mask"]).values())
    output = {f"mge_{kind}": str(tmp_path / f"mge.{kind}") for kind in ("blocks", "edges", "nodes")}
    encode_rule.main(files["geometry"], files["model"], files["mask"], output)
    paths = measure.graph_files(output, {"encodings": ["mge"]})
    cfg = {"encodings": ["mge"]}
    measure.run(paths, tmp_path / "local.json", cfg, metric_local.DIVISORS, structured=metric_local.structured)
    reasons = json.loads((tmp_path / "local.json").read_text())["encodings"]["mge"]["missing"]
    capsys.readouterr()
    external_table.main([tmp_path / "local.json"], tmp_path / "topometrics.csv")
    table = pd.read_csv(tmp_path / "topometrics.csv").iloc[0]
    assert np.isnan(table["r_out"])
    assert table["disconnected"] == 1
    assert f"r_out has no value: {reasons['r_out']}" in capsys.readouterr().out


def test_a_word_of_ours_and_a_mask_file(tmp_path):
    module = load("resnet_small")(10, 3)
    masks = {
        key: np.random.default_rng(0).random(value.shape) < 0.2
        for key, value in module.state_dict().items()
        if value.dim() > 1
    }
    np.savez(tmp_path / "given.npz", **masks)
    files = taken_in(tmp_path, "resnet_small", module.state_dict(), mask=tmp_path / "given.npz")
    for key, mask in load_masks(files["mask"]).items():
        np.testing.assert_array_equal(mask, masks[key])


@pytest.mark.parametrize(
    ("name", "classes", "message"),
    [
        ("my_net", 7, r"the weights 5\.(weight|bias) have shape"),
        ("no_network", 10, "returns a int, not a torch.nn.Module"),
        ("ten_only", 10, "called with num_classes=10: ten_only.. got an unexpected keyword argument"),
        ("other", 10, "no function or class 'other'"),
    ],
)
def test_faults_are_one_line(own, tmp_path, name, classes, message):
    state = load(own)(10).state_dict()
    with pytest.raises(InputError, match=message) as error:
        taken_in(tmp_path, own.replace("my_net", name), state, classes=classes)
    assert "\n" not in str(error.value)


def test_a_file_that_python_cannot_read(tmp_path):
    (tmp_path / "broken.py").write_text("def my_net(num_classes):\n    return (\n")
    with pytest.raises(InputError, match=r"broken\.py:my_net.*was never closed"):
        taken_in(tmp_path, f"{tmp_path / 'broken.py'}:my_net", {})


def test_an_input_that_does_not_fit_names_the_module(tmp_path):
    with pytest.raises(InputError, match="module linear"):
        taken_in(tmp_path, "conv6", load("conv6")(10, 3).state_dict(), input=[3, 16, 16])
