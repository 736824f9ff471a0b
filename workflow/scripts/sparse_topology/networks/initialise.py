"""Weights at initialisation."""

import random

import numpy as np
import torch
from torch import nn

from sparse_topology.files import reading
from sparse_topology.networks.state_dict import prunable_of


def seed_all(seed: int) -> None:
    """Seed the global generators of torch, NumPy and Python, for what a network's constructor draws."""
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (the global generator is what a constructor may draw from)
    random.seed(seed)


def load_weights(model: nn.Module, path) -> None:
    """Put the state_dict that `init` or a training wrote at `path` into the model."""
    with reading(path, "state_dict of this network"):
        state = torch.load(path, weights_only=True, map_location="cpu")
        model.load_state_dict(state)
    names = prunable_of(state)
    if names is not None:
        remember(model, names)


def remember(model: nn.Module, prunable: list[str]) -> nn.Module:
    """Let the state_dicts of a network say which of its weights are prunable, in their metadata, where torch keeps the
    versions of modules: it is in every file of its weights, and whoever reads one needs neither network nor torch."""

    def note(_model, state, _prefix, _local) -> None:
        state._metadata[""]["prunable"] = list(prunable)

    model.register_state_dict_post_hook(note)
    return model


def kaiming_(model: nn.Module) -> nn.Module:
    """Draw every Conv and Linear weight from N(0, 2 / fan_in) and zero its bias, in place (paper, section 4).

    Draws from torch's global generator, in the order of `named_modules`. The one weight of torch's attention is three
    linear layers on the same features.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.MultiheadAttention) and module.in_proj_weight is not None:
            nn.init.kaiming_normal_(module.in_proj_weight, mode="fan_in", nonlinearity="relu")
            if module.in_proj_bias is not None:
                nn.init.zeros_(module.in_proj_bias)
    return model
