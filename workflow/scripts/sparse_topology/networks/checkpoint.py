"""The weights and masks of a network that somebody else trained, from any of the usual forms of a checkpoint."""

import pickle
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.graphs.geometry import Parameter
from sparse_topology.job import InputError


def load_network(path, module: nn.Module, parameters: list[Parameter], mask_path=None, state_key: str | None = None):
    """Put the checkpoint at `path` into `module`, and return the masks of its prunable `parameters` (bool, by key).

    A checkpoint is a state_dict, or holds one under `state_dict` or under `state_key` ("a.b": b inside a). Its keys may
    start with `module.` (DataParallel) and hold `_orig_mod.` (torch.compile), once or more often; a weight may be a
    pair `weight_orig`, `weight_mask` (torch.nn.utils.prune). BatchNorm and biases may be missing. The mask is what the
    checkpoint or the file `mask_path` gives, otherwise what is not zero. Masked weights are set to 0.
    """
    state, masks = pruned_pairs(plain(_read(path, state_key), path), path)
    own = module.state_dict()
    _check_names(path, "weights", state, own)
    _check_names(path, "mask", masks, own)
    if mask_path:
        given, paired = pruned_pairs(plain(_read_mask(mask_path), mask_path), mask_path)
        given = {key: _as_mask(value, key, mask_path) for key, value in given.items()} | paired
        if not given:
            raise InputError(f"{mask_path} holds no mask; allowed: one array of booleans per weight, by its name")
        _check_names(mask_path, "mask", given, own)
        masks |= given
    missing = [parameter.key for parameter in parameters if parameter.key not in state]
    if missing:
        raise InputError(f"{path}: there are no weights for {_few(missing)}; the file has {_few(list(state))}")
    state |= {key: state[key] * mask for key, mask in masks.items() if key in state}  # those of no layer, too
    kept = {}
    for parameter in parameters:
        weight = state[parameter.key].float()
        if not weight.isfinite().all():
            raise InputError(f"{path}: {parameter.key} (layer {parameter.name}) holds NaN or infinite values")
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
            found = {key: arrays[key] for key in arrays.files}
    except Exception as error:  # of the zip archive, of its members, or of Python objects in them
        raise InputError(f"{path} is not an npz file of mask arrays: {_first_line(error)}") from error
    for key, array in found.items():
        if array.dtype.kind not in "biuf":
            raise InputError(f"{path}: the mask {key} holds {array.dtype} values; allowed: booleans, or 0 and 1")
    # In the byte order of this machine, and in a layout that torch takes.
    return {key: torch.from_numpy(np.array(array, array.dtype.newbyteorder("="))) for key, array in found.items()}


def plain(state: dict, path) -> dict[str, Tensor]:
    """Dense tensors of real numbers under the names that the module itself gives them.

    Raises InputError for tensors that hold something else, and for two that get the same name.
    """
    found = {}
    for key, value in state.items():
        if not isinstance(key, str):
            raise InputError(f"{path}: the key {key!r} is no name of a weight; allowed: texts")
        for fault, wrong in (
            ("complex numbers", value.is_complex()),
            ("quantised numbers", value.is_quantized),
            ("no values (it is on the device meta)", value.is_meta),
        ):
            if wrong:
                raise InputError(f"{path}: {key} holds {fault}; allowed: real numbers, floating-point or integer")
        found[key] = value.to_dense() if value.layout != torch.strided else value
    while any(key.startswith("_orig_mod.") or "._orig_mod." in key for key in found):
        found = _renamed(found, lambda key: f".{key}".replace("._orig_mod.", ".").removeprefix("."), path)
    while found and all(key.startswith("module.") for key in found):
        found = _renamed(found, lambda key: key.removeprefix("module."), path)
    return found


def _renamed(state: dict, name: Callable[[str], str], path) -> dict:
    renamed = {name(key): value for key, value in state.items()}
    if len(renamed) < len(state):
        twice = next(key for key in state if name(key) != key and name(key) in state)
        raise InputError(f"{path} holds both {twice} and {name(twice)}; allowed: one of the two")
    return renamed


def pruned_pairs(state: dict, path) -> tuple[dict, dict]:
    """Split `<key>_orig` and `<key>_mask` into a weight and a bool mask under the same key."""
    masks = {key.removesuffix("_mask"): value for key, value in state.items() if key.endswith("_mask")}
    weights = {key: value for key, value in state.items() if not key.endswith("_mask")}
    masks = {key: _as_mask(value, f"{key}_mask", path) for key, value in masks.items()}
    return _renamed(weights, lambda key: key.removesuffix("_orig"), path), masks


def _as_mask(value: Tensor, key: str, path) -> Tensor:
    """Bool; of numbers only 0 and 1 are a mask."""
    value = value if value.dtype == torch.bool else value.float()
    wrong = value[(value != 0) & (value != 1)]
    if len(wrong):
        raise InputError(f"{path}: the mask {key} holds {wrong[0].item():g}; allowed: booleans, or 0 and 1")
    return value != 0


def _check_names(path, what: str, tensors: dict, own: dict) -> None:
    """Raises InputError for tensors that the architecture does not have, or has in another shape."""
    unknown = sorted(set(tensors) - set(own))
    if unknown:
        raise InputError(f"{path}: the architecture has no {_few(unknown)}; it has {_few(list(own))}")
    for key, value in tensors.items():
        if value.shape != own[key].shape:
            shapes = f"{tuple(value.shape)}, the architecture's is {tuple(own[key].shape)}"
            raise InputError(f"{path}: the {what} {key} have shape {shapes}")


def _few(keys: list[str]) -> str:
    return ", ".join(keys[:4]) + (f" and {len(keys) - 4} more" if len(keys) > 4 else "")
