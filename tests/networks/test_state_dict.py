"""Reading a state_dict without torch."""

import zipfile

import numpy as np
import pytest
import torch

from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.networks.state_dict import read_state_dict


@pytest.mark.parametrize("word", ["conv_small", "resnet_small", "resnet20"])
def test_arrays_are_the_tensors(tmp_path, word):
    state = load(word)(num_classes=10).state_dict()
    torch.save(state, tmp_path / "model.pt")
    arrays = read_state_dict(tmp_path / "model.pt")
    assert list(arrays) == list(state)
    for name, tensor in state.items():
        assert arrays[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(arrays[name], tensor.numpy())


def test_views_types_and_parameters(tmp_path):
    base = torch.arange(60, dtype=torch.float64).view(3, 4, 5)
    state = {
        "slice": base[1:, ::2, 1:4],
        "transposed": base.permute(2, 0, 1),
        "channels_last": torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.ones(3)),
        "half": torch.tensor([0.5, 2.0], dtype=torch.float16),
        "flags": torch.tensor([[True, False]]),
        "count": torch.tensor(7),
        "empty": torch.zeros(0, 3),
    }
    torch.save(state, tmp_path / "model.pt")
    for name, array in read_state_dict(tmp_path / "model.pt").items():
        np.testing.assert_array_equal(array, state[name].detach().numpy())
        assert array.flags.writeable


def test_what_could_run_code_is_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("run",)

    torch.save({"weight": Trap()}, tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"it holds \w+\.print"):
        read_state_dict(tmp_path / "model.pt")


def test_what_is_no_state_dict_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"model\.pt is no state_dict"):
        read_state_dict(path)
    torch.save({"epoch": 3, "state_dict": {}}, path)
    with pytest.raises(InputError, match="no plain state_dict"):
        read_state_dict(path)


def test_a_truncated_storage_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    torch.save({"weight": torch.arange(4.0).as_strided((2, 2), (2, 1))}, path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[:8] if name.endswith("data/0") else content)
    with pytest.raises(InputError, match="no state_dict of arrays"):
        read_state_dict(path)
