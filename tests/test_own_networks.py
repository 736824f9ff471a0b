"""Networks of the user's own in the study: what a config may say of them, and a study of nothing else."""

import copy

import pandas as pd
import pytest
import torch
import yaml
from conftest import REPO
from study import ConfigError, Study

from helpers.small_study import clone, snakemake

DEFAULT = yaml.safe_load((REPO / "config" / "config.yaml").read_text())
NET = {"architecture": "conv_small", "classes": 10, "input": [1, 8, 8], "weights": "w.pt"}
SAYS = {"dataset": "digits", "pruning": "magnitude", "sparsity": 0.9, "accuracy": 0.8}
TABLE = """\
name,architecture,classes,input,weights,state_key,dataset,architecture_name,pruning,family,sparsity,seed,accuracy,dense_accuracy
a-0,own.py:net,10,1x8x8,a0.pt,model,digits,mine,magnitude,after training,0.8,0,0.9,0.95
a-1,own.py:net,10,1 8 8,a1.pt,model,digits,mine,rigl,,0.9,,0.7,0.95
"""
OWN = "from sizes import WIDTH\nfrom torch import nn\n\n\ndef net(num_classes):\n"
OWN += "    return nn.Sequential(nn.Conv2d(1, WIDTH, 3), nn.Flatten(), nn.Linear(WIDTH * 36, num_classes))\n"


def config(**external):
    return copy.deepcopy(DEFAULT) | {"external": {name: NET | entry for name, entry in external.items()}}


def test_one_that_says_nothing_is_measured_and_no_part_of_the_study():
    assert Study(config(a={}, b={"state_key": "model"})).own == []


def test_one_that_belongs():
    study = Study(config(a=SAYS, b=SAYS | {"seed": 1}))
    expected = {**SAYS, "name": "a", "architecture": "conv_small", "seed": 0, "classes": 10}
    assert study.own == [expected, expected | {"name": "b", "seed": 1}]
    assert [n["name"] for n in study.drawn_own] == ["a", "b"]


@pytest.mark.parametrize(
    ("entry", "parts"),
    [
        ({"accuracy": 0.9}, ["external.a.dataset: is missing", "accuracy"]),
        (SAYS | {"pruning": "snip"}, ["external.a: digits conv_small snip 0.9 0", "the study itself"]),
        (SAYS | {"accuracy": 80}, ["external.a.accuracy: 80", "at most 1"]),
        (SAYS | {"dense_accuracy": 0.9}, ["external.a.dense_accuracy: 0.9", "trains the dense conv_small on digits"]),
        (SAYS | {"architecture_name": "other"}, ["external.a.dense_accuracy: is missing", "no dense other on digits"]),
        (SAYS | {"family": "pruned"}, ["external.a.family: 'pruned'", "'after training'"]),
        (SAYS | {"speed": 3}, ["external.a.speed: 3", "did you mean 'seed'?"]),
    ],
)
def test_what_cannot_belong_is_one_line(entry, parts):
    with pytest.raises(ConfigError) as error:
        Study(config(a=entry))
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({}, "digits mine magnitude 0.9 0 is the place of external.a"),
        ({"dense_accuracy": 0.8, "sparsity": 0.8}, "external.b.dense_accuracy: 0.8, but another .* says 0.9"),
        ({"classes": 9, "sparsity": 0.8}, "external.b.classes: 9, but another network of digits says 10"),
    ],
)
def test_two_that_contradict_each_other(change, part):
    said = SAYS | {"architecture_name": "mine", "dense_accuracy": 0.9}
    with pytest.raises(ConfigError, match=part):
        Study(config(a=said, b=said | change))


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("a-1,", "a-0,", "line 3: there are two networks 'a-0'"),
        ("a-1,", ",", "line 3: the network has no name"),
        ("seed,", "sed,", "'sed' is no column; allowed: name, architecture"),
        ("0.7,", "good,", "line 3, accuracy: 'good' is not a number"),
        ("1x8x8", "8 by 8", "line 2, input: '8 by 8' is not three integers"),
        (",0.7,0.95", "", "line 3: the row has not 14 cells"),
        ("0.7,", "70,", "external.a-1.accuracy: 70"),
    ],
)
def test_faults_of_a_table(tmp_path, monkeypatch, old, new, part):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(TABLE.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        Study(config() | {"external_table": "t.csv"})
    assert part in str(error.value)
    assert "\n" not in str(error.value)
    (tmp_path / "t.csv").unlink()
    with pytest.raises(ConfigError, match=r"external_table: there is no file 't\.csv'"):
        Study(config() | {"external_table": "t.csv"})


def test_nothing_at_all_is_no_study():
    with pytest.raises(ConfigError, match=r"datasets: \[\] is empty"):
        Study(config(a={}) | {"datasets": []})


def test_a_study_of_own_networks_alone(tmp_path):
    """A table of two, whose architecture imports what lies beside it; editing that loads both again."""
    text = "datasets: []\nexternal_table: mine.csv\nencodings: [mge]\nmetrics: [local]\n"
    folder = clone(tmp_path, text)
    (folder / "mine.csv").write_text(TABLE)
    (folder / "own.py").write_text(OWN)
    (folder / "sizes.py").write_text("WIDTH = 4\n")
    torch.manual_seed(0)
    for number in range(2):
        weights = {"0.weight": (4, 1, 3, 3), "2.weight": (10, 144)}
        state = {key: torch.randn(shape) * (torch.rand(shape) < 0.2) for key, shape in weights.items()}
        torch.save({"epoch": 9, "model": state}, folder / f"a{number}.pt")
    run = snakemake(folder, "--cores", "2", "results/topometrics.parquet")
    assert run.returncode == 0, run.stdout
    pool = pd.read_parquet(folder / "results" / "topometrics.parquet").set_index("pruning")
    assert pool["family"].to_dict() == {"magnitude": "after training", "rigl": "dynamic"}
    assert set(pool["architecture"]) == {"mine"}
    assert pool["seed"].to_list() == [0, 0]
    assert pool["drop"].to_dict() == pytest.approx({"magnitude": 1 - 0.9 / 0.95, "rigl": 1 - 0.7 / 0.95})
    kept = int((torch.load(folder / "a0.pt")["model"]["0.weight"] != 0).sum())
    layers = pd.read_parquet(folder / "results" / "layers.parquet").set_index(["pruning", "layer"])
    assert layers.loc[("magnitude", "0"), "kept"] == kept
    (folder / "sizes.py").write_text("WIDTH = 4  # as before\n")
    run = snakemake(folder, "--cores", "2", "--dry-run")
    assert run.returncode == 0, run.stdout
    for rule in ("external_load", "external_figure_graph"):
        assert any(line.split() == [rule, "2"] for line in run.stdout.splitlines()), run.stdout
