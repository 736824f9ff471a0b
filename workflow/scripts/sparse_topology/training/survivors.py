"""Pruning after training: the largest trained weights stay, go back to earlier values, and train again."""

import numpy as np
import torch

from sparse_topology.networks.state_dict import read_state_dict
from sparse_topology.pruning.masks import Masks, keep_largest, prunable, stream
from sparse_topology.training.checkpoint import CHECKPOINT_SECONDS, Checkpoint, settings_key
from sparse_topology.training.inputs import network, open_data
from sparse_topology.training.record import portable, write_network
from sparse_topology.training.step import Step, train


def survivors(state: dict, masks: Masks, count: int) -> Masks:
    """Of the weights that `masks` keep, the `count` with the largest magnitude in the whole network; what is pruned
    never returns. state: a state_dict of arrays."""
    return keep_largest({name: np.where(mask, np.abs(state[name]), -1.0) for name, mask in masks.items()}, count)


def train_levels(
    word: str,
    counts: list[int],
    weights: str,
    first: int,
    inputs: dict,
    outputs: dict,
    cfg: dict,
    threads: int,
    code: str = "",
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """The whole job of a method that prunes the trained dense network in levels.

    Level j keeps the counts[j] largest weights of the level before (of the dense network at first), sets them and
    BatchNorm to those of the network inputs[weights], velocity 0, and trains from epoch `first` to the end. inputs: the
    data set's arrays, info, dense, early; outputs: mask, model, record. Each level sees its images in another order.
    """
    data = open_data(inputs, cfg, threads)
    key = settings_key(cfg, code, data.device, [inputs[name] for name in ("info", "dense", weights)])
    checkpoint = Checkpoint(outputs["model"], key, checkpoint_seconds)
    trained = read_state_dict(inputs["dense"])
    masks = {name: np.ones(trained[name].shape, bool) for name in prunable(trained)}
    done = checkpoint.read() or {"level": 0, "levels": [], "masks": None, "training": None}
    for level in range(done["level"], len(counts)):
        resume = done["training"] if level == done["level"] else None
        if resume:
            masks = {name: mask.numpy() for name, mask in done["masks"].items()}
            print(f"going on in level {level + 1} after {len(resume['curve']['train_loss'])} epochs of it")
        else:
            masks = survivors(trained, masks, counts[level])
        print(f"level {level + 1} of {len(counts)}: {counts[level]} weights")
        model = network(inputs[weights], masks, data.facts, cfg, data.device)
        step = Step(model, data.images, data.labels, data.facts, masks, cfg)
        torch.manual_seed(int(stream(cfg["seed"], f"{word} {level}").integers(2**62)))
        fixed = {"level": level, "levels": done["levels"], "masks": {n: torch.from_numpy(m) for n, m in masks.items()}}
        outcome = train(
            step, data.test, cfg, lambda state, fixed=fixed: checkpoint.save(fixed | {"training": state}), resume, first
        )
        accuracy = outcome["curve"]["test_accuracy"][-1] if outcome["reason"] is None else None
        done["levels"].append({"kept": counts[level], "accuracy": accuracy, "seconds": round(outcome["seconds"], 3)})
        trained = {name: value.numpy() for name, value in portable(model).items()}
    outcome["seconds"] = sum(row["seconds"] for row in done["levels"])
    about = {"stage": "sparsify", "settings": cfg, "threads": threads}
    write_network(model, masks, outcome, data, about, outputs, {"levels": done["levels"]})
    checkpoint.remove()
