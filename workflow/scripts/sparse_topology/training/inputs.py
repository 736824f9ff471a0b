"""What a training starts from: the device, the images on it, and the network at given weights."""

import os
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sparse_topology.devices import chosen_device
from sparse_topology.files import read_array, read_json
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.networks.initialise import load_weights
from sparse_topology.training.step import freeze_biases


@dataclass(frozen=True)
class Data:
    """On `device`: training images uint8 [n, C, H, W] and labels int64 [n]; the same for `test`; facts: what
    `dataset.json` holds."""

    device: torch.device
    images: Tensor
    labels: Tensor
    test: tuple[Tensor, Tensor]
    facts: dict


def read_arrays(images: str, labels: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Memory-mapped (copy on write, as torch wants to be able to write) on the host, a copy on a GPU."""
    return tuple(torch.from_numpy(read_array(path, mmap_mode="c")).to(device) for path in (images, labels))


def open_data(inputs: dict, cfg: dict, threads: int) -> Data:
    """Prepare torch (threads, the recipe's seed, the device) and read a data set's arrays.

    inputs: train_images, train_labels, test_images, test_labels, info (dataset.json); cfg: seed, device,
    and deterministic, whether a GPU is to repeat its bits: then torch raises RuntimeError where it cannot.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats its bits with it; read at its start
    torch.set_num_threads(threads)
    torch.manual_seed(cfg["seed"])
    device = chosen_device(cfg["device"])
    exact = cfg.get("deterministic", False)
    torch.use_deterministic_algorithms(exact)
    torch.backends.cudnn.benchmark = device.type == "cuda" and not exact
    images, labels = read_arrays(inputs["train_images"], inputs["train_labels"], device)
    test = read_arrays(inputs["test_images"], inputs["test_labels"], device)
    return Data(device, images, labels, test, read_json(inputs["info"]))


def network(weights: str, masks: dict, facts: dict, cfg: dict, device: torch.device) -> nn.Module:
    """The network with the state_dict in the file `weights`, on the device; refuses masks of another network.

    cfg: architecture, architecture_options. Biases of convolutions and linear layers are frozen.
    """
    model = load(cfg["architecture"])(
        num_classes=facts["classes"], in_channels=facts["shape"][0], **cfg["architecture_options"]
    )
    load_weights(model, weights)
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    for name, mask in masks.items():
        if shapes.get(name) != mask.shape:
            raise InputError(f"the mask of {name} has shape {mask.shape}, the network's weight {shapes.get(name)}")
    freeze_biases(model)
    return model.to(device, memory_format=torch.channels_last if device.type == "cuda" else torch.preserve_format)
