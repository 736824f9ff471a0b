"""What the tests of training share: images that a network learns in seconds, small networks, a job's files."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from init import main as init_main

from sparse_topology.data.arrays import save
from sparse_topology.networks.architectures import load
from sparse_topology.networks.initialise import kaiming_
from sparse_topology.pruning.masks import prunable, save_masks
from sparse_topology.training.inputs import Data
from sparse_topology.training.step import freeze_biases

FACTS = {"mean": [0.2], "std": [0.4], "augmentation": {"shift": 1, "flip": True}, "classes": 3, "shape": [1, 8, 8]}
RECIPE = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-2, "batch_size": 16, "epochs": 3, "milestones": [2]}
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def images(count, seed=0):
    """Three classes that a network can tell apart: brighter rows at three heights."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = random.integers(0, 120, (count, 1, 8, 8))
    for k, label in enumerate(labels):
        pixels[k, 0, 2 * label + 1] += 120
    return torch.from_numpy(pixels.astype(np.uint8)), torch.from_numpy(labels)


def data(count=40, device="cpu"):
    """Such images as a job has them in memory."""
    pixels, labels = (tensor.to(device) for tensor in images(count))
    return Data(torch.device(device), pixels, labels, (pixels, labels), FACTS)


def network(word="resnet_small", seed=0):
    torch.manual_seed(seed)
    model = kaiming_(load(word)(num_classes=3, in_channels=1))
    freeze_biases(model)
    return model.train()


def shapes_of(model):
    state = model.state_dict()
    return {name: tuple(state[name].shape) for name in prunable(state)}


def masks_of(model, sparsity, seed=0):
    random = np.random.default_rng(seed)
    return {name: random.random(shape) >= sparsity for name, shape in shapes_of(model).items()}


def write_study(folder):
    """A data set, an initialisation and a mask, as earlier rules leave them: (inputs, cfg, folder)."""
    arrays = {}
    for part, count, seed in (("train", 96, 0), ("test", 30, 1)):
        pixels, labels = images(count, seed)
        arrays |= {f"{part}_images": pixels.numpy(), f"{part}_labels": labels.numpy()}
    save(folder, arrays, ["low", "middle", "high"], {"shift": 1, "flip": True})
    cfg = {"architecture": "resnet_small", "architecture_options": {}, "seed": 3, "device": "cpu"} | RECIPE
    init_main(folder / "dataset.json", folder / "init.pt", cfg)
    save_masks(folder / "mask.npz", masks_of(network(), 0.7))
    inputs = {name: str(folder / f"{name}.npy") for name in arrays}
    return inputs | {"info": str(folder / "dataset.json"), "init": str(folder / "init.pt")}, cfg, folder


def output_files(folder, names=("model", "record")):
    files = {"model": "model.pt", "record": "training.json", "mask": "mask.npz", "early": "early.pt"}
    return {name: str(Path(folder) / files[name]) for name in names}


def read_outputs(outputs):
    """(state_dict, record) of a finished training."""
    return torch.load(outputs["model"], weights_only=True), json.loads(
        Path(outputs["record"]).read_text(encoding="utf-8")
    )


def assert_equal_states(a, b):
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
