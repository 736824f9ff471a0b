"""Read a `state_dict` saved by torch without importing torch, which costs more than most jobs that only need arrays.

`torch.save` writes a zip archive: a pickle of the structure, in which each tensor is a view (offset, shape, strides) of
a storage, and one member of raw bytes per storage. The pickle may name nothing but what a state_dict is made of.
"""

import pickle
import zipfile
from collections import OrderedDict

import numpy as np

from sparse_topology.files import reading
from sparse_topology.job import InputError

DTYPES = {
    "DoubleStorage": np.float64,
    "FloatStorage": np.float32,
    "HalfStorage": np.float16,
    "LongStorage": np.int64,
    "IntStorage": np.int32,
    "ShortStorage": np.int16,
    "CharStorage": np.int8,
    "ByteStorage": np.uint8,
    "BoolStorage": np.bool_,
}


def _tensor(storage, offset, shape, stride, requires_grad, hooks, metadata=None) -> np.ndarray:
    """An array of its own with a tensor's values. storage: [n]; offset and strides count elements."""
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if 0 in shape:
        return np.zeros(shape, storage.dtype)
    if min(offset, *stride, 0) < 0 or last >= storage.size:
        raise pickle.UnpicklingError("a tensor lies outside its storage")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps).copy()


def _parameter(data, requires_grad, hooks) -> np.ndarray:
    return data


ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): dtype for name, dtype in DTYPES.items()},
}


class _Reader(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, structure: str):
        super().__init__(archive.open(structure))
        self.archive, self.folder = archive, structure.rpartition("/")[0]

    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}")
        return ALLOWED[module, name]

    def persistent_load(self, reference):
        _, dtype, key, _, count = reference
        return np.frombuffer(self.archive.read(f"{self.folder}/data/{key}"), dtype, count)


def prunable_of(state) -> list[str] | None:
    """The prunable weights that `networks.initialise.remember` noted in a state_dict; None if nothing did."""
    return getattr(state, "_metadata", {}).get("", {}).get("prunable")


def read_state_dict(path) -> dict[str, np.ndarray]:
    """Arrays by name, in the order of the file; with the metadata (`_metadata`) that a state_dict of torch has."""
    with reading(path, "state_dict of arrays as torch.save writes it"), zipfile.ZipFile(path) as archive:
        structure = next((name for name in archive.namelist() if name.endswith("data.pkl")), "data.pkl")
        state = _Reader(archive, structure).load()
    if not isinstance(state, dict) or not all(isinstance(value, np.ndarray) for value in state.values()):
        raise InputError(f"{path} holds no plain state_dict {{name: tensor}}")
    return state
