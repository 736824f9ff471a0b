"""Rows of features, gates and attention against the Jacobian, and whole networks of today (spec of the MGE)."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_trace import Net, check, random_network
from test_trace_own_forward import guard
from torch import nn

from sparse_topology.graphs import capture
from sparse_topology.graphs.geometry import EdgePlan, encode
from sparse_topology.graphs.layered import EdgeBlock
from sparse_topology.graphs.trace import Walk, trace
from sparse_topology.job import InputError
from sparse_topology.metrics.degrees import degrees


def tokens(s, x):
    """[B, places, channels] of the patches' plane."""
    return s.patch(x).flatten(2).transpose(1, 2)


def with_class_token(s, x):
    return torch.cat([s.token.expand(x.shape[0], -1, -1), tokens(s, x)], 1)


class ConvNeXtBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.scale = nn.Parameter(torch.full((width, 1, 1), 0.1))

    def forward(self, x):
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        return x + self.scale * self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)


class MixerBlock(nn.Module):
    def __init__(self, places, width):
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.token_mixing = nn.Sequential(nn.Linear(places, 3), nn.GELU(), nn.Linear(3, places))
        self.channel_mixing = nn.Sequential(nn.Linear(width, 5), nn.GELU(), nn.Linear(5, width))

    def forward(self, x):
        x = x + self.token_mixing(self.first(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mixing(self.second(x))


def merged_patches(s, x):
    x = s.patch(x).permute(0, 2, 3, 1)
    parts = [x[..., i::2, j::2, :] for j in (0, 1) for i in (0, 1)]
    return s.fc(s.merge(torch.cat(parts, -1)).permute(0, 3, 1, 2).flatten(1))


def windows(s, x):
    """Rows in the order of windows, both images' in one axis."""
    x = s.patch(x).permute(0, 2, 3, 1)
    b, h, w, c = x.shape
    rows = x.view(b, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
    rows = s.b(s.a(rows)) + rows
    back = rows.view(b, h // 2, w // 2, 2, 2, -1).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, -1)
    return s.fc(back.mean((1, 2)))


ROWS = {  # forward, modules, cases of the sums, whether edges have to be listed
    "last axis": (lambda s, x: s.b(s.a(tokens(s, x))), dict(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), [], False),
    "batch in the middle": (lambda s, x: s.b(s.a(tokens(s, x).transpose(0, 1)).transpose(0, 1)),
                            dict(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), [], False),
    "one row": (lambda s, x: s.b(s.a(x.mean((2, 3)).unsqueeze(1))), dict(a=nn.Linear(2, 3), b=nn.Linear(3, 2)),
                [], False),
    "class token": (lambda s, x: s.b(s.a(with_class_token(s, x) + s.position)[:, 0]),
                    dict(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), [], False),
    "mean of tokens": (lambda s, x: s.b(s.a(with_class_token(s, x)).mean(1)),
                       dict(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), [], False),
    "mean of some": (lambda s, x: s.b(s.a(s.patch(x).permute(0, 2, 3, 1)).mean(1, keepdim=True)),
                     dict(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), [], False),
    "reversed tokens": (lambda s, x: s.b((s.a(tokens(s, x)) + s.c(tokens(s, x))).flip(1)),
                        dict(a=nn.Linear(4, 3), b=nn.Linear(3, 2), c=nn.Linear(4, 3)), ["merge"], False),
    "residual tokens": (lambda s, x: (lambda y: s.b(y + s.c(s.a(y))))(with_class_token(s, x) + s.position),
                        dict(a=nn.Linear(4, 3), c=nn.Linear(3, 4), b=nn.Linear(4, 2)), ["right"], False),
    "convolution of rows": (lambda s, x: s.b(s.a(s.patch(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)),
                            dict(a=nn.Linear(4, 3), b=nn.Conv2d(3, 2, 2, padding=1)), [], False),
    "flattened rows": (lambda s, x: s.b(s.a(tokens(s, x)).flatten(1)), dict(a=nn.Linear(4, 3), b=nn.Linear(48, 2)),
                       [], True),
    "merged patches": (merged_patches, dict(merge=nn.Linear(16, 3), fc=nn.Linear(12, 2)), [], False),
    "windows": (windows, dict(a=nn.Linear(4, 3), b=nn.Linear(3, 4), fc=nn.Linear(4, 2)), ["left"], False),
    "ConvNeXt": (lambda s, x: s.fc(s.d(s.c(s.a(s.patch(x)))).mean((2, 3))),
                 dict(a=ConvNeXtBlock(4), c=nn.Conv2d(4, 2, 2, 2), d=ConvNeXtBlock(2), fc=nn.Linear(2, 3)),
                 ["right", "right"], False),
    "MLP-Mixer": (lambda s, x: s.fc(s.b(s.a(tokens(s, x))).mean(1)),
                  dict(a=MixerBlock(16, 4), b=MixerBlock(16, 4), fc=nn.Linear(4, 3)), ["right"] * 4, True),
}  # fmt: skip


def network(forward, modules):
    net = Net(forward, patch=nn.Conv2d(2, 4, 2, 2), **modules)
    net.token = nn.Parameter(torch.randn(1, 1, 4))
    net.position = nn.Parameter(torch.randn(1, 17, 4))
    return net


@pytest.mark.parametrize("name", ROWS)
def test_linear_layers_over_rows(name):
    forward, modules, cases, lists = ROWS[name]
    torch.manual_seed(0)
    net = network(forward, modules)
    graph = check(net, (2, 8, 8), cases)
    assert any(isinstance(block, EdgeBlock) for block in graph.blocks) == lists
    guard(net, (2, 8, 8), rounds=4)


@pytest.mark.parametrize("name", ["residual tokens", "windows"])
def test_identity_edges_over_rows(name):
    forward, modules, cases, _ = ROWS[name]
    check(network(forward, modules), (2, 8, 8), cases, "edges")


def test_a_frozen_class_token_has_no_edges_and_its_units_are_sources():
    net = network(*ROWS["class token"][:2]).requires_grad_(False)
    with torch.no_grad():
        net.token.copy_(torch.arange(1.0, 5).reshape(1, 1, 4))  # values that are numbers of elements
    graph = check(net, (2, 8, 8))
    block = next(block for block in graph.blocks if graph.layers[block.target].name == "a")
    assert (graph.layers[block.target].height, graph.layers[block.target].width) == (1, 17)
    assert 0 not in block.x[:, 2]


class Squeezed(nn.Module):
    """Squeeze-and-excitation with 1x1 convolutions, as torchvision's, or with linear layers."""

    def __init__(self, width, layer=nn.Conv2d):
        super().__init__()
        one = (1,) if layer is nn.Conv2d else ()
        self.down, self.up = layer(width, 2, *one), layer(2, width, *one)

    def forward(self, x):
        y = x.mean((2, 3), keepdim=isinstance(self.down, nn.Conv2d))
        y = torch.sigmoid(self.up(F.relu(self.down(y))))
        return x * y if isinstance(self.down, nn.Conv2d) else y.view(*x.shape[:2], 1, 1).expand_as(x) * x


class SqueezedResidual(nn.Module):
    """The block of an SE-ResNet: the gate reads the nodes that it scales, which is no other use of them."""

    def __init__(self, width):
        super().__init__()
        self.a, self.gate = nn.Conv2d(width, width, 3, padding=1), Squeezed(width)

    def forward(self, x):
        return F.relu(x + self.gate(self.a(x)))


GATES = {
    "squeeze and excitation": (lambda s, x: s.b(s.gate(s.patch(x))), dict(gate=Squeezed(4), b=nn.Conv2d(4, 3, 2)), []),
    "by linear layers": (lambda s, x: s.b(s.gate(s.patch(x))),
                         dict(gate=Squeezed(4, nn.Linear), b=nn.Conv2d(4, 3, 2)), []),
    "SE-ResNet": (lambda s, x: s.fc(s.b(s.a(s.patch(x))).mean((2, 3))),
                  dict(a=SqueezedResidual(4), b=SqueezedResidual(4), fc=nn.Linear(4, 2)), ["right", "right"]),
    "SwiGLU": (lambda s, x: s.b(F.silu(s.a(tokens(s, x))) * s.c(tokens(s, x))),
               dict(a=nn.Linear(4, 5), c=nn.Linear(4, 5), b=nn.Linear(5, 2)), []),
    "SwiGLU of one layer": (lambda s, x: (lambda y: s.b(y[0] * F.silu(y[1])))(s.a(with_class_token(s, x)).chunk(2, -1)),
                            dict(a=nn.Linear(4, 6), b=nn.Linear(3, 2)), []),
    "broadcast over tokens": (lambda s, x: (lambda y: s.b(y * s.c(y.mean(1, keepdim=True))))(tokens(s, x)),
                              dict(c=nn.Linear(4, 4), b=nn.Linear(4, 2)), []),
    "a square": (lambda s, x: (lambda y: s.b(y * y))(s.patch(x)), dict(b=nn.Conv2d(4, 2, 2)), []),
    "patches and rows": (lambda s, x: s.b(s.a(tokens(s, x)) * tokens(s, x)),
                         dict(a=nn.Linear(4, 4), b=nn.Linear(4, 2)), []),
}  # fmt: skip


@pytest.mark.parametrize("name", GATES)
def test_products(name):
    torch.manual_seed(0)
    net = network(*GATES[name][:2])
    graph = check(net, (2, 8, 8), GATES[name][2])
    assert not any(isinstance(block, EdgeBlock) for block in graph.blocks)
    guard(net, (2, 8, 8), rounds=4)


def test_a_product_in_place_is_refused():
    net = network(lambda s, x: (lambda y: (y.mul_(s.a(x)), s.b(y))[1])(s.patch(x)),
                  dict(a=nn.Conv2d(2, 4, 2, 2), b=nn.Conv2d(4, 2, 2)))  # fmt: skip
    with pytest.raises(InputError, match=r"the product is never used; if it is made in place, write x = x \* y"):
        trace(net, (2, 8, 8))


# -- attention


class Attention(nn.Module):
    """Hand-written self-attention of two heads; `form` is how its products are spelled."""

    def __init__(self, width, form, mask=None):
        super().__init__()
        self.form, self.mask = form, mask
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        b, n, width = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
        if self.form == "sdpa":
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=self.mask)
        elif self.form == "causal":
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        elif self.form == "einsum":
            scores = torch.einsum("b h i d, b h j d -> b h i j", q, k).softmax(-1)
            y = torch.einsum("bhij,bhjd->bihd", scores, v).transpose(1, 2)
        elif self.form == "bmm":
            q, k, v = (part.flatten(0, 1) for part in (q, k, v))
            y = torch.bmm(F.softmax(torch.bmm(q / 2, k.mT), dim=-1), v).view(b, 2, n, width // 2)
        else:
            scores = (q @ k.transpose(-2, -1)) * 0.5
            y = F.dropout(F.softmax(scores + torch.zeros(n, n), dim=-1), 0.1, self.training) @ v
        return self.proj(y.transpose(1, 2).reshape(b, n, width))


class TorchAttention(nn.Module):
    """torch's own module."""

    def __init__(self, width, weights=False, batch_first=True):
        super().__init__()
        self.own, self.weights = nn.MultiheadAttention(width, 2, batch_first=batch_first), weights

    def forward(self, x):
        x = x if self.own.batch_first else x.transpose(0, 1)
        y = self.own(x, x, x, need_weights=self.weights)[0]
        return y if self.own.batch_first else y.transpose(0, 1)


class CrossAttention(nn.Module):
    """Queries of one tensor, keys and values of another, by three layers."""

    def __init__(self, width, depth=2):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, 2 * depth)

    def forward(self, x, y):
        q, k, v = (part.unflatten(2, (2, -1)).transpose(1, 2) for part in (self.q(x), self.k(y), self.v(y)))
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class Transformer(nn.Module):
    """A block with attention and one with an MLP, as in a ViT."""

    def __init__(self, attention, width=4):
        super().__init__()
        self.attention, self.first, self.second = attention, nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 3), nn.GELU(), nn.Linear(3, width))

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.mlp(self.second(x))


def vit(s, x):
    return s.fc(s.block(with_class_token(s, x) + s.position)[:, 0])


def channels_attend(s, x):
    """Attention over channels, whose matrices have no grid of their own: products one by one."""
    q, k, v = s.a(tokens(s, x)).chunk(3, -1)
    return s.b((torch.softmax(q.mT @ k, -1) @ v.mT).mT)


BLOCK = torch.ones(17, 17, dtype=torch.bool)
BLOCK[:9, 9:] = BLOCK[9:, :9] = False
BLOCK[16, :16] = False  # sees itself alone


class Packed(nn.Module):
    """Queries, keys and values from one layer, which `parts` takes apart."""

    def __init__(self, parts, norm=False):
        super().__init__()
        self.parts, self.qkv, self.project = parts, nn.Linear(4, 12), nn.Linear(4, 4)
        self.norm = nn.LayerNorm(2) if norm else nn.Identity()

    def forward(self, x):
        q, k, v = (part.reshape(*x.shape[:2], 2, 2).transpose(1, 2) for part in self.parts(self.qkv(x)))
        mixed = F.scaled_dot_product_attention(self.norm(q), self.norm(k), v)
        return self.project(mixed.transpose(1, 2).flatten(2))


PACKED = {
    "slices": lambda y: (y[..., :4], y[..., 4:8], y[..., 8:]),
    "chunks": lambda y: y.chunk(3, -1),
    "a split": lambda y: y.split(4, dim=-1),
}


class Grouped(nn.Module):
    """Four heads of queries for one or two of keys and values."""

    def __init__(self, form, groups):
        super().__init__()
        self.form, self.groups = form, groups
        self.q, self.kv, self.project = nn.Linear(4, 8), nn.Linear(4, 4 * groups), nn.Linear(8, 4)

    def forward(self, x):
        q = self.q(x).unflatten(-1, (4, 2)).transpose(1, 2)
        k, v = self.kv(x).unflatten(-1, (2, self.groups, 2)).permute(2, 0, 3, 1, 4)
        if self.form == "expand":
            shape = *k.shape[:2], 4 // self.groups, *k.shape[2:]
            k, v = (part.unsqueeze(2).expand(shape).flatten(1, 2) for part in (k, v))
        if self.form == "repeat_interleave":
            k, v = (part.repeat_interleave(4 // self.groups, dim=1) for part in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, enable_gqa=self.form == "enable_gqa")
        return self.project(mixed.transpose(1, 2).flatten(2))


ATTENTION = {  # forward, modules, cases of the sums, whether edges have to be listed
    **{form: (vit, dict(block=Transformer(Attention(4, form)), fc=nn.Linear(4, 3)), ["right"] * 2, False)
       for form in ("matmul", "sdpa", "causal", "einsum", "bmm")},
    **{form: (vit, dict(block=Transformer(Packed(parts)), fc=nn.Linear(4, 3)), ["right"] * 2, False)
       for form, parts in PACKED.items()},
    "normalised": (vit, dict(block=Transformer(Packed(PACKED["chunks"], True)), fc=nn.Linear(4, 3)),
                   ["right"] * 2, False),
    **{f"{form} of {groups}": (lambda s, x: s.fc(s.a(tokens(s, x))), dict(a=Grouped(form, groups), fc=nn.Linear(4, 3)),
                               [], False)
       for form in ("expand", "repeat_interleave", "enable_gqa") for groups in (1, 2)},
    "masked": (vit, dict(block=Transformer(Attention(4, "sdpa", BLOCK)), fc=nn.Linear(4, 3)), ["right"] * 2, False),
    "nn.MultiheadAttention": (vit, dict(block=Transformer(TorchAttention(4)), fc=nn.Linear(4, 3)),
                              ["right"] * 2, False),
    "with weights, batch second": (vit, dict(block=Transformer(TorchAttention(4, True, False)), fc=nn.Linear(4, 3)),
                                   ["right"] * 2, False),
    "one key": (lambda s, x: s.fc(s.a(x.mean((2, 3)).unsqueeze(1))), dict(a=Attention(2, "matmul"), fc=nn.Linear(2, 3)),
                [], False),
    "cross attention": (lambda s, x: s.fc(s.a(with_class_token(s, x)[:, :3], tokens(s, x))),
                        dict(a=CrossAttention(4), fc=nn.Linear(4, 3)), [], False),
    "other depth": (lambda s, x: s.fc(s.a(tokens(s, x)[:, :3], tokens(s, x))),
                    dict(a=CrossAttention(4, 3), fc=nn.Linear(6, 3)), [], True),
    "channels": (channels_attend, dict(a=nn.Linear(4, 12), b=nn.Linear(4, 3)), [], True),
}  # fmt: skip


@pytest.mark.parametrize("attention", ["all", "values"])
@pytest.mark.parametrize("name", ATTENTION)
def test_attention(name, attention):
    forward, modules, cases, lists = ATTENTION[name]
    torch.manual_seed(0)
    net = network(forward, modules)
    graph = check(net, (2, 8, 8), cases, attention=attention)
    lists = lists and (attention == "all" or name == "channels")  # whose values have no grid either
    assert any(isinstance(block, EdgeBlock) for block in graph.blocks) == lists
    guard(net, (2, 8, 8), rounds=4, attention=attention)


class Sequence(nn.Module):
    """Patches of a small image, then parts by name, as drawn below."""

    def __init__(self, kinds, last):
        super().__init__()
        self.patch, self.kinds, self.last = nn.Conv2d(2, 4, 2, 2), kinds, last
        self.parts = nn.ModuleList(self.part(kind) for kind in kinds)
        self.token = nn.Parameter(torch.randn(1, 1, 4))
        self.fc = nn.LazyLinear(2)

    def part(self, kind):
        if kind == "torch":
            return TorchAttention(4)
        if kind in ("gate", "mlp"):
            return nn.Linear(4, 4) if kind == "gate" else nn.Sequential(nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 4))
        return Attention(4, kind) if kind in ("matmul", "sdpa", "causal", "einsum") else nn.LayerNorm(4)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        for kind, part in zip(self.kinds, self.parts, strict=True):
            if kind == "constant":
                x = torch.cat([x[:, :2], self.token.expand(x.shape[0], -1, -1), x[:, 2:]], 1)
            elif kind == "gate":
                x = x * torch.sigmoid(part(x.mean(1, keepdim=True)))
            elif kind == "reversal":
                x = part(x).flip(1)
            else:
                x = x + part(x)
        return self.fc({"mean": x.mean(1), "first": x[:, 0], "flat": x.flatten(1)}[self.last])


KINDS = ["matmul", "sdpa", "causal", "einsum", "torch", "gate", "mlp", "constant", "reversal"]


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), st.sampled_from(["mean", "first", "flat"]),
       st.sampled_from(["all", "values"]), st.integers(0, 99))  # fmt: skip
def test_random_compositions_of_tokens(kinds, last, attention, seed):
    module = Sequence(kinds, last).eval()
    module(torch.zeros(1, 2, 4, 6))
    cases = ["right"] * sum(kind not in ("gate", "constant", "reversal") for kind in kinds)
    check(module, (2, 4, 6), cases, seed=seed, attention=attention)
    guard(module, (2, 4, 6), seed=seed, attention=attention)


# -- whole networks


def vit_tiny():
    """For images of 32 pixels: 65 tokens with the class token."""
    options = dict(image_size=32, patch_size=4, num_layers=12, num_heads=3, hidden_dim=192, mlp_dim=768)
    return torchvision.models.VisionTransformer(**options, num_classes=10)


def test_edges_of_a_dense_vit_are_those_that_one_counts():
    tokens, width, blocks = 65, 192, 12
    pairs, layers = blocks * tokens**2 * width**2, 316_774_272
    module = vit_tiny()
    counts = {"all": layers + 2 * pairs + pairs // tokens, "values": layers + pairs}
    for attention, edges in counts.items():
        geometry = trace(module, (3, 32, 32), attention=attention)
        ones = {p.key: np.ones(p.shape, bool) for p in geometry.parameters}
        graph = encode(geometry, ones, ones)
        assert graph.edge_count == edges
        assert graph.node_count == 1_363_210
        assert sum(mask.size for mask in ones.values()) == 5_319_552
        assert not any(isinstance(block, EdgeBlock) for block in graph.blocks)
        outdegree, indegree = degrees(graph)
        first = graph.layers[2]
        assert first.name.endswith("0.self_attention.in_proj_weight")
        unfed = (indegree == 0) & (outdegree > 0)
        assert unfed[first.offset :].sum() == (3 * width if attention == "all" else width)  # the class token's


@pytest.mark.parametrize("name", ["class token", "windows", "MLP-Mixer", "matmul", "SE-ResNet"])
def test_export_shows_the_graph_that_fx_shows(name):
    forward, modules = (ROWS | GATES | ATTENTION)[name][:2]
    net = network(forward, modules).eval()
    program = capture.exported(net, (2, 8, 8))
    options = {"identity_shortcuts": "ignore", "attention": "all", "input": [2, 8, 8], "padding": [0, 0, 0, 0]}
    again = Walk(net, program, program.graph, options).geometry()
    np.testing.assert_equal(asdict(again), asdict(trace(net, (2, 8, 8))))


def small(name):
    """A network of torchvision's code with few and narrow layers."""
    models = torchvision.models
    if name == "ViT":
        return models.VisionTransformer(32, 8, 2, 2, 16, 24, num_classes=5)
    if name == "MaxViT":
        return models.MaxVit((32, 32), 8, 4, [8], [1], 4, 0.1, num_classes=5)
    if name == "ConvNeXt":
        return models.ConvNeXt([models.convnext.CNBlockConfig(8, 12, 1), models.convnext.CNBlockConfig(12, None, 1)],
                               num_classes=5)  # fmt: skip
    swin = dict(patch_size=[2, 2], embed_dim=8, depths=[2, 1], num_heads=[2, 2], window_size=[5, 5], num_classes=5)
    if name == "SwinV2":
        swin |= dict(block=models.swin_transformer.SwinTransformerBlockV2,
                     downsample_layer=models.swin_transformer.PatchMergingV2)  # fmt: skip
    return models.SwinTransformer(**swin)


@pytest.mark.parametrize("attention", ["all", "values"])
@pytest.mark.parametrize("name", ["ViT", "Swin", "SwinV2", "MaxViT", "ConvNeXt"])
def test_the_check_passes_transformers_of_torchvision(name, attention):
    """Swin's windows are shifted and do not divide the plane: they are padded."""
    torch.manual_seed(0)
    module = small(name)
    geometry = trace(module, (3, 32, 32))
    assert not any(isinstance(plan, EdgePlan) for plan in geometry.plans)
    _, masks = random_network(geometry.parameters, 0, 0.3)
    guard(module, (3, 32, 32), masks, attention=attention)


REFUSED = {
    "softmax over queries": (lambda s, x: s.b((lambda y: torch.softmax(y @ y.mT, 1) @ y)(s.a(tokens(s, x)))),
                             "operation softmax: there is a rule for a softmax over keys only"),
    "returned scores": (lambda s, x: (lambda y: y @ y.mT)(s.a(tokens(s, x))), "returning the scores of an attention"),
    "a weight as a matrix": (lambda s, x: tokens(s, x) @ s.a.weight, "operation matmul: there is no rule for it"),
    "scores of scores": (lambda s, x: (lambda y: (y @ y.mT) @ (y @ y.mT))(s.a(tokens(s, x))), "as the second factor"),
    "gate of a mask": (lambda s, x: torch.cumsum(s.a(tokens(s, x)), 1), "operation cumsum: there is no rule for it"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_rule_is_refused_by_name(name):
    forward, message = REFUSED[name]
    with pytest.raises(InputError, match=message) as error:
        trace(network(forward, dict(a=nn.Linear(4, 4), b=nn.Linear(4, 2))), (2, 8, 8))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
