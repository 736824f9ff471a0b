"""Training of one network, dense or sparse: from its initialisation (and mask) to weights and a training record.

Paper, section 4 and Appendix B: SGD with momentum on cross-entropy, learning rate a tenth at each milestone, test
accuracy of the last epoch. An interrupted training goes on from a checkpoint beside the outputs.
"""

import hashlib
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.files import atomic, read_json, write_json
from sparse_topology.job import InputError, job
from sparse_topology.networks.architectures import load
from sparse_topology.provenance import git_state, versions
from sparse_topology.pruning.masks import kept, load_masks, prunable
from sparse_topology.training.step import Step, freeze_biases, has_path, train

CHECKPOINT_SECONDS = 30.0


def choose_device(wanted: str) -> torch.device:
    """auto: the GPU if there is one."""
    present = torch.cuda.is_available()
    if wanted == "cuda" and not present:
        raise InputError("training: device is 'cuda', but there is no usable GPU; set it to 'auto' or 'cpu'")
    return torch.device("cuda" if present and wanted != "cpu" else "cpu")


def read_arrays(images: str, labels: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """Memory-mapped (copy on write, as torch wants to be able to write) on the host, a copy on a GPU."""
    return tuple(torch.from_numpy(np.load(path, mmap_mode="c")).to(device) for path in (images, labels))


def network(init: str, masks: dict, facts: dict, cfg: dict, device: torch.device) -> nn.Module:
    """The network at its initialisation, on the device; refuses masks of another network."""
    model = load(cfg["architecture"])(
        num_classes=facts["classes"], in_channels=facts["shape"][0], **cfg["architecture_options"]
    )
    model.load_state_dict(torch.load(init, weights_only=True))
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    for name, mask in masks.items():
        if shapes.get(name) != mask.shape:
            raise InputError(f"the mask of {name} has shape {mask.shape}, the network's weight {shapes.get(name)}")
    freeze_biases(model)
    return model.to(device, memory_format=torch.channels_last if device.type == "cuda" else torch.preserve_format)


def settings_key(cfg: dict, code: str, device: torch.device, inputs: list[str]) -> str:
    """A hash of all that the result depends on; of the images, `dataset.json` holds the digests."""
    digest = hashlib.sha256(json.dumps([cfg, code, device.type, torch.__version__], sort_keys=True).encode())
    for path in inputs:
        digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
    return digest.hexdigest()[:16]


class Checkpoint:
    """The state of an unfinished training, written at most every `every` seconds beside the output.

    No output of the rule (Snakemake deletes those of a failed job), and named by `key`: after a change of a setting,
    an input or the code it is not found.
    """

    def __init__(self, output: str, key: str, every: float):
        self.folder = Path(output).parent
        self.path, self.every, self.last = self.folder / f".checkpoint-{key}.pt", every, time.monotonic()

    def read(self) -> dict | None:
        if not self.path.exists():
            return None
        return torch.load(self.path, weights_only=True, map_location="cpu")

    def save(self, done: dict) -> None:
        if time.monotonic() - self.last >= self.every:
            with atomic(self.path) as temporary:
                torch.save(done, temporary)
            self.last = time.monotonic()

    def remove(self) -> None:
        """This one, and what earlier settings left."""
        for path in self.folder.glob(".checkpoint-*"):
            path.unlink()


def main(
    inputs: dict, outputs: dict, cfg: dict, threads: int, code: str = "", checkpoint_seconds: float = CHECKPOINT_SECONDS
) -> None:
    """inputs: train_images, train_labels, test_images, test_labels, info (dataset.json), init, and mask unless dense.

    outputs: model, record. cfg: the recipe (learning_rate, momentum, weight_decay, batch_size, epochs, milestones; by
    default train_bias false and device auto), architecture, architecture_options and seed. code: the rule's code hash.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(cfg["seed"])
    device = choose_device(cfg.get("device", "auto"))
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    facts = read_json(inputs["info"])
    masks = load_masks(inputs["mask"]) if "mask" in inputs else {}
    model = network(inputs["init"], masks, facts, cfg, device)
    images, labels = read_arrays(inputs["train_images"], inputs["train_labels"], device)
    test = read_arrays(inputs["test_images"], inputs["test_labels"], device)
    step = Step(model, images, labels, facts, masks, cfg)
    connected = has_path(model, masks, facts["shape"])

    files = [inputs[name] for name in ("info", "init", "mask") if name in inputs]
    checkpoint = Checkpoint(outputs["model"], settings_key(cfg, code, device, files), checkpoint_seconds)
    resume = checkpoint.read()
    if resume:
        print(f"going on after epoch {len(resume['curve']['train_loss'])}, from {checkpoint.path.name}")
    outcome = train(step, test, cfg, checkpoint.save, resume)

    state = {
        name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in model.state_dict().items()
    }
    pruned = sum(int(state[name].numpy()[~mask].any()) for name, mask in masks.items())
    if pruned:
        raise RuntimeError(f"{pruned} layers have pruned weights that are not 0")
    weights = sum(state[name].numel() for name in prunable(state))
    curve, reason = outcome["curve"], outcome["reason"]
    accuracy = curve["test_accuracy"][-1] if reason is None else None
    if not connected:
        reason = reason or "no path from an input to an output"
    record = {
        "accuracy": accuracy,
        "collapsed": reason is not None,
        "collapse_reason": reason,
        "epochs": len(curve["train_loss"]),
        "curve": curve,
        "seconds": round(outcome["seconds"], 3),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": threads,
        "versions": versions(torch, np),
        "seed": cfg["seed"],
        "git": git_state(),
        "parameters": {"prunable": weights, "kept": kept(masks) if masks else weights},
        "settings": cfg,
    }
    with atomic(outputs["model"]) as temporary:
        torch.save(state, temporary)
    write_json(outputs["record"], record)
    checkpoint.remove()


if __name__ == "__main__":
    with job(snakemake.log[0]):
        names = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(*names, snakemake.params.cfg, snakemake.threads, snakemake.params.code)
