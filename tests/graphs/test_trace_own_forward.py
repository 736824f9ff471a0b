"""Forwards of the user's own are traced as what they do or refused; the sampled check sees what tracing does not."""

import dataclasses
import json
import math

import external_load
import geometry as geometry_rule
import init
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_trace import Net, check, networks, random_network
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from sparse_topology.graphs import dependence, trace
from sparse_topology.graphs import geometry as geometry_file
from sparse_topology.graphs.geometry import encode
from sparse_topology.graphs.layered import all_edges
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load, words


class SameConv(nn.Conv2d):
    """As in timm: it pads by what the shape asks for, more at the end if that is odd."""

    def forward(self, x):
        sides = []
        for size, k, stride, dilation in zip(
            reversed(x.size()[-2:]), *map(reversed, (self.kernel_size, self.stride, self.dilation)), strict=True
        ):
            total = max((math.ceil(size / stride) - 1) * stride + (k - 1) * dilation + 1 - size, 0)
            sides += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, sides), self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class SkippedLinear(nn.Linear):
    def forward(self, x):
        return x + super().forward(x)


class SlicedConv(nn.Conv2d):
    """Reads every second column through its own `_conv_forward`."""

    def forward(self, x):
        return self._conv_forward(x[:, :, :, ::2], self.weight, self.bias)


TRACED = {
    "same": (lambda: nn.Sequential(SameConv(2, 2, 5), nn.ReLU(), SameConv(2, 3, 4, 2), nn.MaxPool2d(2, 1)), []),
    "same, padded again": (lambda: Net(lambda s, x: s.a(x) + s.b(F.pad(x, (1, 0, 2, 1))), a=SameConv(2, 2, (4, 3)),
                                       b=nn.Conv2d(2, 2, (4, 4), padding=(0, 1))), ["merge"]),
    "padded concatenation": (lambda: Net(lambda s, x: s.b(F.pad(torch.cat([x, s.a(x)], 1), (1, 2, 0, 1))),
                                         a=nn.Conv2d(2, 2, 3, padding=1), b=nn.Conv2d(4, 2, 3, padding=(1, 0))), []),
    "padded twice": (lambda: nn.Sequential(nn.ZeroPad2d(1), nn.ConstantPad2d((0, 1, 2, 0), 0.0),
                                           nn.Conv2d(2, 2, 3)), []),
    "padded, pooled": (lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2), nn.Conv2d(2, 2, 2)), []),
    "padded, flat": (lambda: nn.Sequential(nn.ZeroPad2d(1), nn.Flatten(), nn.Linear(2 * 7 * 8, 3)), []),
    "cropped": (lambda: nn.Sequential(nn.ZeroPad2d((-1, 0, -1, 0)), nn.Conv2d(2, 2, 3, padding=1)), []),
    "sliced": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), SlicedConv(3, 2, 2)), []),
    "linear with a skip": (lambda: nn.Sequential(nn.Conv2d(2, 1, 3), nn.Flatten(), SkippedLinear(12, 12)), ["right"]),
    "shape decides": (lambda: Net(lambda s, x: s.b(x) if x.shape[-1] > 5 else s.a(x), a=nn.Conv2d(2, 1, 1),
                                  b=nn.Conv2d(2, 2, 3)), []),
}  # fmt: skip


def ones(geometry):
    return {p.key: np.ones(p.shape, bool) for p in geometry.parameters}


def guard(module, shape=(2, 5, 6), masks=None, identity_shortcuts="ignore", attention="all", **options):
    """What external_load does after the weights are there."""
    done = trace.walk(module, shape, identity_shortcuts, attention)
    geometry = done.geometry()
    dependence.check(module, done, geometry, masks or ones(geometry), **options)
    return geometry


@pytest.mark.parametrize("name", TRACED)
def test_forwards_that_are_traced_through_agree_with_the_jacobian(name):
    build, cases = TRACED[name]
    module = build()
    check(module, cases=cases)
    guard(module, rounds=8)


def test_a_weight_whose_values_stay_is_its_parameter():
    def forward(s, x):
        return F.conv2d(x, s.a.weight.to(x.dtype).contiguous() * s.one * 1, s.a.bias)

    net = Net(forward, a=nn.Conv2d(2, 2, 2))
    net.register_buffer("one", torch.ones(2, 2, 2, 2))
    assert [p.key for p in guard(net).parameters] == ["a.weight"]
    done = trace.walk(net, (2, 5, 6))
    net.one[0, 0, 1, 1] = 0
    with pytest.raises(InputError, match=r"layer a: the weight that it runs with is not its parameter a\.weight"):
        dependence.check(net, done, done.geometry(), ones(done.geometry()))
    with pytest.raises(InputError, match="its weight passes through mul"):
        trace.trace(net, (2, 5, 6))


def edge_count(module, shape):
    geometry = trace.trace(module, shape)
    return encode(geometry, ones(geometry), ones(geometry)).edge_count


def test_a_convolution_that_pads_by_itself_has_the_edges_of_one_that_is_padded():
    def network(convolution):
        return nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 10))

    assert edge_count(network(SameConv(3, 1, 5)), (3, 16, 16)) == 16 * 16 * (75 + 10) == 21_760
    assert edge_count(network(nn.Conv2d(3, 1, 5, padding=2)), (3, 16, 16)) == 21_760
    assert edge_count(network(nn.Conv2d(3, 1, 5)), (3, 16, 16)) == 12_240


# -- weights that are not the parameter


class Popup(nn.Conv2d):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.scores = nn.Parameter(torch.ones_like(self.weight))

    def forward(self, x):
        return self._conv_forward(x, self.weight * (self.scores > 0.5), self.bias)


class Standardised(nn.Conv2d):
    def forward(self, x):
        w = self.weight
        return self._conv_forward(x, (w - w.mean((1, 2, 3), True)) / w.std((1, 2, 3), keepdim=True), self.bias)


class Scored(nn.Conv2d):
    """Its mask is a parameter."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.keep = nn.Parameter(torch.ones_like(self.weight), requires_grad=False)

    def forward(self, x):
        return self._conv_forward(x, self.keep * self.weight, self.bias)


def conv_by(change):
    return Net(lambda s, x: F.conv2d(x, change(s.a.weight)), a=nn.Conv2d(2, 2, 2))


def tied():
    net = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1))
    net[1].weight = net[0].weight
    return net


def hooked(where):
    net = nn.Sequential(nn.Conv2d(2, 2, 1))
    part = net if where == "network" else net[0]
    part.register_forward_hook(lambda m, inputs, output: output.flip(3))
    return net


def replaced():
    net = nn.Conv2d(2, 2, 1)
    net.forward = lambda x: F.conv2d(x, net.weight.flip(0))
    return nn.Sequential(net)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.ones(2, 2, 2, 2))

    def forward(self, x):
        return F.conv2d(x, self.kernel)


REFUSED = {
    "flip": (lambda: conv_by(lambda w: w.flip(-1)), "operation conv2d: its weight passes through flip"),
    "torch.flip": (lambda: conv_by(lambda w: torch.flip(w, (2,))), "weight passes through flip"),
    "transpose": (lambda: conv_by(lambda w: w.transpose(0, 1)), "weight passes through transpose"),
    "permute": (lambda: conv_by(lambda w: w.permute(0, 1, 3, 2)), "weight passes through permute"),
    "rot90": (lambda: conv_by(lambda w: torch.rot90(w, 1, (2, 3))), "weight passes through rot90"),
    "roll": (lambda: conv_by(lambda w: w.roll(1, 0)), "weight passes through roll"),
    "index": (lambda: conv_by(lambda w: w[[1, 0]]), "weight passes through getitem"),
    "mT": (lambda: conv_by(lambda w: w.mT), "weight passes through getattr"),
    "triu": (lambda: conv_by(lambda w: w.triu()), "weight passes through triu"),
    "scaled": (lambda: conv_by(lambda w: w * 0.5), "weight passes through mul"),
    "sign": (lambda: conv_by(torch.sign), "weight passes through sign"),
    "edge-popup": (lambda: nn.Sequential(Popup(2, 2, 2)), r"module 0 \(Popup\).*weight passes through mul"),
    "mask of its own": (lambda: nn.Sequential(Scored(2, 2, 2)), "weight passes through mul"),
    "weight standardisation": (lambda: nn.Sequential(Standardised(2, 2, 2)), "weight passes through (true)?div"),
    "replaced forward": (replaced, "weight passes through flip"),
    "frozen kernel": (Frozen, "weight kernel is not a parameter"),
    "tied": (tied, r"module 0 .*one weight under several names: 0\.weight, 1\.weight"),
    "weight_norm": (lambda: nn.Sequential(weight_norm(nn.Conv2d(2, 2, 1))), r"module 0 \(Conv2d\).*WeightNorm"),
    "spectral_norm": (lambda: nn.Sequential(spectral_norm(nn.Conv2d(2, 2, 1))), "module 0 .*SpectralNorm"),
    "weight_norm as parametrization": (lambda: nn.Sequential(parametrizations.weight_norm(nn.Conv2d(2, 2, 1))),
                                       "module 0 .*_WeightNorm"),
    "spectral_norm as parametrization": (lambda: nn.Sequential(parametrizations.spectral_norm(nn.Conv2d(2, 2, 1))),
                                         "module 0 .*_SpectralNorm"),
    "pruned": (lambda: nn.Sequential(prune.random_unstructured(nn.Conv2d(2, 2, 1), "weight", 0.5)),
               "module 0 .*RandomUnstructured"),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(2, 1)), r"module 0 \(LazyConv2d\): a lazy layer"),
    "hook of the network": (lambda: hooked("network"), "hook or a replaced forward"),
    "weight from the input": (lambda: Net(lambda s, x: F.conv2d(x, s.a.weight, s.b(x).mean((0, 2, 3))),
                                          a=nn.Conv2d(2, 2, 1), b=nn.Conv2d(2, 2, 1)), "operation mean"),
    "attribute": (lambda: Net(lambda s, x: s.a(x.real), a=nn.Conv2d(2, 2, 1)), "attribute real"),
    "moved in place": (lambda: Net(lambda s, x: (x.transpose_(2, 3), s.a(x))[1], a=nn.Conv2d(2, 2, 1)), "in place"),
    "repeated image": (lambda: Net(lambda s, x: s.a(x[[0, 0]]), a=nn.Conv2d(2, 2, 1)), "mixes the images"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_modelled_is_refused_by_name(name):
    build, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as error:
        trace.trace(build(), (2, 5, 6))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_hook_of_a_layer_is_traced():
    one = nn.Sequential(hooked("layer"), nn.Conv2d(2, 1, (3, 2)))
    other = Net(lambda s, x: s.b(s.a(x).flip(3)), a=nn.Conv2d(2, 2, 1), b=nn.Conv2d(2, 1, (3, 2)))
    lists = []
    for geometry in (guard(one, (2, 3, 4), rounds=8), guard(other, (2, 3, 4), rounds=8)):
        weights = {p.key: np.arange(1.0, 1 + np.prod(p.shape)).reshape(p.shape) for p in geometry.parameters}
        lists.append(all_edges(encode(geometry, weights, ones(geometry))))
    for a, b in zip(*lists, strict=True):
        np.testing.assert_array_equal(a, b)


# -- constants


def plane(s, x, *repeats):
    return s.plane.expand(x.size(0), *repeats or (-1, -1, -1))


CONSTANTS = {
    "cat": lambda s, x: torch.cat([s.a(x), plane(s, x)], 1),
    "cat before": lambda s, x: torch.cat([plane(s, x), s.a(x)], 1),
    "stack": lambda s, x: torch.stack([s.a(x), plane(s, x, 2, -1, -1)], 2).flatten(1, 2)[:, 1:4],
    "cat and add": lambda s, x: torch.cat([s.a(x) + s.plane, plane(s, x)], 1) + s.plane,
    "cat of constants": lambda s, x: torch.cat([torch.cat([plane(s, x)] * 2, 1), s.a(x)[:, :1]], 1),
    "picked columns": lambda s, x: torch.cat([s.a(x), plane(s, x)], 1).index_select(3, s.order),
    "numbers": lambda s, x: 3 * torch.cat([s.a(x), plane(s, x)], 1) - 2,
    "parameter": lambda s, x: torch.cat([s.a(x), s.token.expand(x.size(0), 1, 5, 6)], 1),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants_have_no_edges(name):
    net = Net(lambda s, x: s.last(CONSTANTS[name](s, x)), a=nn.Conv2d(2, 2, 3, padding=1), last=nn.Conv2d(3, 2, 2))
    net.register_buffer("plane", torch.arange(1.0, 31).reshape(1, 1, 5, 6))  # values that are numbers of elements
    net.register_buffer("order", torch.tensor([5, 0, 3, 3]))
    net.token = nn.Parameter(torch.full((1, 1, 1, 1), 7.0))
    guard(net, rounds=8)
    if name != "numbers":  # the reference has no rule for a difference
        check(net)


# -- the sampled check


class Unseen(nn.Module):
    """A network of which tracing shows something else: torch.fx calls the forward with a proxy, torch with a tensor."""

    def __init__(self, change):
        super().__init__()
        self.a, self.last, self.change = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 3, 2), change

    def forward(self, x):
        y = F.relu(self.a(x))
        return self.last(y) if isinstance(x, torch.fx.Proxy) else self.change(self, x, y)


WRONG = {
    "flipped": (lambda s, x, y: s.last(y.flip(3)), "unit .* of layer last depends on unit .* of layer a, but"),
    "shifted": (lambda s, x, y: s.last(y.roll(1, 2)), "layer last depends on"),
    "channels": (lambda s, x, y: s.last(y[:, [1, 0, 2, 3]]), "layer last depends on"),
    "mixed": (lambda s, x, y: s.last(y + y.mean((2, 3), True)), "layer last depends on"),
    "skip": (lambda s, x, y: s.last(y + x[:, :1]), "layer last depends on unit .* of layer input"),
    "more layers": (lambda s, x, y: s.last(s.a(y[:, :2])), "layer last: the weight that it runs with is not its"),
    "one layer more": (lambda s, x, y: s.a(y[:, :2]) + s.last(y).mean(), "layer last: the weight"),
    "called again": (lambda s, x, y: s.last(y) + s.last(y), "runs more layers than the 2"),
    "fewer layers": (lambda s, x, y: y, "runs 1 layers, and its trace has 2"),
    "shape": (lambda s, x, y: s.last(F.pad(y, (1, 1))), r"layer last: its result has shape \(3, 4, 7\), and in the"),
    "weight": (lambda s, x, y: F.conv2d(y, s.last.weight.flip(0)), "layer last: the weight that it runs with"),
    "result": (lambda s, x, y: s.last(y) + y[:, :3, :4, :5], "its result depends on unit .* of layer a, which is no"),
    "an error": (lambda s, x, y: y.nonsense(), "does not run on images of shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_check_sees_what_tracing_does_not(name):
    change, message = WRONG[name]
    masks = {
        "a.weight": np.ones((4, 2, 3, 3), bool),
        "last.weight": np.random.default_rng(0).random((3, 4, 2, 2)) < 0.5,
    }
    with pytest.raises(InputError, match=message) as error:
        guard(Unseen(change), masks=masks)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
    guard(Unseen(lambda s, x, y: s.last(y)), masks=masks, rounds=8)


@pytest.mark.parametrize("fault", ["tail", "layer"])
def test_the_check_sees_a_wrong_block(fault):
    """Edges of the traced graph are moved; that every layer's are looked at is what the rounds are for."""
    module = load("resnet_small")(10, 3)
    done = trace.walk(module, (3, 16, 16))
    geometry = done.geometry()
    dependence.check(module, done, geometry, ones(geometry))
    for k, plan in enumerate(geometry.plans):
        if fault == "tail" and len(plan.x) > 8:  # each column reads its neighbours' neighbours
            moved = plan.x.copy()
            moved[:, 0] = plan.x[::-1, 0]
            wrong = dataclasses.replace(plan, x=moved)
        else:
            wrong = dataclasses.replace(plan, y=plan.y[:0])
        plans = [wrong if j == k else other for j, other in enumerate(geometry.plans)]
        with pytest.raises(InputError, match="depends on unit"):
            dependence.check(module, done, dataclasses.replace(geometry, plans=plans), ones(geometry))


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(), st.sampled_from(["ignore", "edges"]), st.integers(0, 99))
def test_the_check_passes_random_compositions(network, identity_shortcuts, seed):
    module, _ = network
    _, masks = random_network(trace.trace(module, (2, 5, 6)).parameters, seed)
    guard(module, (2, 5, 6), masks, identity_shortcuts, rounds=6, seed=seed)


SOUND = {name: 64 for name in ("resnet18", "densenet121", "mobilenet_v2", "squeezenet1_1", "shufflenet_v2_x1_0")}
SOUND |= {"googlenet": 64, "vgg11_bn": 32, "resnext50_32x4d": 32, "efficientnet_b0": 64}


@pytest.mark.parametrize("name", SOUND)
def test_the_check_passes_torchvision(name):
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    module = getattr(torchvision.models, name)(num_classes=5, **options)
    shape = (3, SOUND[name], SOUND[name])
    done = trace.walk(module, shape)
    dependence.check_classes(done, 5)
    geometry = done.geometry()
    _, masks = random_network(geometry.parameters, 0, 0.3)
    dependence.check(module, done, geometry, masks)


@pytest.mark.parametrize("name", [*words()])
def test_the_check_passes_our_architectures(name):
    guard(load(name)(10, 3), (3, 32, 32) if "small" not in name else (3, 8, 8))


NORMS = [
    *(nn.LayerNorm((4, 4, 4)), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.BatchNorm2d(4, track_running_stats=False)),
    *(nn.LocalResponseNorm(3), nn.Softmax(1), nn.PReLU(), nn.Hardshrink(), nn.Dropout(), nn.ReLU(inplace=True)),
]


@pytest.mark.parametrize("between", NORMS, ids=str)
def test_what_adds_no_nodes_gives_no_alarm(between):
    guard(nn.Sequential(nn.Conv2d(2, 4, (2, 3)), between, nn.Conv2d(4, 2, 2)), rounds=8)
    line = nn.Sequential(nn.Conv1d(2, 4, 3, 2, 1, 1, 2), nn.ReLU(), nn.Conv1d(4, 2, 2, padding="same", dilation=2))
    guard(line, (2, 9), rounds=8)


@pytest.mark.parametrize("options", [
    dict(kernel_size=3, stride=2, padding=(1, 2), dilation=2), dict(kernel_size=(2, 3), padding="same", groups=2),
    dict(kernel_size=4, padding="same", dilation=3), dict(kernel_size=3, padding="valid", groups=4),
])  # fmt: skip
def test_a_unit_by_definition_is_torch_s(options):
    layer = nn.Conv2d(4, 8, bias=False, **options).double()
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    settings = {k: v for k, v in options.items() if k != "kernel_size"} | {"input": x, "weight": layer.weight}
    y = layer(x)
    for unit in np.ndindex(*y.shape[1:]):
        torch.testing.assert_close(dependence.unit_value(settings, unit), y[0][unit])


# -- the rules

OWN = """
import random
import numpy as np
import torch
from torch import nn

GENERATOR = np.random.default_rng()


class Shuffled(nn.Module):
    def __init__(self, order):
        super().__init__()
        self.register_buffer("order", torch.as_tensor(order))

    def forward(self, x):
        return x[:, self.order]


def network(num_classes, order, channels=1):
    last = nn.Linear(4 * 64, num_classes)
    return nn.Sequential(nn.Conv2d(channels, 4, 3, padding=1), nn.BatchNorm2d(4), Shuffled(order), nn.Flatten(), last)


def by_torch(num_classes):
    return network(num_classes, torch.randperm(4))


def by_numpy(num_classes):
    return network(num_classes, np.random.permutation(4))


def by_python(num_classes):
    return network(num_classes, random.sample(range(4), 4))


def by_itself(num_classes):
    return network(num_classes, GENERATOR.permutation(4) + 4 * GENERATOR.integers(2**40))


def ten(num_classes):
    return network(10, [3, 1, 0, 2])


def fixed(num_classes):
    return network(num_classes, [3, 1, 0, 2])


def pair(num_classes):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = fixed(num_classes)

        def forward(self, x):
            return self.body(x), x

    return Pair()
"""


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "dataset.json").write_text(json.dumps({"classes": 3, "shape": [1, 8, 8]}))
    return tmp_path


@pytest.mark.parametrize("name", ["by_torch", "by_numpy", "by_python"])
def test_init_does_not_differ_from_run_to_run(own, name):
    first, second, third = (
        init.initialise(f"{own}/own.py:{name}", {}, 3, [1, 8, 8], seed).state_dict() for seed in (4, 4, 5)
    )
    for key in first:
        assert torch.equal(first[key], second[key])
    assert any(not torch.equal(first[key], third[key]) for key in first)


def test_init_refuses_what_it_cannot_repeat(own):
    with pytest.raises(InputError, match=r"differs whenever it is built \(2.order\)"):
        init.initialise(f"{own}/own.py:by_itself", {}, 3, [1, 8, 8], 0)


@pytest.mark.parametrize(("name", "message"), [
    ("ten", r"returns \(1, 10\) for one image, not \(1, 3\)"), ("pair", "returns a tuple for one image"),
])  # fmt: skip
def test_init_refuses_another_number_of_classes(own, name, message):
    with pytest.raises(InputError, match=message):
        init.initialise(f"{own}/own.py:{name}", {}, 3, [1, 8, 8], 0)


@pytest.mark.parametrize(("name", "message"), [
    ("ten", r"asked for 3 classes and returns \(10,\)"), ("pair", r"returns \(3,\), \(1, 8, 8\) for an image"),
    ("by_torch", "the networks of two seeds have two graphs"), ("fixed", None),
])  # fmt: skip
def test_geometry_refuses(own, name, message):
    cfg = {"architecture": f"{own}/own.py:{name}", "architecture_options": {}}
    cfg |= {"identity_shortcuts": "ignore", "attention": "all"}
    if message is None:
        return geometry_rule.main(own / "dataset.json", own / "geometry.npz", cfg)
    with pytest.raises(InputError, match=message):
        geometry_rule.main(own / "dataset.json", own / "geometry.npz", cfg)


def taken_in(own, name, state, classes=3):
    torch.save(state, own / "weights.pt")
    output = {"geometry": own / "geometry.npz", "model": own / "model.pt", "mask": own / "mask.npz"}
    cfg = {"architecture": f"{own}/own.py:{name}", "architecture_options": {}, "classes": classes, "input": [1, 8, 8]}
    external_load.main(own / "weights.pt", None, output, cfg | {"identity_shortcuts": "ignore", "attention": "all"})
    return geometry_file.load(output["geometry"])


def test_an_external_network_is_traced_with_the_buffers_of_its_checkpoint(own):
    state = load(f"{own}/own.py:fixed")(3).state_dict()
    expected, found = (taken_in(own, name, state) for name in ("fixed", "by_torch"))
    np.testing.assert_equal(dataclasses.asdict(found), dataclasses.asdict(expected))


def test_an_external_network_of_another_number_of_classes(own):
    state = load(f"{own}/own.py:ten")(3).state_dict()
    with pytest.raises(InputError, match=r"asked for 3 classes and returns \(10,\)"):
        taken_in(own, "ten", state)
