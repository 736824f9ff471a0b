"""What a training leaves: `model.pt`, `training.json`, and `mask.npz` where the training has found the mask."""

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.files import atomic, write_json
from sparse_topology.provenance import git_state, versions
from sparse_topology.pruning.masks import Masks, kept, prunable, save_masks
from sparse_topology.training.inputs import Data
from sparse_topology.training.step import has_path


def portable(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the state_dict on the host, every tensor contiguous."""
    state = model.state_dict()  # with metadata, which torch.save keeps
    for name, value in state.items():
        state[name] = value.cpu().clone(memory_format=torch.contiguous_format)
    return state


def write_weights(state: dict[str, Tensor], path) -> None:
    with atomic(path) as temporary:
        torch.save(state, temporary)


def not_reproducible(device: torch.device, settings: dict) -> str | None:
    """What another run with the same settings, versions and device may do otherwise; None if nothing."""
    if device.type != "cuda" or settings.get("deterministic"):
        return None
    return (
        "weights, accuracy and curves: cuDNN chooses its algorithms by timing them, and some add up in any order; "
        "training.<data set>.deterministic: true makes them repeat"
    )


def write_network(
    model: nn.Module, masks: Masks, outcome: dict, data: Data, about: dict, outputs: dict, more: dict | None = None
) -> None:
    """Write the trained network, its record, and its mask where that is an output (`mask`).

    masks: of every prunable weight, or empty for a dense network. outcome: what `step.train` returns. about: `stage`
    (the rule), `settings` (the job's cfg) and `threads`; more: further entries of the record. Raises RuntimeError if a
    pruned weight is not 0.
    """
    state = portable(model)
    pruned = sum(int(state[name].numpy()[~mask].any()) for name, mask in masks.items())
    if pruned:
        raise RuntimeError(f"{pruned} layers have pruned weights that are not 0")
    weights = sum(state[name].numel() for name in prunable(state))
    curve, reason = outcome["curve"], outcome["reason"]
    accuracy = curve["test_accuracy"][-1] if reason is None else None
    if not has_path(model, masks, data.facts["shape"]):
        reason = reason or "no path from an input to an output"
    device, settings = data.device, about["settings"]
    record = {
        "accuracy": accuracy,
        "collapsed": reason is not None,
        "collapse_reason": reason,
        "epochs": len(curve["train_loss"]),
        "curve": curve,
        "seconds": round(outcome["seconds"], 3),
        "stage": about["stage"],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": about["threads"],
        "not_reproducible": not_reproducible(device, settings),
        "versions": versions(torch, np),
        "seed": settings["seed"],
        "git": git_state(),
        "parameters": {"prunable": weights, "kept": kept(masks) if masks else weights},
        "settings": settings,
    }
    if "mask" in outputs:
        save_masks(outputs["mask"], masks)
    write_weights(state, outputs["model"])
    write_json(outputs["record"], record | (more or {}))
