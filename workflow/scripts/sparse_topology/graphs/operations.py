"""What operations are called, as functions, methods and modules, and what their arguments mean."""

from __future__ import annotations

from torch import fx, nn

CONVOLUTION = {"conv1d", "conv2d"}
LINEAR = {"linear"}
POOLING = {"maxpool1d", "maxpool2d", "avgpool1d", "avgpool2d"}
ADAPTIVE = {"adaptiveavgpool1d", "adaptiveavgpool2d", "adaptivemaxpool1d", "adaptivemaxpool2d"}
REDUCTION = {"mean", "sum", "amax"}
ADDITION = {"add", "iadd"}
ARITHMETIC = ADDITION | {"sub", "isub", "mul", "imul", "multiply", "div", "truediv", "itruediv", "pow", "neg"}
CONTRACTION = {"matmul", "bmm", "einsum", "baddbmm"}
STATISTIC = {"norm", "linalgvectornorm", "vectornorm", "var", "std", "rsqrt"}
LIKE = {"expandas", "viewas", "reshapeas", "typeas"}
NEW = {"newzeros", "newones", "newfull", "newempty", "newtensor", "zeroslike", "oneslike", "fulllike", "emptylike"}
ELEMENTWISE = {
    *("batchnorm", "batchnorm1d", "batchnorm2d", "syncbatchnorm", "instancenorm", "instancenorm2d", "groupnorm"),
    *("layernorm", "localresponsenorm", "rmsnorm", "normalize"),
    *("relu", "relu6", "leakyrelu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"),
    *("softsign", "sigmoid", "logsigmoid", "tanh", "hardtanh", "hardsigmoid", "hardswish", "hardshrink", "softshrink"),
    *("tanhshrink", "threshold", "clamp", "clip", "softmax", "logsoftmax", "softmin", "exp", "log", "abs", "sqrt"),
    *("dropout", "dropout1d", "dropout2d", "alphadropout", "featurealphadropout", "featuredropout", "stochasticdepth"),
    *("identity", "contiguous", "clone", "detach", "float", "double", "half", "to", "tocopy"),
    *("type", "typeas", "requiresgrad", "asserttensormetadata", "alias"),
}
MOVEMENT = {
    *("flatten", "unflatten", "view", "reshape", "permute", "transpose", "movedim", "swapaxes", "squeeze", "unsqueeze"),
    *(
        "t",
        "swapdims",
        "slice",
        "index",
        "splitwithsizes",
        "unsafeview",
        "getitem",
        "chunk",
        "split",
        "tensorsplit",
        "unbind",
        "narrow",
        "select",
        "indexselect",
        "flip",
        "roll",
    ),
    *(
        "cat",
        "concat",
        "concatenate",
        "stack",
        "expand",
        "expandas",
        "broadcastto",
        "viewas",
        "reshapeas",
        "repeat",
        "repeatinterleave",
        "tile",
        "pad",
        "zeropad1d",
        "zeropad2d",
    ),
    *("constantpad1d", "constantpad2d", "reflectionpad1d", "reflectionpad2d", "replicationpad1d", "replicationpad2d"),
    *("pixelshuffle", "pixelunshuffle", "channelshuffle", "interpolate", "upsample", "upsamplingnearest2d"),
}
JOINING = {"cat", "concat", "concatenate", "stack"}
ZERO_PADDING = {"pad", "zeropad1d", "zeropad2d", "constantpad1d", "constantpad2d"}
SAME_VALUES = {"identity", "contiguous", "clone", "detach", "float", "double", "half", "to", "type", "dropout"}
PRODUCT = {"mul", "imul", "multiply"}
NO_TENSOR = {"size", "dim", "numel", "getattr", "ndimension"}
KNOWN = CONVOLUTION | LINEAR | POOLING | ADAPTIVE | ELEMENTWISE | MOVEMENT
MOVING_MODES = ("nearest", "constant", "reflect", "replicate", "circular")

# Arguments of the functional forms, by position; the modules' attributes have the same names.
ARGUMENTS = {
    **dict.fromkeys(
        CONVOLUTION, ("input", "weight", "bias", "stride", "padding", "dilation", "groups", "padding_mode")
    ),
    **dict.fromkeys(LINEAR, ("input", "weight")),
    **dict.fromkeys(
        ("maxpool1d", "maxpool2d"),
        ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    ),
    **dict.fromkeys(("avgpool1d", "avgpool2d"), ("input", "kernel_size", "stride", "padding", "ceil_mode")),
    **dict.fromkeys(ADAPTIVE, ("input", "output_size", "return_indices")),
    "softmax": ("input", "dim"),
    "scaleddotproductattention": (
        "query",
        "key",
        "value",
        "attn_mask",
        "dropout_p",
        "is_causal",
        "scale",
        "enable_gqa",
    ),
    **dict.fromkeys(REDUCTION, ("input", "dim", "keepdim")),
    **dict.fromkeys(ZERO_PADDING, ("input", "padding", "value")),
    "pad": ("input", "padding", "mode", "value"),
    "interpolate": ("input", "size", "scale_factor", "mode"),
    "upsample": ("input", "size", "scale_factor", "mode"),
}


def operation_of(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """One name for an operation as module, function or method: MaxPool2d and max_pool2d are both maxpool2d."""
    if node.op == "call_module":
        names = [cls.__name__.lower() for cls in type(modules[node.target]).__mro__]
        return next((name for name in names if name in KNOWN), names[0])
    name = node.target if isinstance(node.target, str) else node.target.__name__.split(".")[0]  # aten's have overloads
    return name.replace("_", "").lower()


def where(node: fx.Node) -> str:
    """The path of the module in which an operation happens."""
    stack = node.meta.get("nn_module_stack") or {"": ("", type(None))}
    path, kind = list(stack.values())[-1]
    kind = kind.rpartition(".")[2] if isinstance(kind, str) else kind.__name__
    return f"module {path} ({kind})" if path else "the network's own forward"


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def attribute(module: nn.Module, path: str):
    for name in path.split("."):
        module = getattr(module, name)
    return module


def settings_of(node: fx.Node, modules: dict[str, nn.Module], operation: str, args, kwargs) -> dict:
    names = ARGUMENTS.get(operation, ("input", "value"))
    if node.op == "call_module":
        module = modules[node.target]
        return {name: getattr(module, name) for name in names if hasattr(module, name)}
    return dict(zip(names, args, strict=False)) | kwargs if operation in ARGUMENTS else {}


def pair(value, rank: int, fill: int) -> tuple[int, int]:
    """A setting as (height, width); one-dimensional layers have height 1."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * rank
    values = values * rank if len(values) == 1 else values
    return (fill, *values) if rank == 1 else values


def padding_of(value, rank: int, kernel, dilation) -> tuple[int, int, int, int]:
    """Top, bottom, left, right."""
    if value == "same":
        total = [dilation[axis] * (kernel[2 + axis] - 1) for axis in (0, 1)]
        return (total[0] // 2, total[0] - total[0] // 2, total[1] // 2, total[1] - total[1] // 2)
    y, x = pair(0 if value == "valid" else value, rank, 0)
    return (y, y, x, x)
