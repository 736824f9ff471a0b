"""What is computed with a BatchNorm gives what the functions give one after the other, whatever a network does."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.overrides import TorchFunctionMode

from sparse_topology.networks import architectures
from sparse_topology.training.fusion import Fusion


def normalise(x, running_mean, running_var, weight, bias, training, momentum, eps, shortcut=None, relu=False):
    """What the kernels compute, by torch."""
    y = F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    y = y if shortcut is None else y + shortcut
    return F.relu(y) if relu else y


class Fused(TorchFunctionMode):
    """As `training.gpu.Accelerated`, on any device."""

    def __init__(self):
        super().__init__()
        self.fusion, self.seen = Fusion(normalise), []

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        if function is F.batch_norm:
            arguments, options = self.fusion.real(arguments, options)
            return self.fusion.batch_norm(arguments, options)
        return self.fusion.call(function, arguments, options, self.compute)

    def compute(self, function, arguments, options):
        self.seen.append(getattr(function, "__name__", ""))
        return function(*arguments, **options)

    def __exit__(self, *failure):
        self.fusion.end()
        return super().__exit__(*failure)


def passes(forward):
    """The mode after two passes of a function, the functions that the second one called, and its result."""
    mode = Fused()
    with mode:
        forward()
    mode.seen.clear()
    with mode:
        result = forward()
    return mode, result


RELU, BOTH = ("relu",), ("add", "relu")


@pytest.mark.parametrize(
    ("word", "plan"),
    [
        ("conv6", 8 * [RELU]),
        ("resnet20", [RELU] + 3 * [RELU, BOTH] + 2 * ([RELU, BOTH, ()] + 2 * [RELU, BOTH])),
        ("wrn28_2", 25 * [RELU]),
    ],
)
def test_a_network_computes_the_same_with_fewer_functions(word, plan):
    torch.manual_seed(0)
    model = architectures.load(word)(10, 3).double().to(memory_format=torch.channels_last)
    image = torch.randn(4, 3, 32, 32, dtype=torch.float64).to(memory_format=torch.channels_last)
    parameters = list(model.parameters())

    def forward():
        loss = F.cross_entropy(model(image), torch.arange(4))
        return [loss, *torch.autograd.grad(loss, parameters)]

    mode, result = passes(forward)
    for ours, torchs in zip(result, forward(), strict=True):
        torch.testing.assert_close(ours, torchs)
    assert mode.fusion.plan == plan
    assert "relu" not in mode.seen


def test_torchvisions_resnet_works_in_place():
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=10).double().to(memory_format=torch.channels_last)
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64).to(memory_format=torch.channels_last)
    mode, result = passes(lambda: model(image))
    torch.testing.assert_close(result, model(image))
    assert mode.fusion.plan.count(BOTH) == 8
    assert mode.fusion.plan.count(()) == 3  # of the shortcuts
    assert "relu" not in mode.seen


# An operation on values made before: its name and which ones; they are taken modulo what there is.
OPERATIONS = st.tuples(
    st.sampled_from(["norm", "norm", "relu", "relu_", "inplace", "add", "add_", "double", "cat"]),
    st.integers(0, 5),
    st.integers(0, 5),
)


def program(x, operations):
    """The last of the values that the operations make, and its gradient by x."""
    values = [2 * x, x.tanh()]
    weight, bias = torch.linspace(0.5, 2, 3, dtype=x.dtype), torch.linspace(-1, 1, 3, dtype=x.dtype)
    for name, first, second in operations:
        a, b = values[-1 - first % len(values)], values[-1 - second % len(values)]
        if name == "norm":
            values.append(F.batch_norm(a, None, None, weight, bias, True, 0.1, 1e-5))
        elif name == "relu":
            values.append(F.relu(a))
        elif name == "relu_":
            torch.relu_(a)
        elif name == "inplace":
            values.append(F.relu(a, inplace=True))
        elif name == "add":
            values.append(a + b)
        elif name == "add_":
            a += b
            values.append(a)
        elif name == "double":
            values.append(2 * a)
        else:
            values.append(torch.cat([a, b], 1)[:, ::2].contiguous(memory_format=torch.channels_last))
    result = 1 * values[-1]
    return result, *torch.autograd.grad((result * result).sum(), x)


@given(operations=st.lists(OPERATIONS, min_size=1, max_size=14))
@settings(max_examples=300, deadline=None)
def test_any_program_gives_the_same(operations):
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64).to(memory_format=torch.channels_last).requires_grad_()
    try:
        expected = program(x, operations)
    except RuntimeError:  # autograd needs what was changed in place
        assume(False)
    result = passes(lambda: program(x, operations))[1]
    for ours, torchs in zip(result, expected, strict=True):
        torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize(
    ("after", "plan"),
    [
        (lambda y, z: F.relu(y), RELU),
        (lambda y, z: y.relu_() * y, RELU),
        (lambda y, z: F.relu(y + z), BOTH),
        (lambda y, z: F.relu(z + y), ()),
        (lambda y, z: y + z, ("add",)),
        (lambda y, z: F.relu(y) + y, ()),
        (lambda y, z: F.relu(y + z) + y, ()),
        (lambda y, z: (s := y + z) + F.relu(s), ("add",)),
        (lambda y, z: F.relu(y + y), ()),
        (lambda y, z: F.relu(y + 1), ()),
        (lambda y, z: F.relu(y + z[:1]), ()),
        (lambda y, z: F.relu(y + z.contiguous()), ()),
        (lambda y, z: y.sigmoid(), ()),
    ],
)
def test_only_what_nothing_else_reads_is_fused(after, plan):
    torch.manual_seed(0)
    x, z = (torch.randn(2, 3, 4, 4, dtype=torch.float64).to(memory_format=torch.channels_last) for _ in "xz")
    norm = nn.BatchNorm2d(3).double()
    mode, result = passes(lambda: after(norm(x), z))
    assert mode.fusion.plan == [plan]
    torch.testing.assert_close(result, after(norm(x), z))
