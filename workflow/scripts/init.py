"""A network at initialisation: what pruning sees, and where dense and sparse training start (paper, section 4)."""

import torch

from sparse_topology.files import atomic, read_json
from sparse_topology.job import InputError, job
from sparse_topology.networks.architectures import built
from sparse_topology.networks.initialise import kaiming_, remember, seed_all
from sparse_topology.networks.linear_weights import linear_weights


def initialise(architecture: str, options: dict, classes: int, shape: list[int], seed: int) -> torch.nn.Module:
    """Build the network, try it on one blank image of `shape` [C, H, W], and draw its weights from `seed`."""
    channels, height, width = shape
    model, again = (_built(architecture, options, classes, channels, seed) for _ in range(2))
    state, other = model.state_dict(), again.state_dict()
    drawn = [key for key in state if key not in other or not _equal(state[key], other[key])]
    if drawn or len(state) != len(other):
        raise InputError(
            f"architectures: {architecture} differs whenever it is built ({', '.join(drawn[:4]) or 'its names'}): "
            "its constructor draws from a generator of its own; let it use torch's"
        )
    try:
        with torch.no_grad():
            logits = model.eval()(torch.zeros(1, channels, height, width))
    except RuntimeError as error:
        raise InputError(f"architectures: {architecture} does not take images of shape {shape}: {error}") from error
    returned = tuple(logits.shape) if isinstance(logits, torch.Tensor) else f"a {type(logits).__name__}"
    if returned != (1, classes):
        raise InputError(f"architectures: {architecture} returns {returned} for one image, not (1, {classes})")
    prunable = linear_weights(model, shape)
    torch.manual_seed(seed)
    return remember(kaiming_(model), prunable)


def _built(architecture: str, options: dict, classes: int, channels: int, seed: int) -> torch.nn.Module:
    seed_all(seed)  # for what the constructor draws and kaiming_ does not draw anew
    return built(architecture, classes, channels, options)


def _equal(one, other) -> bool:
    """Whether two entries of a state_dict are the same; those of lazy layers have no values yet."""
    if isinstance(one, torch.nn.parameter.UninitializedTensorMixin):
        return type(one) is type(other)
    if not isinstance(one, torch.Tensor):  # a module's extra state
        return one == other
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def main(info: str, output: str, cfg: dict) -> None:
    """info: dataset.json; output: model.pt; cfg: architecture, architecture_options, seed."""
    facts = read_json(info)
    model = initialise(cfg["architecture"], cfg["architecture_options"], facts["classes"], facts["shape"], cfg["seed"])
    with atomic(output) as temporary:
        torch.save(model.state_dict(), temporary)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.info, snakemake.output[0], snakemake.params.cfg)
