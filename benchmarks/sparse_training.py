"""What changing the mask costs during training: set, rigl and itop, in per cent of an epoch.

    python benchmarks/sparse_training.py results/data/cifar10 [--architectures resnet20 conv6] [--images 50000]
        [--epochs 5] [--interval 100] [--sparsity 0.9] [--plain-epochs 2] [--output sparse_training.json]

DATA is the folder of a data set that the workflow has made; its training images are repeated up to --images. All
methods change their mask every --interval steps here, whatever their own default is, at the rate with which they start.
Beside the recorded step stands the plain loop (see benchmarks/training.py), with the update of public code bases: layer
by layer on the parameters, topk of magnitudes, topk of gradients or a random permutation.

  update     seconds of one update, the device idle before and after; median of 20
  alone      updates of an epoch times that, in per cent of the epoch with a fixed mask
  together   what the epoch takes longer with its updates than with a fixed mask, in per cent; epochs of both alternate,
             medians of --epochs. A GPU works through queued steps while the host prepares an update, so this is what a
             training pays; on epochs that vary by more than an update costs it is noise.
"""

import argparse
import json
import statistics
import sys
import time
from functools import partial
from pathlib import Path

import torch
from training import BATCH, build, on, plain_training, read

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "workflow" / "scripts"))

import sparsify_itop  # noqa: E402
import sparsify_rigl  # noqa: E402
import sparsify_set  # noqa: E402

from sparse_topology.pruning.masks import prunable, stream  # noqa: E402
from sparse_topology.training.dynamic import erk_start  # noqa: E402
from sparse_topology.training.inputs import Data  # noqa: E402
from sparse_topology.training.step import Step, batch_counts  # noqa: E402

METHODS = {"set": sparsify_set, "rigl": sparsify_rigl, "itop": sparsify_itop}
RATES = {"set": 0.3, "rigl": 0.3, "itop": 0.5}
REPEATS = 20
RECIPE = dict(batch_size=BATCH, learning_rate=0.1, momentum=0.9, weight_decay=1e-4, milestones=[], seed=0, epochs=160)


def synchronise(device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds(call, device) -> float:
    synchronise(device)
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start


def ready_step(word: str | None, content, architecture: str, arguments, device):
    """(step, its calls) of a method, or of a fixed mask without one, at the same start mask."""
    model = build(content, architecture, 0)
    state = model.state_dict()
    shapes = {name: tuple(state[name].shape) for name in prunable(state)}
    masks = erk_start(shapes, arguments.sparsity, stream(0, "set"))
    model = model.to(device, memory_format=torch.channels_last if device.type == "cuda" else torch.preserve_format)
    images, labels = (on(device, array) for array in content["train"])
    cfg = RECIPE | {"interval": arguments.interval}
    if word:
        data = Data(device, images, labels, (images, labels), content["facts"])
        step = METHODS[word].build(model.train(), data, masks, cfg)
    else:
        step = Step(model.train(), images, labels, content["facts"], masks, cfg)
    step.learning_rate.fill_(0.1)
    return step, step.ready(batch_counts(len(labels), BATCH))


def epoch(step, runs) -> None:
    step.shuffle()
    for count in batch_counts(len(step.labels), BATCH):
        runs[count]()
    step.loss.item()


def plain_update(parameters, masks, gradients, rate: float) -> None:
    """Layer by layer, in place: drop the smallest, grow by gradient, or at random where there is none."""
    for weight, mask, gradient in zip(parameters, masks, gradients, strict=True):
        flat, kept = weight.data.view(-1), mask.view(-1)
        count = int(rate * kept.sum().item())
        if count:
            scores = torch.where(kept, flat.abs(), torch.inf)
            kept[scores.topk(count, largest=False).indices] = False
            if gradient is None:
                candidates = (~kept).nonzero().view(-1)
                kept[candidates[torch.randperm(len(candidates), device=flat.device)[:count]]] = True
            else:
                kept[torch.where(kept, -1.0, gradient.view(-1).abs()).topk(count).indices] = True
            flat.mul_(kept)


def plain_update_seconds(word: str, content, architecture: str, arguments, device) -> float:
    model = build(content, architecture, 0).to(device)
    state = dict(model.named_parameters())
    shapes = {name: tuple(state[name].shape) for name in prunable(state)}
    start = erk_start(shapes, arguments.sparsity, stream(0, "set"))
    masks = [torch.from_numpy(mask).to(device) for mask in start.values()]
    parameters = [state[name] for name in start]
    gradients = [torch.randn_like(p) if word == "rigl" else None for p in parameters]
    update = partial(plain_update, parameters, masks, gradients, RATES[word])
    return statistics.median(seconds(update, device) for _ in range(REPEATS))


def measure(content, architecture: str, arguments, device) -> list[dict]:
    steps = len(batch_counts(len(content["train"][1]), BATCH))
    updates = steps / arguments.interval
    cfg = RECIPE | {"epochs": 1 + arguments.plain_epochs, "workers": arguments.workers}
    plain = statistics.median(plain_training(build(content, architecture, 0), content, cfg, device)[0][1:])
    fixed, fixed_runs = ready_step(None, content, architecture, arguments, device)
    print(
        f"{architecture}: {steps} steps an epoch, {updates:.2f} updates; plain loop {plain:.3f} s an epoch\n"
        f"  {'':6}{'epoch, s':>10}{'update, ms':>12}{'alone, %':>10}{'together, %':>13}"
        f"{'plain update, ms':>19}{'alone, % of plain':>19}",
        flush=True,
    )
    rows = []
    for word in METHODS:
        step, runs = ready_step(word, content, architecture, arguments, device)
        both = [partial(epoch, fixed, fixed_runs), partial(epoch, step, runs)]
        for call in both:
            call()
        pairs = [[seconds(call, device) for call in both] for _ in range(arguments.epochs)]
        static, dynamic = (statistics.median(side) for side in zip(*pairs, strict=True))
        one = statistics.median(seconds(partial(step.renew, 0, RATES[word]), device) for _ in range(REPEATS))
        plain_one = plain_update_seconds(word, content, architecture, arguments, device)
        row = {"method": word, "epoch": dynamic, "static_epoch": static, "update": one, "plain_update": plain_one}
        row |= {"alone": 100 * updates * one / static, "together": 100 * (dynamic / static - 1)}
        row |= {"plain_epoch": plain, "plain_alone": 100 * updates * plain_one / plain}
        rows.append(row)
        print(
            f"  {word:6}{dynamic:10.3f}{1e3 * one:12.3f}{row['alone']:10.2f}{row['together']:13.2f}"
            f"{1e3 * plain_one:19.3f}{row['plain_alone']:19.2f}",
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--architectures", nargs="+", default=["resnet20"])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--interval", type=int, default=100)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--plain-epochs", type=int, default=2)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    print(f"torch {torch.__version__}, {name}, batch {BATCH}, sparsity {arguments.sparsity}", flush=True)
    results = {"torch": torch.__version__, "device": name}
    for architecture in arguments.architectures:
        results[architecture] = measure(read(arguments.data, arguments.images), architecture, arguments, device)
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
