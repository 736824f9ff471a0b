"""Methods that find their mask in or after training, and controls, through the workflow: files, tables, what reruns."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from test_reruns import planned, training_and_graphs

from helpers.small_study import CONFIG, clone, snakemake
from sparse_topology.pruning.masks import load_masks

WORDS = ["snip", "snip_reinit", "rigl", "rigl_shuffled", "rigl_static", "oneshot", "set_shuffled"]
CELL = "results/networks/digits/conv_small"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    config = CONFIG.replace("[snip, uniform]", f"[{', '.join(WORDS)}]").replace("[mge, rolled]", "[mge]")
    config = config.replace("[local, strength, density]", "[local]")
    folder = clone(tmp_path_factory.mktemp("study"), config)
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    return folder


def masks(study, word):
    return load_masks(study / CELL / word / "0.9" / "0" / "mask.npz")


def record(study, word):
    return json.loads((study / CELL / word / "0.9" / "0" / "training.json").read_text())


def test_every_word_has_its_three_files_and_its_row(study):
    for word in WORDS:
        found = masks(study, word)
        state = torch.load(study / CELL / word / "0.9" / "0" / "model.pt", weights_only=True)
        assert all(not state[name].numpy()[~mask].any() for name, mask in found.items())
        assert record(study, word)["parameters"]["kept"] == sum(mask.sum() for mask in found.values())
    pool = pd.read_parquet(study / "results" / "topometrics.parquet")
    assert sorted(pool["pruning"]) == sorted(WORDS)
    costs = pd.read_csv(study / "results" / "tables" / "costs.csv").set_index("stage")["jobs"]
    jobs = {"train_dense": 1, "prune": 1, "sparsify": 3, "train_sparse": 5, "init": 2}
    jobs |= {"control_shuffled": 2, "control_reinit": 1, "control_static": 1}
    assert costs[list(jobs)].to_dict() == jobs


def test_controls_differ_from_their_method_in_what_they_say(study):
    rigl = masks(study, "rigl")
    for word, same in (("rigl_static", True), ("rigl_shuffled", False)):
        assert all((rigl[name].sum() == mask.sum()) for name, mask in masks(study, word).items())
        assert all((rigl[name] == mask).all() for name, mask in masks(study, word).items()) == same
    reinit, snip = masks(study, "snip_reinit"), masks(study, "snip")
    assert all((reinit[name] == mask).all() for name, mask in snip.items())
    assert record(study, "snip_reinit")["curve"] != record(study, "snip")["curve"]
    init = [torch.load(study / CELL / "init" / seed / "model.pt")["convs1.0.weight"] for seed in ("0", "1000000")]
    assert not torch.equal(*init)
    assert not (study / CELL / "set" / "0.9" / "0" / "metrics").exists()
    controls = pd.read_csv(study / "results" / "tables" / "controls.csv")
    pairs = set(zip(controls["control"], controls["reference"], strict=True))
    assert pairs == {("snip_reinit", "snip"), ("rigl_shuffled", "rigl_static"), ("rigl_static", "rigl")}


def test_oneshot_keeps_the_largest_weights_of_the_one_dense_network(study):
    dense = torch.load(study / CELL / "dense" / "0" / "model.pt", weights_only=True)
    found = masks(study, "oneshot")
    values = np.concatenate([dense[name].abs().numpy().ravel() for name in found])
    kept = np.concatenate([mask.ravel() for mask in found.values()])
    assert values[kept].min() >= values[~kept].max()


def test_what_reruns(study):
    assert planned(study) == {}
    script = study / "workflow" / "scripts" / "sparsify_rigl.py"
    text = script.read_text()
    script.write_text(text + "\nCHANGED = 1\n")
    jobs = training_and_graphs(planned(study))
    assert jobs == {
        "sparsify": 1,
        "control_shuffled": 1,
        "control_static": 1,
        "train_sparse": 2,
        "encode": 3,
        "metric": 3,
    }
    script.write_text(text)
    early = study / CELL / "dense" / "0" / "early.pt"
    early.rename(early.with_suffix(".away"))
    assert {"train_dense", "sparsify"} <= planned(study).keys()
    early.with_suffix(".away").rename(early)
    assert planned(study) == {}
