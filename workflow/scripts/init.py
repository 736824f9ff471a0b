"""A network at initialisation: what pruning sees, and where dense and sparse training start (paper, section 4)."""

import torch

from sparse_topology.files import atomic, read_json
from sparse_topology.job import InputError, job
from sparse_topology.networks.architectures import load
from sparse_topology.networks.initialise import kaiming_


def initialise(architecture: str, options: dict, classes: int, shape: list[int], seed: int) -> torch.nn.Module:
    """Build the network, try it on one blank image of `shape` [C, H, W], and draw its weights from `seed`."""
    channels, height, width = shape
    torch.manual_seed(seed)  # for what the constructor draws and kaiming_ does not draw anew
    model = load(architecture)(num_classes=classes, in_channels=channels, **options)
    try:
        with torch.no_grad():
            logits = model.eval()(torch.zeros(1, channels, height, width))
    except RuntimeError as error:
        raise InputError(f"architectures: {architecture} does not take images of shape {shape}: {error}") from error
    if logits.shape != (1, classes):
        raise InputError(
            f"architectures: {architecture} returns {tuple(logits.shape)} for one image, not (1, {classes})"
        )
    torch.manual_seed(seed)
    return kaiming_(model)


def main(info: str, output: str, cfg: dict) -> None:
    """info: dataset.json; output: model.pt; cfg: architecture, architecture_options, seed."""
    facts = read_json(info)
    model = initialise(cfg["architecture"], cfg["architecture_options"], facts["classes"], facts["shape"], cfg["seed"])
    with atomic(output) as temporary:
        torch.save(model.state_dict(), temporary)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.info, snakemake.output[0], snakemake.params.cfg)
