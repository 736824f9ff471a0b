"""What the algorithms that score weights share: the network at its initialisation, its weights, and their scores."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from sparse_topology.devices import chosen_device
from sparse_topology.job import InputError
from sparse_topology.networks.architectures import load
from sparse_topology.networks.initialise import load_weights
from sparse_topology.pruning.masks import density, kept_round, prunable


def device() -> torch.device:
    """A GPU if there is one. Scores are float32 proper there: no TF32, and the same numbers every time."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    return chosen_device()


def network_at(init, architecture: str, options: dict, info: dict, where: torch.device) -> nn.Module:
    """A network of its own to score on, with the weights at initialisation that will be trained."""
    model = load(architecture)(num_classes=info["classes"], in_channels=info["shape"][0], **options)
    load_weights(model, init)
    return model.to(where)


def weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """The prunable weights, in module order."""
    parameters = dict(model.named_parameters())
    return {name: parameters[name] for name in prunable(model.state_dict())}


def kept_after(step: int, total: int, sparsity: float, steps: int) -> int:
    """Weights left after round `step` of `steps`: round(N d^(step / steps)), in the end round(N d)."""
    if step == steps:
        return kept_round(total, sparsity)
    return round(total * float(density(sparsity)) ** (step / steps))


@contextmanager
def memory_for(algorithm: str, images: int) -> Iterator[None]:
    """Second-order graphs are large, and BatchNorm in training mode does not allow them to be made in parts.

    Attention is computed by its definition: torch's fused kernels have no second derivative.
    """
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    except torch.OutOfMemoryError as error:
        raise InputError(
            f"{algorithm} differentiates twice through batches of {images} images, for which the GPU's memory is too "
            "small; use a larger GPU, or none (CUDA_VISIBLE_DEVICES=)"
        ) from error


def times_weights(weights: dict[str, Tensor], gradients: Sequence[Tensor]) -> dict[str, np.ndarray]:
    """w * dL/dw of each weight, the derivative of L by the weight's mask at mask 1, as arrays on the host."""
    pairs = zip(weights.items(), gradients, strict=True)
    return {name: (weight.detach() * gradient).cpu().numpy() for (name, weight), gradient in pairs}
