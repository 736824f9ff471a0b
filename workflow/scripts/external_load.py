"""Take in a network that was trained elsewhere: the same three files that the study's own networks have.

From an architecture, an input shape and a checkpoint come the geometry of its graph, a plain state_dict and the masks;
the encode rule and all metrics then run as they do for the study.
"""

import sys
from pathlib import Path

import torch

from sparse_topology.files import atomic
from sparse_topology.graphs.dependence import check, check_classes
from sparse_topology.graphs.geometry import save
from sparse_topology.graphs.trace import trace, walk
from sparse_topology.job import InputError, job
from sparse_topology.networks.architectures import load
from sparse_topology.networks.checkpoint import load_network
from sparse_topology.pruning.masks import save_masks


def build(architecture: str, classes: int, channels: int, options: dict) -> torch.nn.Module:
    """The network of a word, or of the user's `path/to/file.py:callable`, with its own initial weights.

    The file may import what lies beside it, as if Python ran it.
    """
    if ":" in architecture:
        sys.path.insert(0, str(Path(architecture.rpartition(":")[0]).resolve().parent))
    try:
        module = load(architecture)(num_classes=classes, in_channels=channels, **options)
    except InputError:
        raise
    except Exception as error:  # the user's own code: whatever it raises is theirs to mend
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"architecture {architecture!r}, called with num_classes={classes}: {line}") from error
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"architecture {architecture!r} returns a {type(module).__name__}, not a torch.nn.Module")
    return module


def main(weights, mask, output, cfg) -> None:
    """weights: the checkpoint; mask: a file of masks or None; output: geometry, model, mask.

    cfg: architecture, architecture_options, classes, input (channels, height, width), identity_shortcuts, attention,
    and state_key where the checkpoint needs it.
    """
    module = build(cfg["architecture"], cfg["classes"], cfg["input"][0], cfg["architecture_options"])
    options = cfg["input"], cfg["identity_shortcuts"], cfg["attention"]
    parameters = trace(module, *options).parameters
    masks = load_network(weights, module, parameters, mask, cfg.get("state_key"))
    traced = walk(module, *options)  # again, with the buffers of the checkpoint
    check_classes(traced, cfg["classes"])
    geometry = traced.geometry()
    check(module, traced, geometry, masks)
    save(geometry, output["geometry"])
    with atomic(output["model"]) as temporary:
        torch.save(module.state_dict(), temporary)
    save_masks(output["mask"], masks)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input.weights,
            snakemake.input.get("mask"),
            dict(snakemake.output.items()),
            snakemake.params.cfg,
        )
