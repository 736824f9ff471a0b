"""From a module to a graph of operations: by torch.fx, or by torch.export where that does not look inside."""

from __future__ import annotations

import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from sparse_topology.graphs.node_map import BATCH
from sparse_topology.graphs.operations import attribute, first_line
from sparse_topology.job import InputError


class Opaque(InputError):
    """torch.fx does not see what happens here."""


def traced(module: nn.Module, input_shape: tuple[int, ...]) -> fx.Graph:
    try:
        return Tracer(input_shape).trace(module)
    except Exception as error:
        raise Opaque(f"torch.fx cannot trace {type(module).__name__}: {first_line(error)}") from error


def exported(module: nn.Module, input_shape: tuple[int, ...]) -> fx.GraphModule | None:
    """What torch.export makes of a module in eval mode, or None where it stops too."""
    try:
        program = torch.export.export(module, (torch.zeros(BATCH, *input_shape),), strict=False).module(
            check_guards=False
        )
    except Exception:  # it raises whatever the module's own code does
        return None
    program.graph.eliminate_dead_code()
    return program


def is_opaque(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Whether an operation is a function that was wrapped for torch.fx, or a module of torch with modules inside."""
    if node.op == "call_module":
        return any(True for _ in modules[node.target].children())
    return node.op == "call_function" and node.target.__module__.partition(".")[0] not in ("torch", "_operator", "math")


def refuse_unseen(module: nn.Module) -> None:
    """Refuse what a trace with torch.fx does not show, or what would be changed by it."""
    if "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks:
        raise InputError(f"the network ({type(module).__name__}) has a forward hook or a replaced forward: no rule")
    for path, part in module.named_modules():
        where = f"module {path} ({type(part).__name__})" if path else f"the network ({type(part).__name__})"
        own = dict(part.named_parameters(recurse=False))
        if any(isinstance(parameter, nn.parameter.UninitializedParameter) for parameter in own.values()):
            raise InputError(f"{where}: a lazy layer has no shape; call the network on an image before you return it")
        if isinstance(part, nn.Conv1d | nn.Conv2d | nn.Linear) and "weight" not in own:
            lists = dict(getattr(part, "parametrizations", {}))
            computed = [*lists.get("weight", ()), *part._forward_pre_hooks.values()]
            names = ", ".join(type(one).__name__ for one in computed) or "by the module itself"
            raise InputError(f"{where}: its weight is no parameter but computed ({names}); return the layer without it")


class _Sized(fx.Proxy):
    """A proxy that knows its tensor's shape: what a forward computes or decides from shapes is then numbers."""

    @property
    def shape(self):
        known = self.tracer.known(self.node)
        return fx.proxy.Attribute(self, "shape") if known is None else known.shape

    def size(self, *dim):
        known = self.tracer.known(self.node)
        arguments = "call_method", "size", (self, *dim), {}
        return self.tracer.create_proxy(*arguments) if known is None else known.size(*dim)

    def dim(self):
        known = self.tracer.known(self.node)
        return self.tracer.create_proxy("call_method", "dim", (self,), {}) if known is None else known.dim()

    @property
    def ndim(self):
        return self.dim()


class Tracer(fx.Tracer):
    """A tracer that knows the shape of a tensor when it is asked for, where torch can tell it without the values."""

    def __init__(self, input_shape: tuple[int, ...]):
        super().__init__()
        self.blank, self.plain = FakeTensorMode(allow_non_fake_inputs=True), False
        with self.blank:
            self.input = torch.empty(BATCH, *input_shape)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Sized(node, self)

    def known(self, node: fx.Node) -> torch.Tensor | None:
        """The node's tensor without its values."""
        self.plain = True
        try:
            with self.blank, torch.no_grad():
                for earlier in self.graph.nodes:
                    if "blank" not in earlier.meta:
                        earlier.meta["blank"] = self._blank(earlier.op, earlier.target, earlier)
        except Exception:  # values are needed: shapes stay symbols from there on
            return None
        finally:
            self.plain = False
        found = node.meta["blank"]
        return found if isinstance(found, torch.Tensor) else None

    def _blank(self, kind: str, target, node: fx.Node):
        """What the operation makes of tensors without values."""
        if kind == "placeholder":
            return self.input
        if kind == "get_attr":
            return attribute(self.root, target)
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda argument: argument.meta["blank"])
        if kind == "call_module":
            return self.root.get_submodule(target)(*args, **kwargs)
        return getattr(args[0], target)(*args[1:], **kwargs) if kind == "call_method" else target(*args, **kwargs)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        return attr_val if self.plain else super().getattr(attr, attr_val, parameter_proxy_cache)

    def call_module(self, m, forward, args, kwargs):
        return forward(*args, **kwargs) if self.plain else super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """A layer with a forward or a hook of its own is traced through: it need not do what torch's layer does."""
        if "forward" in vars(m) or m._forward_hooks or m._forward_pre_hooks:
            return False
        for layer in (nn.Conv1d, nn.Conv2d, nn.Linear):
            if isinstance(m, layer):
                own = [name for name in ("forward", "_conv_forward") if hasattr(layer, name)]
                return all(getattr(type(m), name) is getattr(layer, name) for name in own)
        return super().is_leaf_module(m, module_qualified_name)
