"""The weights and masks of a network that somebody else trained, from any of the usual forms of a checkpoint."""

import pickle

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.graphs.geometry import Parameter
from sparse_topology.job import InputError


def load_network(path, module: nn.Module, parameters: list[Parameter], mask_path=None, state_key: str | None = None):
    """Put the checkpoint at `path` into `module`, and return the masks of its prunable `parameters` (bool, by key).

    A checkpoint is a state_dict, or holds one under `state_dict` or under `state_key` ("a.b": b inside a). Its keys may
    start with `module.`; a weight may be a pair `weight_orig`, `weight_mask` (torch.nn.utils.prune). BatchNorm and
    biases may be missing. The mask is what the checkpoint or the file `mask_path` gives, otherwise what is not zero.
    Masked weights are set to 0.
    """
    state, masks = pruned_pairs(without_prefix(_read(path, state_key)))
    if mask_path:
        given = pruned_pairs(without_prefix(_read_mask(mask_path)))
        masks |= {key: value != 0 for key, value in given[0].items()} | given[1]
    _check(path, state, masks, module.state_dict(), parameters)
    kept = {}
    for parameter in parameters:
        weight = state[parameter.key].float()
        mask = masks.get(parameter.key, weight != 0)
        state[parameter.key] = weight * mask
        kept[parameter.key] = mask.numpy()
    module.load_state_dict(state, strict=False)
    return kept


def _read(path, state_key: str | None = None) -> dict:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(f"{path}: only plain tensors are loaded, since any other pickle may run code") from error
    except Exception as error:  # a file of another kind fails anywhere inside torch
        raise InputError(f"{path} is not a file that torch.load can read: {_first_line(error)}") from error
    if state_key is not None:
        found = content
        for part in state_key.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if not _is_state(found):
            raise InputError(f"{path} has no state_dict under state_key {state_key!r}; it holds {_kinds(content)}")
        return dict(found)
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not _is_state(content):
        raise InputError(
            f"{path} holds no state_dict alone or under 'state_dict' but {_kinds(content)}; if one of them is it, say "
            "`state_key`"
        )
    return dict(content)


def _is_state(content) -> bool:
    """Whether it is a state_dict: tensors by name, at least one."""
    return isinstance(content, dict) and len(content) > 0 and all(isinstance(v, Tensor) for v in content.values())


def _kinds(content) -> str:
    """What a file holds, in a few words: a dict's keys, with what could be a state_dict first."""
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    inner = {f"{k}.{j}": v for k, value in content.items() if isinstance(value, dict) for j, v in value.items()}
    states = [f"{key} (a state_dict)" for key, value in (content | inner).items() if _is_state(value)]
    plain = [f"{key} ({type(value).__name__})" for key, value in content.items() if not _is_state(value)]
    return _few(states + plain) if content else "nothing"


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _read_mask(path) -> dict:
    if not str(path).endswith(".npz"):
        return _read(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {key: torch.from_numpy(arrays[key]) for key in arrays.files}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not an npz file of mask arrays: {_first_line(error)}") from error


def without_prefix(state: dict) -> dict:
    """Keys without the `module.` that DataParallel puts before every one of them."""
    if all(key.startswith("module.") for key in state):
        return {key.removeprefix("module."): value for key, value in state.items()}
    return state


def pruned_pairs(state: dict) -> tuple[dict, dict]:
    """Split `<key>_orig` and `<key>_mask` into a weight and a bool mask under the same key."""
    plain, masks = {}, {}
    for key, value in state.items():
        if key.endswith("_mask"):
            masks[key.removesuffix("_mask")] = value != 0
        else:
            plain[key.removesuffix("_orig")] = value
    return plain, masks


def _check(path, state: dict, masks: dict, own: dict, parameters: list[Parameter]) -> None:
    unknown = sorted(set(state) - set(own)) or sorted(set(masks) - set(own))
    if unknown:
        raise InputError(f"{path}: the architecture has no {_few(unknown)}; it has {_few(list(own))}")
    missing = [parameter.key for parameter in parameters if parameter.key not in state]
    if missing:
        raise InputError(f"{path}: there are no weights for {_few(missing)}; the file has {_few(list(state))}")
    for what, tensors in (("weights", state), ("mask", masks)):
        for key, value in tensors.items():
            if value.shape != own[key].shape:
                shapes = f"{tuple(value.shape)}, the architecture's is {tuple(own[key].shape)}"
                raise InputError(f"{path}: the {what} {key} have shape {shapes}")
    for parameter in parameters:
        if not state[parameter.key].isfinite().all():
            raise InputError(f"{path}: {parameter.key} (layer {parameter.name}) holds NaN or infinite values")


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
