"""An intermediate file that was cut off or altered is refused in one line that says which one to delete."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from study import SCRIPTS

from helpers.random_graphs import from_pairs
from sparse_topology import files
from sparse_topology.graphs import edge_list, geometry, layered, parquet
from sparse_topology.graphs.trace import walk
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.networks.initialise import load_weights
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.layer_counts import mask_counts
from sparse_topology.pruning.masks import load_masks, save_masks
from sparse_topology.training.checkpoint import Checkpoint


def network():
    return load("conv_small")(num_classes=10)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with one file of each kind."""
    folder = tmp_path_factory.mktemp("whole")
    np.save(folder / "train_images.npy", np.zeros((20, 1, 8, 8), np.uint8))
    files.write_json(folder / "dataset.json", {"classes": 10, "shape": [1, 8, 8]})
    torch.save(network().state_dict(), folder / "model.pt")
    save_masks(folder / "mask.npz", {"a.weight": np.ones((30, 40), bool)})
    geometry.save(walk(network(), (1, 8, 8), "ignore").geometry(), folder / "geometry.npz")
    graph = from_pairs([(0, 2), (1, 3)], [2, 2])
    layered.save(graph, folder / "blocks.npz")
    parquet.write(graph, folder / "edges.parquet")
    pd.DataFrame({"sparsity": [0.6, 0.9], "accuracy_mean": [91.5, 90.25]}).to_csv(folder / "accuracy.csv", index=False)
    pd.DataFrame({"sparsity": [0.6, 0.9]}).to_parquet(folder / "topometrics.parquet")
    return folder


READERS = {
    "train_images.npy": [files.read_array, lambda path: files.read_array(path, mmap_mode="c")],
    "dataset.json": [files.read_json],
    "model.pt": [lambda path: load_weights(network(), path), read_state_dict],
    "mask.npz": [load_masks, mask_counts],
    "geometry.npz": [geometry.load],
    "blocks.npz": [layered.load],
    "edges.parquet": [edge_list.read],
    "accuracy.csv": [files.read_table],
    "topometrics.parquet": [files.read_parquet],
}
CASES = [(name, k) for name, readers in READERS.items() for k in range(len(readers))]


@pytest.mark.parametrize(("name", "k"), CASES)
def test_what_is_cut_off_or_altered_is_named(whole, tmp_path, name, k):
    read, content, path = READERS[name][k], (whole / name).read_bytes(), tmp_path / name
    read(whole / name)
    for broken in (b"", content[:9], content[: len(content) // 2], content[:-3], b"\0" * len(content)):
        path.write_bytes(broken)
        with pytest.raises(InputError) as caught:
            read(path)
        message = str(caught.value)
        assert message.startswith(f"{path} is no ")
        assert message.endswith("delete it and run again")
        assert "\n" not in message
        assert len(message) < 500


def test_a_file_that_is_not_there_is_no_broken_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.read_json(tmp_path / "dataset.json")


def test_weights_of_another_network_are_refused(whole):
    with pytest.raises(InputError, match=r"model\.pt is no state_dict of this network .* delete it"):
        load_weights(load("resnet_small")(num_classes=10), whole / "model.pt")


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off"])
def test_a_broken_checkpoint_starts_the_training_anew(tmp_path, capsys, content):
    checkpoint = Checkpoint(tmp_path / "model.pt", "key", every=0)
    checkpoint.save({"curve": {}})
    assert checkpoint.read() == {"curve": {}}
    checkpoint.path.write_bytes(content)
    assert checkpoint.read() is None
    assert "the training starts from the beginning" in capsys.readouterr().out


PROGRAM = """
import sys
from sparse_topology.files import read_json, write_json, write_text
from sparse_topology.job import InputError, job
with job(sys.argv[1] + "/log"):
    write_text(sys.argv[1] + "/page.html", "Δr of ResNet-20 ± 1")
    write_text(sys.argv[1] + "/facts.json", '{"classes": ["Äpfel"]}')
    print("classes:", read_json(sys.argv[1] + "/facts.json")["classes"][0])
    raise InputError("the class Äpfel has no image")
"""


def test_text_is_utf8_whatever_the_locale_says(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "program.py"), str(tmp_path)]
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert subprocess.run(command, env=environment | {"PYTHONPATH": str(SCRIPTS)}).returncode == 1
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "Δr of ResNet-20 ± 1"
    log = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert log == ["classes: Äpfel", "Error: the class Äpfel has no image"]
