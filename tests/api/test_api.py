"""The package for notebooks: the same graphs and values as the jobs', and what `pip install .` puts where."""

import json
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import codehash
import encode as encode_rule
import external_load
import igraph
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import REPO
from torch.nn.utils import prune

from helpers.small_study import clone
from sparse_topology import api
from sparse_topology.graphs import layered
from sparse_topology.metrics import measure
from sparse_topology.networks.architectures import load

SCRIPTS = REPO / "workflow" / "scripts"
NOTEBOOK = REPO / "notebooks" / "pruned_resnet18.ipynb"
SETUP = tomllib.loads((REPO / "pyproject.toml").read_text())["tool"]["setuptools"]


@pytest.fixture(scope="module")
def model():
    """A small residual network, half pruned by torch and half by zeros, with a graph of gradients behind it."""
    torch.manual_seed(0)
    module = load("resnet_small")(10, 1)
    layers = [layer for layer in module.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
    for layer in layers[::2]:
        prune.l1_unstructured(layer, "weight", amount=0.8)
    for layer in layers[1::2]:
        layer.weight.data *= torch.rand_like(layer.weight) < 0.2
    return module


@pytest.fixture(scope="module")
def graph(model):
    return api.unrolled_graph(model, (1, 8, 8))


def test_values_are_those_of_the_jobs_bit_for_bit(model, graph, tmp_path):
    """From a checkpoint over the files of three rules to the JSON of each family."""
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    files = {key: str(tmp_path / f"{key}.x") for key in ("geometry", "model", "mask")}
    cfg = {"architecture": "resnet_small", "architecture_options": {}, "classes": 10, "input": [1, 8, 8]}
    cfg |= {"identity_shortcuts": "ignore", "attention": "all"}
    external_load.main(tmp_path / "weights.pt", None, files, cfg)
    encode_rule.main(files["geometry"], files["model"], files["mask"], {"mge_blocks": str(tmp_path / "blocks.npz")})
    inputs = {"mge": {"blocks": tmp_path / "blocks.npz", "edges": None}}
    families = [*api.FAMILIES, "paths"]
    found = api.topometrics(graph, families)
    compared = 0
    for word in families:
        script = api._families()[word]
        measure.run(
            inputs, tmp_path / f"{word}.json", {"encodings": ["mge"]}, script.DIVISORS, structured=script.structured
        )
        entry = json.loads((tmp_path / f"{word}.json").read_text())["encodings"]["mge"]
        assert [found["nodes"], found["edges"]] == [entry["nodes"], entry["edges"]]
        for kind, prefix in (("normalised", ""), ("raw", "raw_")):
            for name, value in entry[kind].items():
                assert found[prefix + name] == value, name
                compared += 1
    assert compared == len(found) - 2 > 35


def test_usual_forms(graph, tmp_path):
    source, target, weight = layered.all_edges(graph)
    made = graph.to_igraph()
    assert isinstance(made, igraph.Graph)
    assert made.is_directed()
    assert made.vcount() == graph.node_count
    assert made.get_edgelist() == list(zip(source.tolist(), target.tolist(), strict=True))
    np.testing.assert_array_equal(made.es["weight"], weight)
    matrix = graph.to_scipy()
    assert matrix.shape == (graph.node_count, graph.node_count)
    assert matrix.nnz == graph.edge_count
    np.testing.assert_array_equal(matrix[source[:50], target[:50]], weight[:50])
    graph.to_parquet(tmp_path / "mine.parquet")
    np.testing.assert_array_equal(pd.read_parquet(tmp_path / "mine.parquet")["weight"], weight)
    assert len(pd.read_parquet(tmp_path / "nodes.parquet")) == graph.node_count


def test_masks_that_are_given_decide(model, graph):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    keys = [key.removesuffix("_orig") for key in before if before[key].dim() > 1 and not key.endswith("_mask")]
    ones = {key: torch.ones_like(before.get(key, before.get(f"{key}_orig"))) for key in keys}
    dense = api.unrolled_graph(model, (1, 8, 8), masks=ones)
    assert dense.edge_count > 4 * graph.edge_count
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    model(torch.zeros(2, 1, 8, 8)).sum().backward()


def test_faults_are_one_line(model, graph):
    with pytest.raises(api.InputError, match=r"masks: the network has no conv9\.weight; it has conv1\.weight"):
        api.unrolled_graph(model, (1, 8, 8), masks={"conv9.weight": np.ones(3)})
    with pytest.raises(api.InputError, match=r"mask: conv1\.weight has shape \(3,\)"):
        api.unrolled_graph(model, (1, 8, 8), masks={"conv1.weight": np.ones(3)})
    with pytest.raises(api.InputError, match="identity_shortcuts: 'both' is neither 'ignore' nor 'edges'"):
        api.unrolled_graph(model, (1, 8, 8), identity_shortcuts="both")
    with pytest.raises(api.InputError, match="families: 'motif' is not known; allowed: components"):
        api.topometrics(graph, ["motif"])


def test_what_is_missing_has_a_reason():
    empty = load("conv_small")(10, 1)
    for value in empty.state_dict().values():
        value.zero_()
    found = api.topometrics(api.unrolled_graph(empty, (1, 8, 8)), ["local"])
    assert np.isnan(found["r_out"])
    assert "r_out" in found.attrs["missing"]
    assert found["disconnected"] == 1


def test_no_job_imports_it():
    for path in SCRIPTS.glob("*.py"):
        assert not [name for name in codehash.import_closure(path.name) if name.startswith("sparse_topology/api")]


def test_every_module_that_it_needs_is_installed():
    needed = codehash.import_closure("sparse_topology/api/__init__.py")
    flat = {name.removesuffix(".py") for name in needed if "/" not in name}
    assert flat == set(SETUP["py-modules"])


def test_the_notebook_runs_on_the_installed_package(tmp_path):
    """`pip install .` into a folder of its own; the cells of the notebook, in order, in a process that has only it."""
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "--target",
        site,
    ]
    if int(metadata.version("setuptools").split(".")[0]) >= 77:
        install.append("--no-build-isolation")
    subprocess.run([*install, clone(tmp_path / "source")], check=True)
    assert (site / "sparse_topology" / "py.typed").exists()
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    lines = "\n".join("".join(cell["source"]) for cell in cells)
    assert len(lines.splitlines()) <= 40
    program = f"{lines}\nimport sparse_topology\nprint(sparse_topology.__file__)\n"
    program += "print(table.loc['edges'].to_list(), sorted(table.index))\n"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    where, table = run.stdout.splitlines()[-2:]
    assert Path(where).is_relative_to(site)
    assert "raw_k_core" in table
    assert (tmp_path / "edges.parquet").exists()
