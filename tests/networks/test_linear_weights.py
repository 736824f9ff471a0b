"""The prunable weights are the parameters of the geometry, in every file of a network's weights."""

import copy

import init as init_rule
import numpy as np
import prune_erk
import prune_uniform
import pytest
import sparsify_oneshot
import torch
import torchvision.models as vision
import train
from torch import nn
from torch.nn.functional import linear
from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformerBlockV2

from helpers import vit
from helpers.training_cases import output_files, read_outputs, write_study
from sparse_topology.graphs.trace import trace
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load, words
from sparse_topology.networks.initialise import load_weights
from sparse_topology.networks.linear_weights import linear_weights
from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import load_masks, prunable
from sparse_topology.pruning.scores import weights

OWN = f"{vit.__file__}:vit"


@pytest.mark.parametrize("word", words())
def test_a_word_prunes_what_its_geometry_has_and_what_its_names_say(word):
    model = load(word)(num_classes=10, in_channels=3)
    shape = (3, 8, 8) if word.endswith("_small") else (3, 32, 32)
    before = copy.deepcopy(model.state_dict())
    names = linear_weights(model, shape)
    assert names == [p.key for p in trace(model, shape).parameters]
    assert names == prunable(dict(model.state_dict()))
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class Functional(nn.Module):
    """Weights that a name does not tell: copied, of a function, on constants only, never used."""

    def __init__(self):
        super().__init__()
        self.kernels = nn.Parameter(torch.randn(4, 1, 3, 3))
        self.weight = nn.Parameter(torch.randn(6, 4))
        self.table = nn.Linear(6, 6, bias=False)
        self.unused = nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = torch.conv2d(x, self.kernels.clone()).mean((2, 3))
        x = linear(input=x, weight=self.weight.detach())
        return self.head(x + self.table(torch.ones(1, 6)))


# network, size of its image, a parameter that the name rule takes for prunable or misses
NETWORKS = {
    "own ViT": (lambda: vit.vit(3), (1, 8, 8),
                {"position.weight", "mixing", "blocks.0.norm1.weight", "blocks.1.norm1.weight"}),
    "functions": (Functional, (1, 8, 8), {"kernels", "table.weight", "unused.weight"}),
    "vit": (lambda: vision.VisionTransformer(8, 4, 1, 2, 8, 16, num_classes=3), (3, 8, 8), set()),
    "swin_v2": (
        lambda: vision.SwinTransformer([2, 2], 8, [2], [2], [2, 2], num_classes=3, block=SwinTransformerBlockV2,
                                       downsample_layer=PatchMergingV2),
        (3, 8, 8), {f"features.1.{k}.attn.cpb_mlp.{j}.weight" for k in (0, 1) for j in (0, 2)}),
    "googlenet": (
        lambda: vision.googlenet(init_weights=False, num_classes=3), (3, 32, 32),
        {f"aux{k}.{name}.weight" for k in (1, 2) for name in ("conv.conv", "fc1", "fc2")}),
    "mobilenet_v3_small": (lambda: vision.mobilenet_v3_small(num_classes=3), (3, 32, 32), set()),
    "convnext_tiny": (lambda: vision.convnext_tiny(num_classes=3), (3, 32, 32), set()),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_prunes_what_its_geometry_has(name):
    build, shape, otherwise = NETWORKS[name]
    torch.manual_seed(0)
    model = build()
    names = linear_weights(model, shape)
    assert names == [p.key for p in trace(model, shape).parameters]
    assert set(names) ^ set(prunable(dict(model.state_dict()))) == otherwise


def test_a_network_that_hides_its_image_from_derivatives_is_one_line():
    class Hidden(nn.Linear):
        def forward(self, x):
            return super().forward(torch.from_numpy(x.numpy()).flatten(1))

    with pytest.raises(InputError, match="Hidden: it cannot be differentiated by its image: Can't call numpy") as error:
        linear_weights(Hidden(4, 2), [1, 2, 2])
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The files of a small study, with the user's ViT for its network."""
    inputs, cfg, folder = write_study(tmp_path_factory.mktemp("study"))
    cfg = cfg | {"architecture": OWN, "epochs": 1, "milestones": []}
    init_rule.main(inputs["info"], inputs["init"], cfg)
    return inputs, cfg, folder


def test_every_job_takes_the_prunable_weights_from_the_file_of_weights(study):
    inputs, cfg, folder = study
    assert prunable(read_state_dict(inputs["init"])) == vit.WEIGHTS
    for script in (prune_uniform, prune_erk):
        script.main(inputs["init"], folder / "mask.npz", {"sparsity": 0.5, "seed": 0})
        assert [*load_masks(folder / "mask.npz")] == vit.WEIGHTS
    model = vit.vit(3)
    load_weights(model, inputs["init"])
    assert [*weights(model)] == vit.WEIGHTS

    sizes = [state.numel() for name, state in model.state_dict().items() if name in vit.WEIGHTS]
    dense = output_files(folder, ("model", "record", "early"))
    train.main(inputs, dense, cfg | {"rewind": 0}, 1)
    assert read_outputs(dense)[1]["parameters"] == {"prunable": sum(sizes), "kept": sum(sizes)}
    assert all(prunable(read_state_dict(dense[name])) == vit.WEIGHTS for name in ("model", "early"))

    (folder / "after").mkdir()
    after = output_files(folder / "after", ("model", "record", "mask"))
    inputs = inputs | {"dense": dense["model"], "early": dense["early"]}
    sparsify_oneshot.main(inputs, after, cfg | {"sparsity": 0.75, "rewind": 0}, 1)
    masks = load_masks(after["mask"])
    assert [*masks] == vit.WEIGHTS
    assert sum(np.count_nonzero(mask) for mask in masks.values()) == round(sum(sizes) / 4)
    assert prunable(read_state_dict(after["model"])) == vit.WEIGHTS
