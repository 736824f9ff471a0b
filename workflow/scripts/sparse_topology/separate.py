"""Run a network with every unit for itself: normalisation does not mix units, as in the graph (paper, section 3.1)."""

from torch import Tensor
from torch.overrides import TorchFunctionMode

NORMALISATION = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm"}
NORMALISATION |= {"softmax", "log_softmax", "softmin"}
CASTS = {"float", "double", "half", "bfloat16", "to", "type", "detach"}


class Separate(TorchFunctionMode):
    """Normalisation and changes of the number format return their operand; everything else is computed as it is.

    What depends on what is then read off the derivatives: exact in float64, since a structural zero stays exactly 0.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in NORMALISATION | CASTS:
            operand = args[0] if args else kwargs.get("input")
            if isinstance(operand, Tensor) and operand.requires_grad:
                return operand
        return func(*args, **kwargs)
