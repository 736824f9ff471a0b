"""The encoder against the Jacobian, operation by operation and in random compositions; node counts; whole networks."""

import numpy as np
import prune_erk
import prune_uniform
import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from helpers.jacobian import adjacency, derivative, run
from sparse_topology.graphs import geometry as geometry_file
from sparse_topology.graphs.geometry import encode
from sparse_topology.graphs.layered import EdgeBlock, all_edges
from sparse_topology.graphs.trace import trace, walk
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.networks.architectures.mobilenetv2 import MobileNetV2


def random_network(parameters, seed, density=0.6):
    """Weights and masks by key; some unmasked weights are exactly 0, and still are edges."""
    rng = np.random.default_rng(seed)
    weights, masks = {}, {}
    for p in parameters:
        drawn = min(int(np.prod(p.shape)), 999_983)  # a large layer repeats them
        values = rng.standard_normal(drawn, np.float32)
        values[::10] = 0
        weights[p.key] = np.resize(values, p.shape)
        masks[p.key] = np.resize(rng.random(drawn) < density, p.shape)
    return weights, masks


def dense(graph):
    tails, heads, weights = all_edges(graph)
    assert len(tails) == graph.edge_count
    pattern = np.zeros((graph.node_count,) * 2, bool)
    values = np.zeros(pattern.shape, np.float32)
    pattern[tails, heads] = True
    values[tails, heads] = weights
    assert pattern.sum() == len(tails), "parallel edges"
    assert (tails < heads).all()
    return values, pattern


def check(module, shape=(2, 5, 6), cases=(), identity_shortcuts="ignore", seed=0, attention="all"):
    """Encode and compare every edge, weight and output node with the Jacobian."""
    torch.manual_seed(0)
    done = walk(module, shape, identity_shortcuts, attention)
    geometry = done.geometry()
    weights, masks = random_network(geometry.parameters, seed)
    graph = encode(geometry, weights, masks)
    padding, at = geometry.options["padding"], {k: at for k, (_, at) in done.rows.items()}
    edges = identity_shortcuts == "edges"
    reference, pattern, output = adjacency(module, shape, padding, weights, masks, cases, edges, at, attention)
    values, edges = dense(graph)
    assert edges.shape == pattern.shape
    np.testing.assert_array_equal(edges, pattern)
    np.testing.assert_allclose(values, np.where(pattern, reference, 0), rtol=1e-5, atol=1e-6)
    returned = np.zeros(graph.node_count, bool)
    for start, stop in graph.outputs:
        returned[start:stop] = True
    if attention == "values":  # queries and keys count as outputs too, lest they be sinks
        assert not edges[returned & ~output].any()
        returned &= output
    np.testing.assert_array_equal(returned, output)
    return graph


class Net(nn.Module):
    """A network whose forward is a function of its modules, so that a test reads as one expression."""

    def __init__(self, forward, **modules):
        super().__init__()
        for name, module in modules.items():
            self.add_module(name, module)
        self.function = forward

    def forward(self, x):
        return self.function(self, x)


CONVOLUTIONS = [
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, stride=2, padding=1),
    dict(kernel_size=(1, 3), stride=(2, 1), padding=(0, 2)),
    dict(kernel_size=2, padding="same"),
    dict(kernel_size=3, dilation=2, padding=2),
    dict(kernel_size=3, padding=3, stride=3),
    dict(kernel_size=1, groups=2),
    dict(kernel_size=3, groups=4, padding=1),
    dict(kernel_size=3, padding=1, padding_mode="reflect"),
    dict(kernel_size=3, padding=1, padding_mode="circular"),
]


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_convolution(options):
    net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, **options))
    if "padding_mode" in options:
        mode, options = options["padding_mode"], {k: v for k, v in options.items() if k != "padding_mode"}
        plain = nn.Conv2d(4, 4, 3)
        reference = Net(lambda s, x: s.second(F.pad(s.first(x), (1, 1, 1, 1), mode=mode)), first=net[0], second=plain)
        geometry, expected = trace(net, (2, 5, 6)), trace(reference, (2, 5, 6))
        weights, masks = random_network(geometry.parameters, 0)
        renamed = [
            {f"{new}.weight": a[f"{old}.weight"] for new, old in (("first", "0"), ("second", "2"))}
            for a in (weights, masks)
        ]
        for a, b in zip(dense(encode(geometry, weights, masks)), dense(encode(expected, *renamed)), strict=True):
            np.testing.assert_array_equal(a, b)
        check(reference)
    else:
        check(net)


def test_padded_input_keeps_the_largest_ring_of_its_readers():
    net = Net(
        lambda s, x: torch.cat([s.a(x).flatten(1), s.b(x).flatten(1), s.c(F.relu(x)).flatten(1)], 1),
        a=nn.Conv2d(2, 2, 3, padding=1),
        b=nn.Conv2d(2, 2, (5, 1), padding=(2, 0), stride=2),
        c=nn.Conv2d(2, 1, 1),
    )
    graph = check(net)
    assert (graph.layers[0].height, graph.layers[0].width) == (5 + 4, 6 + 2)


POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, 2, 1),
    nn.MaxPool2d(3, 1, 1),
    nn.MaxPool2d(2, 1, dilation=2),
    nn.MaxPool2d(3, 2, ceil_mode=True),
    nn.AvgPool2d((1, 3), (2, 1)),
    nn.AvgPool2d(3, 3, 1, ceil_mode=True),
    nn.AdaptiveAvgPool2d(1),
    nn.AdaptiveAvgPool2d((2, 4)),
    nn.AdaptiveAvgPool2d((3, None)),
    nn.AdaptiveAvgPool2d(7),
    nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(2, 1)),
]


@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("after", ["convolution", "linear", "output", "input"])
def test_pooling(pool, after):
    first = [] if after == "input" else [nn.Conv2d(2, 3, 3, padding=1), nn.ReLU()]
    body = nn.Sequential(*first, pool)
    shape = body(torch.zeros(1, 2, 5, 6)).shape
    last = {
        "linear": [nn.Flatten(), nn.Linear(int(np.prod(shape[1:])), 4)],
        "output": [],
    }.get(after, [nn.Conv2d(shape[1], 2, 2 if min(shape[2:]) > 1 else 1)])
    graph = check(nn.Sequential(body, *last))
    assert not any(isinstance(block, EdgeBlock) for block in graph.blocks)


def test_sums_are_merged_dropped_or_united():
    def residual(s, x):
        x = F.relu(s.stem(x))
        x = F.relu(s.b1(F.relu(s.a1(x))) + x)
        x = F.relu(s.b2(F.relu(s.a2(x))) + s.p2(x))
        y = s.b3(s.a3(x))
        return s.last(y + x) + s.other(y)

    def same():
        return nn.Conv2d(2, 2, 3, padding=1)

    net = Net(
        residual,
        stem=same(),
        a1=same(),
        b1=same(),
        a2=nn.Conv2d(2, 3, 3, 2, 1),
        b2=nn.Conv2d(3, 3, 3, padding=1),
        p2=nn.Conv2d(2, 3, 1, 2),
        a3=nn.Conv2d(3, 3, 3, padding=1),
        b3=nn.Conv2d(3, 3, 3, padding=1),
        last=nn.Conv2d(3, 2, 1),
        other=nn.Conv2d(3, 2, 2, padding="same"),
    )
    graph = check(net, cases=["left", "merge", "union", "merge"])
    names = [layer.name for layer in graph.layers]
    assert "b2" not in names  # the merged set takes the later slot
    assert "last" not in names
    check(net, cases=["left", "merge", "union", "merge"], identity_shortcuts="edges")


def test_identity_edges_between_layers_that_a_convolution_joins_too():
    net = Net(
        lambda s, x: s.last(s.a(s.stem(x)) + s.stem_again(x)),
        stem=nn.Conv2d(2, 2, 1),
        a=nn.Conv2d(2, 2, 3, padding=1),
        stem_again=nn.Conv2d(2, 2, 1),
        last=nn.Conv2d(2, 2, 1),
    )
    check(net, cases=["merge"])

    def direct(s, x):
        x = s.stem(x)
        return s.last(x + s.a(x))

    net = Net(direct, stem=nn.Conv2d(2, 2, 1), a=nn.Conv2d(2, 2, 3, padding=1), last=nn.Conv2d(2, 2, 1))
    graph = check(net, cases=["right"], identity_shortcuts="edges")
    without = check(net, cases=["right"])
    assert all_edges(graph)[2].sum() == pytest.approx(all_edges(without)[2].sum() + 2 * 5 * 6)
    pooled = Net(
        lambda s, x: s.last(F.max_pool2d(F.relu(x), 3, 1, 1) + s.a(x)),
        a=nn.Conv2d(2, 2, 3, padding=1),
        last=nn.Conv2d(2, 2, 1),
    )
    check(pooled, cases=["right"], identity_shortcuts="edges")


def test_identity_shortcut_made_after_the_sum_nodes_still_points_upwards():
    def forward(s, x):
        main, shortcut = s.main(x), s.shortcut(x)
        return s.last(main + shortcut) + s.other(shortcut)

    net = Net(
        forward, main=nn.Conv2d(2, 2, 1), shortcut=nn.Conv2d(2, 2, 1), last=nn.Conv2d(2, 2, 1), other=nn.Conv2d(2, 2, 1)
    )
    geometry = trace(net, (2, 3, 3), "edges")
    assert [layer.name for layer in geometry.layers] == ["input", "shortcut", "main", "other"]
    weights, masks = random_network(geometry.parameters, 0)
    values, pattern = dense(encode(geometry, weights, masks))
    assert np.array_equal(values[18:36, 36:54], np.eye(18))
    assert pattern.any()


def test_parallel_layers_and_a_tensor_added_to_itself_sum_their_weights():
    def parallel(s, x):
        x = s.stem(x)
        return s.last(s.big(x) + s.small(x) + s.tall(x))

    convolutions = dict(
        stem=nn.Conv2d(2, 4, 1),
        big=nn.Conv2d(4, 4, 3, padding=1, groups=2),
        small=nn.Conv2d(4, 4, 1, groups=2),
        tall=nn.Conv2d(4, 4, (3, 1), padding=(1, 0)),
        last=nn.Conv2d(4, 2, 1),
    )
    check(Net(parallel, **convolutions), cases=["merge", "merge"])
    check(
        Net(
            lambda s, x: s.b(s.a(x) + s.c(x)),
            a=nn.Conv2d(2, 4, 3, padding=1, groups=2),
            c=nn.Conv2d(2, 4, 1, groups=2),
            b=nn.Conv2d(4, 2, 1),
        ),
        cases=["merge"],
    )

    def doubled(s, x):
        y = s.a(x)
        return s.b(y + y)

    check(Net(doubled, a=nn.Conv2d(2, 2, 1), b=nn.Conv2d(2, 3, 2)), cases=["union"])


def shuffle(x, groups):
    n, c, h, w = x.size()
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


def halves(x):
    first, second = x.chunk(2, dim=1)
    return first, second


MOVES = {
    "concatenation": lambda s, x: torch.cat([s.a(x), s.b(x)], 1),
    "concatenation of itself": lambda s, x: torch.cat([s.a(x), s.b(x), s.a(x)[:, :2]], 1)[:, 1:9],
    "pooled concatenation": lambda s, x: F.max_pool2d(torch.cat([s.a(x), x, s.b(x)], dim=1), 2, 1)[:, :8],
    "chunks": lambda s, x: torch.cat([*reversed(halves(s.a(x))), s.b(x)], 1),
    "shuffle": lambda s, x: shuffle(torch.cat([s.a(x), s.b(x)], 1), 2),
    "flip and crop": lambda s, x: torch.cat([s.a(x), s.b(x)], 1).flip(3)[:, :, 1:, ::2],
    "padding": lambda s, x: F.pad(torch.cat([s.a(x), s.b(x)[:, 1:]], 1), (1, 0, 2, 1, 0, 1)),
    "upsampling": lambda s, x: F.interpolate(torch.cat([s.a(x), s.b(x)], 1), scale_factor=2)[:, :, :7],
    "transposed plane": lambda s, x: torch.cat([s.a(x), s.b(x)], 1).transpose(2, 3),
    "other grid": lambda s, x: torch.cat([s.a(x), s.b(x)], 1).view(-1, 8, 6, 5),
    "pixel shuffle": lambda s, x: torch.cat([F.pixel_shuffle(s.a(x), 2)] * 8, 1),
    "pooled other grid": lambda s, x: F.avg_pool2d(torch.cat([s.a(x), s.b(x)], 1).permute(0, 1, 3, 2), 2, 1),
}


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_movement(name, groups):
    def forward(s, x):
        x = MOVES[name](s, x)
        return s.fc(torch.flatten(s.last(x), 1)) if s.fc is not None else s.last(x)

    torch.manual_seed(1)
    modules = dict(a=nn.Conv2d(2, 4, 3, padding=1), b=nn.Conv2d(2, 4, 1), last=nn.Conv2d(8, 4, 2, groups=groups))
    net = Net(forward, **modules)
    net.fc = None
    flat = net(torch.zeros(1, 2, 5, 6)).flatten(1).shape[1]
    net.fc = nn.Linear(flat, 2)
    check(net)


def test_one_by_one_kernels_that_no_piece_aligns_with():
    """A concatenation whose pieces cut through the groups of the convolution that reads it."""
    net = Net(
        lambda s, x: s.last(torch.cat([s.a(x), s.b(x), s.c(x)], 1)),
        a=nn.Conv2d(2, 5, 1),
        b=nn.Conv2d(2, 1, 1),
        c=nn.Conv2d(2, 6, 3, padding=1),
        last=nn.Conv2d(12, 6, 1, groups=3),
    )
    check(net)


def test_functional_forms_and_one_dimension():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.kernel = nn.Parameter(torch.randn(3, 2, 3, 3))
            self.register_buffer("keep", torch.ones(3, 2, 3, 3))
            self.fc = nn.Linear(3 * 2 * 3, 4)
            self.scale = nn.Parameter(torch.ones(1, 3, 1, 1))

        def forward(self, x):
            x = F.conv2d(x, self.kernel, None, padding=1)
            x = F.max_pool2d(F.leaky_relu(x, 0.1, inplace=True), kernel_size=2)
            x = F.dropout(x * self.scale + 1.0, training=self.training)
            return F.log_softmax(F.linear(x.view(x.shape[0], -1), self.fc.weight, self.fc.bias), dim=1)

    net = Functional()
    geometry = trace(net, (2, 5, 6))
    assert [(p.name, p.key) for p in geometry.parameters] == [("kernel", "kernel"), ("fc", "fc.weight")]
    same = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 4))
    weights, masks = random_network(geometry.parameters, 0)
    expected = encode(
        trace(same, (2, 5, 6)), *({"0.weight": a["kernel"], "3.weight": a["fc.weight"]} for a in (weights, masks))
    )
    for a, b in zip(dense(encode(geometry, weights, masks)), dense(expected), strict=True):
        np.testing.assert_array_equal(a, b)
    masked = Net(lambda s, x: F.conv2d(x, s.weight * s.keep))
    masked.weight, masked.keep = nn.Parameter(torch.randn(3, 2, 3, 3)), nn.Buffer(torch.ones(3, 2, 3, 3))
    assert trace(masked, (2, 5, 6)).parameters[0].key == "weight"
    line = nn.Sequential(
        nn.Conv1d(2, 3, 3, padding=1), nn.MaxPool1d(2), nn.Conv1d(3, 2, 2), nn.Flatten(), nn.Linear(6, 2)
    )
    plane = nn.Sequential(
        nn.Conv2d(2, 3, (1, 3), padding=(0, 1)),
        nn.MaxPool2d((1, 2)),
        nn.Conv2d(3, 2, (1, 2)),
        nn.Flatten(),
        nn.Linear(6, 2),
    )
    lines, planes = trace(line, (2, 8)), trace(plane, (2, 1, 8))
    weights, masks = random_network(planes.parameters, 0)
    squeezed = [{p.key: a[p.key].reshape(p.shape) for p in lines.parameters} for a in (weights, masks)]
    for a, b in zip(dense(encode(lines, *squeezed)), dense(encode(planes, weights, masks)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_mean_over_the_plane_is_global_pooling():
    net = Net(lambda s, x: s.fc(s.a(x).mean([2, 3])), a=nn.Conv2d(2, 3, 3), fc=nn.Linear(3, 2))
    twice = Net(lambda s, x: s.fc(s.a(x).mean(3).mean(2)), a=nn.Conv2d(2, 3, 3), fc=nn.Linear(3, 2))
    pooled = Net(
        lambda s, x: s.fc(F.adaptive_avg_pool2d(s.a(x), 1).flatten(1)), a=nn.Conv2d(2, 3, 3), fc=nn.Linear(3, 2)
    )
    check(pooled)
    weights, masks = random_network(trace(net, (2, 5, 6)).parameters, 0)
    results = [dense(encode(trace(n, (2, 5, 6)), weights, masks))[0] for n in (net, twice, pooled)]
    assert np.array_equal(results[0], results[2])
    assert np.array_equal(results[1], results[2])


def test_squeeze_and_functional_norms_see_a_batch():
    class Normed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.fc = nn.Conv2d(2, 3, 3), nn.Linear(3, 2)
            self.mean, self.slope = nn.Buffer(torch.zeros(3)), nn.Parameter(torch.ones(3))

        def forward(self, x):
            x = F.prelu(F.batch_norm(self.a(x), self.mean, self.mean + 1), self.slope)
            return self.fc(F.adaptive_avg_pool2d(x, 1).squeeze())

    pooled = Net(
        lambda s, x: s.fc(F.adaptive_avg_pool2d(s.a(x), 1).flatten(1)), a=nn.Conv2d(2, 3, 3), fc=nn.Linear(3, 2)
    )
    weights, masks = random_network(trace(pooled, (2, 5, 6)).parameters, 0)
    results = [dense(encode(trace(n, (2, 5, 6)), weights, masks))[0] for n in (Normed(), pooled)]
    assert np.array_equal(*results)


def test_tracing_leaves_the_training_flags_as_they_are():
    net = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)).train()
    net[1].eval()
    trace(net, (2, 3, 3))
    assert [part.training for part in net.modules()] == [True, True, False, True]


def test_a_module_called_twice_has_two_node_sets():
    net = Net(lambda s, x: s.a(s.a(x)), a=nn.Conv2d(2, 2, 3, padding=1))
    graph = check(net)
    assert [layer.name for layer in graph.layers] == ["input", "a", "a#2"]


@st.composite
def networks(draw):
    """A random composition, its random choices of the sums' cases, and a classifier at its end."""
    cases = []

    def convolution(channels, out=None, keep=False):
        groups = draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0]))
        out = out or groups * draw(st.integers(1, max(1, 4 // groups)))
        groups = groups if out % groups == 0 else 1
        if keep:
            return nn.Conv2d(channels, out, draw(st.sampled_from([1, 3])), padding="same", groups=groups)
        size = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
        return nn.Conv2d(
            channels, out, size, draw(st.integers(1, 2)), draw(st.integers(0, 2)), draw(st.integers(1, 2)), groups
        )

    def part(channels, kind):
        if kind == "convolution":
            return convolution(channels)
        if kind == "max":
            size = draw(st.integers(1, 3))
            return nn.MaxPool2d(
                size, draw(st.integers(1, 3)), draw(st.integers(0, size // 2)), ceil_mode=draw(st.booleans())
            )
        if kind == "average":
            size = draw(st.tuples(st.integers(1, 2), st.integers(1, 3)))
            return nn.AvgPool2d(size, draw(st.integers(1, 2)))
        if kind == "adaptive":
            return nn.AdaptiveAvgPool2d((draw(st.integers(1, 3)), draw(st.integers(1, 3))))
        if kind == "zeros":
            return nn.ZeroPad2d(tuple(draw(st.integers(0, 2)) for _ in range(4)))
        if kind == "plain":
            return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
        if kind == "concatenation":
            modules = dict(a=convolution(channels, keep=True), b=convolution(channels, keep=True))
            return Net(lambda s, x: torch.cat([s.a(x), x, s.b(x)], 1), **modules)
        stem = convolution(channels, keep=True)
        width = stem.out_channels
        modules = dict(stem=stem, a=convolution(width, 3, keep=True))
        if kind == "identity":
            cases.append("right")
            modules["b"] = convolution(3, width, keep=True)
            return Net(residual, **modules)
        cases.append("merge")
        modules |= dict(b=convolution(3, 2, keep=True), p=convolution(width, 2, keep=True))
        return Net(projection, **modules)

    def residual(s, x):
        x = s.stem(x)
        return x + s.b(s.a(x))

    def projection(s, x):
        x = s.stem(x)
        return s.b(s.a(x)) + s.p(x)

    kinds = [
        "convolution",
        "convolution",
        "convolution",
        "max",
        "average",
        "adaptive",
        "zeros",
        "plain",
        "concatenation",
        "identity",
        "projection",
    ]
    parts, x = [], torch.zeros(1, 2, 5, 6)
    for _ in range(draw(st.integers(1, 4))):
        module = part(x.shape[1], draw(st.sampled_from(kinds)))
        try:
            y = module.eval()(x)
        except RuntimeError:  # it does not fit: an impossible network
            cases = cases[: sum(isinstance(p, Net) and p.function in (residual, projection) for p in parts)]
            continue
        if y.numel() and y.numel() <= 150:
            parts.append(module)
            x = y
        else:
            cases = cases[: sum(isinstance(p, Net) and p.function in (residual, projection) for p in parts)]
    if draw(st.booleans()) or not parts:
        parts += [nn.Flatten(), nn.Linear(x.numel(), 3)]
    return nn.Sequential(*parts), cases


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(networks(), st.sampled_from(["ignore", "edges"]), st.integers(0, 99))
def test_random_compositions(network, identity_shortcuts, seed):
    module, cases = network
    check(module, cases=cases, identity_shortcuts=identity_shortcuts, seed=seed)


NODES = {"conv6": 233366, "resnet20": 191894, "resnet32": 306582, "wrn28_2": 478614, "mobilenetv2": 1676182}


@pytest.mark.parametrize("word", NODES)
@pytest.mark.parametrize("classes", [10, 100, 200])
def test_published_node_counts(word, classes):
    geometry = trace(load(word)(classes, 3), (3, 32, 32))
    assert sum(layer.size for layer in geometry.layers) == NODES[word] + classes - 10
    assert geometry.outputs[-1].tolist() == [NODES[word] - 10, NODES[word] + classes - 10]


@pytest.mark.parametrize(("classes", "edges"), [(10, 90_761_424), (100, 92_604_624), (200, 94_652_624)])
def test_edges_of_the_dense_mobilenet(classes, edges):
    geometry = trace(load("mobilenetv2")(classes, 3), (3, 32, 32))
    ones = {p.key: np.ones(p.shape, np.float32) for p in geometry.parameters}
    graph = encode(geometry, ones, {key: value > 0 for key, value in ones.items()})
    assert graph.edge_count == edges
    assert not any(isinstance(block, EdgeBlock) for block in graph.blocks)


RELEASED_EDGES = {  # of the authors' MobileNetV2 on Tiny-ImageNet, sparsity 0.95, seeds 0 to 2
    "erk": (prune_erk.erk_masks, [11_541_612, 11_684_541, 11_731_522]),
    "uniform": (prune_uniform.uniform_masks, [4_798_527, 4_714_530, 4_785_589]),
}


@pytest.mark.parametrize("word", RELEASED_EDGES)
def test_edges_of_randomly_pruned_mobilenets_are_those_released(word):
    draw_masks, released = RELEASED_EDGES[word]
    geometry = trace(load("mobilenetv2")(200, 3), (3, 32, 32))
    ones = {p.key: np.ones(p.shape, np.float32) for p in geometry.parameters}
    shapes = {p.key: p.shape for p in geometry.parameters}
    edges = [encode(geometry, ones, draw_masks(shapes, 0.95, np.random.default_rng(k))).edge_count for k in range(3)]
    deviation = np.hypot(np.std(edges, ddof=1), np.std(released, ddof=1)) / np.sqrt(3)
    assert abs(np.mean(edges) - np.mean(released)) < 3.5 * deviation
    assert np.mean(edges) == pytest.approx(np.mean(released), rel=0.02)


def spot_check(module, shape, cases, density, units=3):
    """Compare the in-edges of a few units of every layer with the Jacobian's rows; returns the graph."""
    geometry = trace(module, shape)
    weights, masks = random_network(geometry.parameters, 0, density)
    graph = encode(geometry, weights, masks)
    tails, heads, values = all_edges(graph)
    absolute, pattern = run(module, shape, geometry.options["padding"], weights, masks, cases)
    kept = [k for k, outputs in enumerate(absolute.outputs) if outputs is not None]
    assert [layer.size for layer in graph.layers] == [absolute.leaves[k].numel() for k in kept]
    rng = np.random.default_rng(0)
    chosen = {
        k: rng.choice(layer.size, min(units, layer.size), replace=False)
        for k, layer in zip(kept, graph.layers, strict=True)
        if k
    }
    nodes = np.concatenate([layer.offset + chosen[k] for k, layer in zip(kept, graph.layers, strict=True) if k])
    found = np.isin(heads, nodes)
    order = np.lexsort((tails[found], heads[found]))
    edges = {}
    for cut, name in ((absolute, "weight"), (pattern, "edge")):
        leaves = [cut.leaves[k] for k in kept]
        rows = []
        for k in kept[1:]:
            picked = [output.reshape(-1)[chosen[k]] for output in cut.outputs[k]]
            rows.append(derivative(picked, leaves, len(chosen[k])).numpy())
        edges[name] = np.concatenate(rows)
    row, column = np.nonzero(edges["edge"])
    expected = np.lexsort((column, nodes[row]))
    assert np.array_equal(nodes[row][expected], heads[found][order])
    assert np.array_equal(column[expected], tails[found][order])
    np.testing.assert_allclose(values[found][order], edges["weight"][row, column][expected], rtol=1e-4, atol=1e-6)
    return graph


def test_narrow_mobilenet_is_its_jacobian():
    """A block with a projection, one with an identity shortcut, one of stride 2 without any."""
    stages = ((1, 3, 1, 1), (2, 3, 1, 1), (2, 4, 1, 2))
    module = MobileNetV2(num_classes=3, in_channels=2, stages=stages, first=2, last=5)
    check(module, (2, 4, 4), cases=["merge", "left"])
    check(module, (2, 4, 4), cases=["merge", "left"], identity_shortcuts="edges")


TORCHVISION = {
    "resnet18": [case for block in range(8) for case in (["merge"] if block in (2, 4, 6) else ["left"])],
    "vgg11_bn": [],
    "densenet121": [],
    "mobilenet_v2": ["right"] * 10,
    "squeezenet1_0": [],
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_networks_encode_unchanged(name):
    with torch.device("meta"):  # only the shapes of its own weights matter
        module = getattr(torchvision.models, name)(num_classes=5)
    graph = spot_check(module, (3, 32, 32), TORCHVISION[name], density=0.02)
    assert not any(isinstance(block, EdgeBlock) for block in graph.blocks)


def test_geometry_file_round_trip(tmp_path):
    def forward(s, x):
        return s.last(torch.cat([F.max_pool2d(s.a(x), 3, 1, 1), s.b(x)], 1).transpose(2, 3) + s.c(x).transpose(2, 3))

    net = Net(forward, a=nn.Conv2d(2, 2, 1), b=nn.Conv2d(2, 2, 1), c=nn.Conv2d(2, 4, 1), last=nn.Conv2d(4, 2, 2))
    geometry = trace(net, (2, 5, 6))
    geometry_file.save(geometry, tmp_path / "geometry.npz")
    back = geometry_file.load(tmp_path / "geometry.npz")
    weights, masks = random_network(geometry.parameters, 0)
    first, second = (dense(encode(g, weights, masks)) for g in (geometry, back))
    assert np.array_equal(first[0], second[0])
    assert back.layers == geometry.layers
    assert back.parameters == geometry.parameters
    assert back.options == geometry.options


class Summed(nn.Module):
    def forward(self, x):
        return torch.cumsum(x, 2)


class Branching(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


REFUSED = {
    "operation without a rule": (
        nn.Sequential(nn.Conv2d(2, 3, 1), nn.Sequential(Summed())),
        r"module 1\.0 .*operation cumsum",
    ),
    "transposed": (nn.Sequential(nn.ConvTranspose2d(2, 3, 2)), "module 0 .*convtranspose2d"),
    "channels": (nn.Sequential(nn.Conv2d(4, 3, 1)), "module 0 .*4 channels and gets 2"),
    "features": (nn.Sequential(nn.Flatten(), nn.Linear(7, 2)), "module 1 .*7 flat features"),
    "kernel too large": (nn.Sequential(nn.Conv2d(2, 3, 9)), "module 0 .*does not fit"),
    "control flow": (Branching(), "cannot trace Branching"),
    "interpolation": (nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear")), "module 0 .*mode"),
    "batch": (
        Net(lambda s, x: s.a(x).flatten(0, 1), a=nn.Conv2d(2, 2, 1)),
        "operation output: it mixes the images of a batch",
    ),
    "broadcast sum": (
        Net(lambda s, x: s.a(x) + s.b(x), a=nn.Conv2d(2, 2, 1), b=nn.Conv2d(2, 2, (5, 6))),
        "operation add: its operands have different shapes",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_rule_is_one_line_that_names_the_module(case):
    module, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as error:
        trace(module, (2, 5, 6))
    assert "\n" not in str(error.value)


def test_unknown_identity_option_is_refused():
    with pytest.raises(InputError, match="neither 'ignore' nor 'edges'"):
        trace(nn.Conv2d(2, 2, 1), (2, 3, 3), "both")
