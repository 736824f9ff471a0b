"""What a training leaves: `model.pt` and `training.json`."""

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.files import atomic, write_json
from sparse_topology.provenance import git_state, versions
from sparse_topology.pruning.masks import Masks, kept, prunable


def portable(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the state_dict on the host, every tensor contiguous."""
    return {
        name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in model.state_dict().items()
    }


def write_weights(state: dict[str, Tensor], path) -> None:
    with atomic(path) as temporary:
        torch.save(state, temporary)


def write_network(
    model: nn.Module, masks: Masks, outcome: dict, connected: bool, facts: dict, outputs: dict, more: dict
) -> None:
    """Write the trained network and its record.

    outcome: what `step.train` returns. connected: whether any input reaches an output. facts: `stage`, `settings`
    (the job's cfg, seed among it), `device` and `threads` of the training; more: further entries of the record.
    Raises RuntimeError if a pruned weight is not 0.
    """
    state = portable(model)
    pruned = sum(int(state[name].numpy()[~mask].any()) for name, mask in masks.items())
    if pruned:
        raise RuntimeError(f"{pruned} layers have pruned weights that are not 0")
    weights = sum(state[name].numel() for name in prunable(state))
    curve, reason = outcome["curve"], outcome["reason"]
    accuracy = curve["test_accuracy"][-1] if reason is None else None
    if not connected:
        reason = reason or "no path from an input to an output"
    device = facts["device"]
    record = {
        "accuracy": accuracy,
        "collapsed": reason is not None,
        "collapse_reason": reason,
        "epochs": len(curve["train_loss"]),
        "curve": curve,
        "seconds": round(outcome["seconds"], 3),
        "stage": facts["stage"],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": facts["threads"],
        "versions": versions(torch, np),
        "seed": facts["settings"]["seed"],
        "git": git_state(),
        "parameters": {"prunable": weights, "kept": kept(masks) if masks else weights},
        "settings": facts["settings"],
    }
    write_weights(state, outputs["model"])
    write_json(outputs["record"], record | more)
