"""Run a network with every unit for itself: normalisation does not mix units, as in the graph (paper, section 3.1)."""

import types

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

NORMALISATION = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm"}
NORMALISATION |= {"log_softmax", "softmin", "normalize"}
STATISTIC = {"norm", "linalg_vector_norm", "vector_norm", "var", "std", "rsqrt"}
CASTS = {"float", "double", "half", "bfloat16", "to", "type", "detach"}


class Separate(TorchFunctionMode):
    """Normalisation and changes of the number format return their operand; everything else is computed as it is.

    What depends on what is then read off the derivatives: exact in float64, since a structural zero stays exactly 0.
    Statistics that a network normalises by itself count as constants, and so does the denominator of a softmax. values:
    whether the coefficients of an attention do, too.
    """

    def __init__(self, values: bool = False):
        super().__init__()
        self.values = values

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in NORMALISATION | CASTS:
            operand = args[0] if args else kwargs.get("input")
            if isinstance(operand, Tensor) and operand.requires_grad:
                return operand
        if name == "softmax":
            return self._softmax(func, *args, **kwargs)
        if name == "scaled_dot_product_attention":
            return self._attention(*args, **kwargs)
        if name == "multi_head_attention_forward":  # its linear layers are layers
            with self:
                return looked_into(func)(*args, **kwargs)
        result = func(*args, **kwargs)
        return result.detach() if name in STATISTIC and isinstance(result, Tensor) else result

    def _attention(
        self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
    ) -> Tensor:
        """By its definition: with one key the kernels leave a rounding error where the derivative is 0."""
        if enable_gqa:
            key, value = (part.repeat_interleave(query.shape[-3] // part.shape[-3], -3) for part in (key, value))
        scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, -torch.inf)
        elif attn_mask is not None:
            scores = scores + attn_mask
        return self._softmax(torch.softmax, scores, -1) @ value

    def _softmax(self, func, operand: Tensor, dim: int | None = None, *rest, **kwargs) -> Tensor:
        value = func(operand, dim, *rest, **kwargs).detach()
        if self.values or dim is None:
            return value if dim is not None else operand
        alone = (value > 0).sum(dim, keepdim=True) == 1  # it is 1, whatever its operand
        return value * torch.where((value > 0) & ~alone, operand - operand.detach() + 1, 1)


def looked_into(func):
    """A function of torch that a mode sees from inside: the same code, which does not ask the mode to take it whole."""
    names = func.__globals__ | {"has_torch_function": lambda *_: False}
    return types.FunctionType(func.__code__, names, func.__name__, func.__defaults__, func.__closure__)
