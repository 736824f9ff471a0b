"""Which parameters of a network are weights of convolutions and linear layers: those that its graph is made of."""

import copy

import torch
from torch import nn

from sparse_topology.job import InputError
from sparse_topology.separate import Separate

LAYERS = {"conv1d", "conv2d", "linear"}


class _Noted(Separate):
    """Notes the weights that meet what depends on the network's input."""

    def __init__(self):
        super().__init__()
        self.weights: list[torch.Tensor] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in LAYERS:
            settings = dict(zip(("input", "weight"), args, strict=False)) | kwargs
            if settings["input"].requires_grad:
                self.weights.append(settings["weight"])
        return super().__torch_function__(func, types, args, kwargs)


def linear_weights(model: nn.Module, shape: list[int]) -> list[str]:
    """Names, in module order, of the parameters that convolutions and linear layers apply in evaluation mode to what
    depends on an image of `shape` [C, H, W]: as modules, as functions, or inside of torch's attention.

    They are the parameters of `graphs.trace`'s geometry, found by running the network once (which costs less than a
    trace, and changes with no rule of the trace). The network is left as it is.
    """
    model = copy.deepcopy(model).eval().requires_grad_(False)
    noted = _Noted()
    try:
        with torch.enable_grad(), noted:
            model(torch.zeros(1, *shape, requires_grad=True).clone())
    except (RuntimeError, TypeError, ValueError, AttributeError, IndexError) as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{type(model).__name__}: it cannot be differentiated by its image: {line}") from error
    return [name for name, own in model.named_parameters() if any(_same(own, weight) for weight in noted.weights)]


def _same(own: torch.Tensor, weight: torch.Tensor) -> bool:
    """Whether a weight is a parameter, a view or a copy of it."""
    if own.untyped_storage().data_ptr() == weight.untyped_storage().data_ptr():
        return True
    return own.shape == weight.shape and torch.equal(own, weight.to(own.dtype))
