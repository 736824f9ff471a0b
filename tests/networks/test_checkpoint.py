"""Checkpoints of other people: every usual form gives the same network, every fault one line."""

import os

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from sparse_topology.graphs.trace import trace
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.networks.checkpoint import load_network

SHAPE = (1, 8, 8)


def build():
    return load("resnet_small")(10, 1)


@pytest.fixture(scope="module")
def parameters():
    return trace(build(), SHAPE).parameters


@pytest.fixture
def sparse():
    """A network with 70 % of each weight set to zero, and its masks."""
    torch.manual_seed(0)
    module = build()
    masks = {}
    for key, value in module.state_dict().items():
        if value.dim() >= 2:
            masks[key] = torch.rand_like(value) < 0.3
            value *= masks[key]
    return module, masks


def loaded(path, parameters, mask_path=None):
    module = build()
    masks = load_network(path, module, parameters, mask_path)
    return module, masks


def forms(state):
    yield "bare", state
    yield "under state_dict", {"state_dict": state, "epoch": 3, "best_prec1": 91.2}
    yield "DataParallel", {"state_dict": {f"module.{key}": value for key, value in state.items()}}
    yield "DataParallel twice", {f"module.module.{key}": value for key, value in state.items()}
    yield "compiled", {f"_orig_mod.{key}": value for key, value in state.items()}
    yield "compiled in DataParallel", {f"module._orig_mod.{key}": value for key, value in state.items()}
    yield "one layer compiled", {key.replace("linear.", "linear._orig_mod."): v for key, v in state.items()}
    yield "sparse", {key: value.to_sparse() if value.dim() >= 2 else value for key, value in state.items()}
    yield "half", {key: value.half() if value.is_floating_point() else value for key, value in state.items()}


def test_every_form_of_a_checkpoint(tmp_path, sparse, parameters):
    module, masks = sparse
    for name, content in forms(module.state_dict()):
        torch.save(content, tmp_path / "model.pt")
        other, kept = loaded(tmp_path / "model.pt", parameters)
        assert list(kept) == [p.key for p in parameters], name
        for key, mask in kept.items():
            np.testing.assert_array_equal(mask, masks[key].numpy(), err_msg=name)
            tolerance = 1e-3 if name == "half" else 0
            torch.testing.assert_close(
                other.state_dict()[key], module.state_dict()[key], rtol=tolerance, atol=tolerance
            )
        assert torch.equal(other.bn1.running_mean, module.bn1.running_mean)


def test_legacy_files(tmp_path, sparse, parameters):
    module, masks = sparse
    torch.save({"state_dict": module.state_dict()}, tmp_path / "model.th", _use_new_zipfile_serialization=False)
    _, kept = loaded(tmp_path / "model.th", parameters)
    assert all((kept[key] == masks[key].numpy()).all() for key in kept)


def test_pairs_of_torch_prune(tmp_path, parameters):
    torch.manual_seed(0)
    module = build()
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    for layer in layers:
        prune.random_unstructured(layer, "weight", amount=0.5)
        layer.weight_orig.data.flatten()[:40] = 0  # zero but not masked everywhere: still edges
    torch.save(module.state_dict(), tmp_path / "model.pt")
    other, kept = loaded(tmp_path / "model.pt", parameters)
    expected = {
        f"{name}.weight": layer.weight_mask.numpy() > 0 for name, layer in module.named_modules() if layer in layers
    }
    for key, mask in kept.items():
        np.testing.assert_array_equal(mask, expected[key])
    assert torch.equal(other.linear.weight, module.linear.weight_orig * module.linear.weight_mask)


def test_batch_norm_and_biases_may_be_missing(tmp_path, sparse, parameters):
    module, masks = sparse
    keys = {p.key for p in parameters}
    torch.save({key: value for key, value in module.state_dict().items() if key in keys}, tmp_path / "model.pt")
    _, kept = loaded(tmp_path / "model.pt", parameters)
    assert all((kept[key] == masks[key].numpy()).all() for key in masks)


def test_a_mask_file_decides(tmp_path, sparse, parameters):
    _, masks = sparse
    torch.save(build().state_dict(), tmp_path / "model.pt")
    np.savez(tmp_path / "mask.npz", **{key: mask.numpy() for key, mask in masks.items()})
    torch.save({key: mask for key, mask in masks.items()}, tmp_path / "mask.pt")
    torch.save({f"{key}_mask": mask.float() for key, mask in masks.items()}, tmp_path / "pairs.pt")
    for name in ("mask.npz", "mask.pt", "pairs.pt"):
        other, kept = loaded(tmp_path / "model.pt", parameters, tmp_path / name)
        for key, mask in masks.items():
            np.testing.assert_array_equal(kept[key], mask.numpy(), err_msg=name)
            assert not other.state_dict()[key][~mask].any()


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trap",)


FAULTS = {
    "wrong shape": (
        lambda s: {**s, "conv1.weight": s["conv1.weight"][:1]},
        r"the weights conv1\.weight have shape \(1, ",
    ),
    "unknown layer": (
        lambda s: {**s, "conv9.weight": torch.ones(1)},
        r"the architecture has no conv9\.weight; it has conv1",
    ),
    "missing layer": (lambda s: {k: v for k, v in s.items() if k != "linear.weight"}, r"no weights for linear\.weight"),
    "not a number": (lambda s: {**s, "linear.weight": s["linear.weight"] * np.nan}, r"linear\.weight .*NaN"),
    "complex": (lambda s: {**s, "linear.weight": s["linear.weight"] + 1j}, r"linear\.weight holds complex numbers"),
    "quantised": (
        lambda s: {**s, "linear.weight": torch.quantize_per_tensor(s["linear.weight"], 0.1, 0, torch.qint8)},
        r"linear\.weight holds quantised numbers",
    ),
    "meta": (lambda s: {**s, "linear.weight": s["linear.weight"].to("meta")}, r"linear\.weight holds no values"),
    "integer keys": (lambda s: {**s, 7: torch.ones(1)}, "the key 7 is no name of a weight"),
    "integer keys alone": (lambda s: dict(enumerate(s.values())), "the key 0 is no name of a weight"),
    "plain and compiled": (
        lambda s: {**s, "_orig_mod.conv1.weight": s["conv1.weight"]},
        r"both _orig_mod\.conv1\.weight and conv1\.weight; allowed: one of the two",
    ),
    "plain and pruned": (
        lambda s: {**s, "conv1.weight_orig": s["conv1.weight"]},
        r"both conv1\.weight_orig and conv1\.weight",
    ),
    "mask in the pair": (
        lambda s: {**s, "conv1.weight_mask": s["conv1.weight"] * 0 + 0.5},
        r"model\.pt: the mask conv1\.weight_mask holds 0\.5; allowed: booleans, or 0 and 1",
    ),
    "numbers among tensors": (lambda s: {**s, "epoch": 3}, "holds no state_dict"),
    "a list": (lambda s: list(s.values()), "holds no state_dict"),
    "code": (lambda s: {**s, "trap": Trap()}, "only plain tensors are loaded"),
    "a whole module": (lambda s: build(), "only plain tensors are loaded"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(fault, tmp_path, parameters, monkeypatch):
    monkeypatch.chdir(tmp_path)
    change, message = FAULTS[fault]
    torch.save(change(build().state_dict()), "model.pt")
    with pytest.raises(InputError, match=message) as error:
        loaded("model.pt", parameters)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "trap").exists()


def test_no_checkpoint_at_all(tmp_path, parameters):
    (tmp_path / "model.pt").write_text("a text")
    with pytest.raises(InputError, match=r"model\.pt is not a file"):
        loaded(tmp_path / "model.pt", parameters)


def test_float8_is_loaded(tmp_path, parameters):
    state = build().state_dict()
    torch.save(state | {"linear.weight": state["linear.weight"].to(torch.float8_e4m3fn)}, tmp_path / "model.pt")
    module, _ = loaded(tmp_path / "model.pt", parameters)
    torch.testing.assert_close(module.linear.weight.detach(), state["linear.weight"], rtol=0.1, atol=0.01)


def masks_with(value):
    """What npz files hold: a mask of ones for every layer, but `value` made of the last one."""
    return lambda m: {**m, "linear.weight": value(m["linear.weight"])}


MASK_FAULTS = {
    "another shape": (masks_with(lambda m: m[:2]), r"the mask linear\.weight have shape \(2, "),
    "a scalar": (masks_with(lambda m: np.array(True)), r"the mask linear\.weight have shape \(\), "),
    "unknown layer": (lambda m: {"other": np.ones(3, bool)}, "the architecture has no other"),
    "without names": (lambda m: {"arr_0": m["linear.weight"]}, "the architecture has no arr_0"),
    "no mask": (lambda m: {}, r"holds no mask; allowed: one array of booleans per weight"),
    "NaN": (masks_with(lambda m: m * np.nan), r"linear\.weight holds nan; allowed: booleans, or 0 and 1"),
    "infinite": (masks_with(lambda m: m * np.inf), r"linear\.weight holds inf"),
    "a share": (masks_with(lambda m: m * 0.5), r"linear\.weight holds 0\.5"),
    "indices": (masks_with(lambda m: m * 7), r"linear\.weight holds 7"),
    "complex": (masks_with(lambda m: m * 1j), r"linear\.weight holds complex128 values; allowed: booleans"),
    "texts": (masks_with(lambda m: m.astype(str)), r"linear\.weight holds <U\d+ values"),
    "dates": (masks_with(lambda m: m.astype("datetime64[s]")), r"linear\.weight holds datetime64"),
    "records": (
        masks_with(lambda m: np.zeros(m.shape, [("a", bool)])),
        r"linear\.weight holds \[\('a', '\?'\)\] values",
    ),
    "objects": (masks_with(lambda m: m.astype(object)), "is not an npz file of mask arrays: Object arrays"),
    "both names": (
        lambda m: {**m, "_orig_mod.linear.weight": m["linear.weight"]},
        r"both _orig_mod\.linear\.weight and linear\.weight",
    ),
}


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    path = tmp_path_factory.mktemp("dense") / "model.pt"
    torch.save(build().state_dict(), path)
    return path


@pytest.mark.parametrize("fault", MASK_FAULTS)
def test_a_fault_of_a_mask_file_names_that_file(fault, tmp_path, dense, parameters):
    change, message = MASK_FAULTS[fault]
    np.savez(tmp_path / "mask.npz", **change({p.key: np.ones(p.shape, bool) for p in parameters}))
    with pytest.raises(InputError, match=message) as error:
        loaded(dense, parameters, tmp_path / "mask.npz")
    assert str(error.value).startswith(f"{tmp_path}/mask.npz")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut off", b"\x93NUMPY", b"a text"])
def test_what_is_no_mask_file(tmp_path, dense, parameters, content):
    (tmp_path / "mask.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"mask\.npz is not an npz file of mask arrays"):
        loaded(dense, parameters, tmp_path / "mask.npz")


def test_masks_of_numbers_in_any_byte_order(tmp_path, dense, parameters):
    masks = {p.key: np.random.default_rng(0).random(p.shape) < 0.5 for p in parameters}
    for kind in (">f4", "u1", "<i8", bool):
        np.savez(tmp_path / "mask.npz", **{key: np.asfortranarray(mask.astype(kind)) for key, mask in masks.items()})
        _, kept = loaded(dense, parameters, tmp_path / "mask.npz")
        for key, mask in masks.items():
            np.testing.assert_array_equal(kept[key], mask)


def test_a_state_dict_under_a_key_of_its_own(tmp_path, sparse, parameters):
    module, masks = sparse
    states = {"model": module.state_dict(), "run": {"ema": module.state_dict()}, "epoch": 3}
    torch.save(states, tmp_path / "model.pt")
    for key in ("model", "run.ema"):
        kept = load_network(tmp_path / "model.pt", build(), parameters, state_key=key)
        assert all((kept[name] == mask.numpy()).all() for name, mask in masks.items())
    holds = r"model \(a state_dict\), run\.ema \(a state_dict\), run \(dict\), epoch \(int\)"
    with pytest.raises(InputError, match=rf"holds no state_dict.*{holds}.*say `state_key`"):
        loaded(tmp_path / "model.pt", parameters)
    with pytest.raises(InputError, match=rf"no state_dict under state_key 'run\.model'; it holds {holds}"):
        load_network(tmp_path / "model.pt", build(), parameters, state_key="run.model")
