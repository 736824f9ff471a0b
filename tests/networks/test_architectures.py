"""Architectures: counts and state_dict keys of the public code bases, and the loader."""

import pytest
import torch
from torch import nn

from sparse_topology.job import InputError
from sparse_topology.networks.architectures import built, load, words

# word: weight layers, prunable weights, parameters; for 10, 100 and 200 classes
COUNTS = {
    "conv6": (9, (2_261_184, 2_284_224, 2_309_824), (2_265_418, 2_288_548, 2_314_248)),
    "resnet20": (22, (270_896, 276_656, 283_056), (272_474, 278_324, 284_824)),
    "resnet32": (34, (464_432, 470_192, 476_592), (466_906, 472_756, 479_256)),
    "wrn28_2": (29, (1_463_984, 1_475_504, 1_488_304), (1_467_610, 1_479_220, 1_492_120)),
    "mobilenetv2": (58, (2_261_824, 2_377_024, 2_505_024), (2_296_922, 2_412_212, 2_540_312)),
}


def prunable(model):
    return {n: m.weight for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}


@pytest.mark.parametrize("word", COUNTS)
@pytest.mark.parametrize(("position", "classes"), [(0, 10), (1, 100), (2, 200)])
def test_parameter_counts(word, position, classes):
    layers, weights, parameters = COUNTS[word]
    model = load(word)(num_classes=classes, in_channels=3)
    assert len(prunable(model)) == layers
    assert sum(w.numel() for w in prunable(model).values()) == weights[position]
    assert sum(p.numel() for p in model.parameters()) == parameters[position]
    assert model.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, classes)


@pytest.mark.parametrize(
    ("word", "keys"),
    [
        ("conv6", ["convs1.0.weight", "convs1.17.bias", "convs1.18.running_var", "linear.0.weight", "linear.4.weight",
                   "linear.6.bias"]),
        ("resnet20", ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "layer2.0.shortcut.0.weight",
                      "layer3.0.shortcut.1.running_mean", "layer3.2.bn2.bias", "linear.weight", "linear.bias"]),
        ("wrn28_2", ["conv1.weight", "block1.layer.0.convShortcut.weight", "block3.layer.3.conv2.weight",
                     "block2.layer.1.bn2.running_var", "bn1.weight", "fc.weight", "fc.bias"]),
        ("mobilenetv2", ["conv1.weight", "bn1.weight", "layers.0.conv1.weight", "layers.0.shortcut.0.weight",
                         "layers.2.conv3.weight", "layers.16.bn3.running_var", "layers.16.shortcut.1.weight",
                         "conv2.weight", "bn2.bias", "linear.weight", "linear.bias"]),
    ],
)  # fmt: skip
def test_keys_of_the_public_code(word, keys):
    state = load(word)(num_classes=10, in_channels=3).state_dict()
    assert set(keys) <= set(state)
    assert "layer1.0.shortcut.0.weight" not in state
    assert "block1.layer.1.convShortcut.weight" not in state


def test_conv6_pools_at_6_13_20_and_flattens_4096():
    model = load("conv6")(num_classes=10, in_channels=3)
    assert [i for i, m in enumerate(model.convs1) if isinstance(m, nn.MaxPool2d)] == [6, 13, 20]
    assert model.linear[0].weight.shape == (256, 4096)


def test_mask_order_is_conv1_conv2_shortcut():
    names = list(prunable(load("resnet20")(num_classes=10, in_channels=3)))
    at = names.index("layer2.0.conv1")
    assert names[at : at + 3] == ["layer2.0.conv1", "layer2.0.conv2", "layer2.0.shortcut.0"]
    assert names[0] == "conv1"
    assert names[-1] == "linear"


def test_wide_resnet_shortcut_sees_the_activated_input():
    """Where the width changes both paths read relu(bn1(x)): an input that bn1 maps below zero gives zero."""
    block = load("wrn28_2")(num_classes=10, in_channels=3).eval().block1.layer
    x = -torch.rand(1, 16, 4, 4) - 0.1
    assert torch.count_nonzero(block[0](x)) == 0
    y = -torch.rand(1, 32, 4, 4) - 0.1
    torch.testing.assert_close(block[1](y), y)


def test_mobilenets_depthwise_convolutions_strides_projections_and_only_bias():
    model = load("mobilenetv2")(num_classes=10, in_channels=3)
    depthwise = [block.conv2 for block in model.layers]
    assert all(conv.groups == conv.in_channels == conv.out_channels for conv in depthwise)
    assert [k for k, conv in enumerate(depthwise) if conv.stride == (2, 2)] == [3, 6, 13]
    assert [k for k, block in enumerate(model.layers) if len(block.shortcut)] == [0, 1, 10, 16]
    assert [name for name, _ in model.named_parameters() if name.endswith("bias") and "bn" not in name] == [
        *(f"layers.{k}.shortcut.1.bias" for k in (0, 1, 10, 16)),  # BatchNorm's
        "linear.bias",
    ]


def test_mobilenets_strided_block_adds_nothing_and_the_others_their_input():
    """With the last BatchNorm at 0 a block returns its input, the projection of it, or nothing."""
    layers = load("mobilenetv2")(num_classes=10, in_channels=3).eval().layers
    for block in layers:
        nn.init.zeros_(block.bn3.weight)
    x = torch.randn(1, 24, 8, 8)
    torch.testing.assert_close(layers[2](x), x)
    assert torch.count_nonzero(layers[3](x)) == 0
    projection = layers[1].shortcut
    y = torch.randn(1, 16, 8, 8)
    torch.testing.assert_close(layers[1](y), projection(y))
    torch.testing.assert_close(
        projection(y), torch.einsum("oi,bihw->bohw", projection[0].weight[:, :, 0, 0], y) / (1 + 1e-5) ** 0.5
    )


@pytest.mark.parametrize("word", ["conv_small", "resnet_small"])
def test_small_variants_are_the_same_modules_with_other_widths(word):
    model = load(word)(num_classes=10, in_channels=1)
    assert model.eval()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    paper = load({"conv_small": "conv6", "resnet_small": "resnet20"}[word])(num_classes=10, in_channels=3)
    assert type(model) is type(paper)
    strided = [
        m for m in model.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2) and m.kernel_size == (1, 1)
    ]
    assert len(strided) == (word == "resnet_small")


def test_unknown_word_names_the_choices():
    with pytest.raises(InputError, match=r"'resnet21'.*conv6.*wrn28_2"):
        load("resnet21")
    assert not any(word.startswith("_") for word in words())


@pytest.mark.parametrize("value", ["banana", [8, 8]])
def test_an_option_that_no_network_can_be_built_with_is_named(value):
    with pytest.raises(InputError, match=r"^options\.conv_small: \{'image_size': .*\} cannot be built: ") as caught:
        built("conv_small", 10, 1, {"image_size": value})
    assert "\n" not in str(caught.value)


def test_own_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from torch import nn\ndef net(num_classes, width=3):\n    return nn.Linear(width, num_classes)\n")
    assert load(f"{file}:net")(num_classes=7).weight.shape == (7, 3)
    assert load(f"{file}:net")(num_classes=7, in_channels=3, width=5).weight.shape == (7, 5)
    with pytest.raises(InputError, match="no function or class 'other'"):
        load(f"{file}:other")
    with pytest.raises(InputError, match="there is no file"):
        load(f"{tmp_path}/absent.py:net")
