"""Training speed: our recorded step against the plain PyTorch loop, and several networks in one step.

    python benchmarks/training.py results/data/cifar10 [--architectures resnet20 wrn28_2] [--images 50000]
        [--epochs 3] [--together 4 16] [--processes 4 8] [--compile] [--parity 3 --parity-epochs 30]
        [--output training.json]

DATA is the folder of a data set that the workflow has made; for the timings its training images are repeated up to
--images. Same architecture, batch, recipe and augmentation in both. The plain loop is what public code bases do: a
DataLoader with four workers that augment PIL images, float32, `torch.optim.SGD`, one kernel launch after the other.
Ours trains with a mask of 90 % sparsity, the plain loop without one. An epoch's seconds are the median over --epochs,
after one that is not counted; recording (and compiling) comes once per training and stands apart.

--together K: K networks of one architecture side by side in the channels of one, as grouped convolutions, on the same
batches. --processes K: K networks in as many processes on one GPU, as `--resources gpu=K` runs them; start NVIDIA's MPS
first to see what it gives. --parity N: test accuracy of N seeds trained by either loop from the same initialisation.
"""

import argparse
import copy
import gc
import json
import statistics
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "workflow" / "scripts"))

from init import initialise  # noqa: E402

from sparse_topology.data.augmentation import Standardise  # noqa: E402
from sparse_topology.pruning.masks import prunable  # noqa: E402
from sparse_topology.training.step import Step, accuracy, batch_counts, freeze_biases, learning_rate, train  # noqa: E402

SPARSITY, BATCH, WORKERS = 0.9, 128, 4
# The paper's study: 105 sparse and 3 dense networks per architecture and data set; epochs times images of the three.
NETWORKS, IMAGES_SEEN = 108, 2 * 160 * 50_000 + 100 * 100_000


class PlainImages(Dataset):
    """Images as the usual pipeline holds them: PIL images, transformed one by one."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, facts: dict, training: bool):
        from torchvision import transforms

        shift, flip = facts["augmentation"]["shift"], facts["augmentation"]["flip"]
        augmentation = [transforms.RandomCrop(facts["shape"][1:], padding=shift)]
        augmentation += [transforms.RandomHorizontalFlip()] * flip
        standardise = [transforms.ToTensor(), transforms.Normalize(facts["mean"], facts["std"])]
        self.transform = transforms.Compose(augmentation * training + standardise)
        self.images, self.labels = np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, k: int):
        from PIL import Image

        return self.transform(Image.fromarray(self.images[k].squeeze())), int(self.labels[k])


def plain_training(model, data, cfg, device) -> tuple[list[float], float]:
    """The plain loop; seconds of each epoch and the test accuracy at the end."""
    loaders = [
        DataLoader(
            PlainImages(*data[part], data["facts"], part == "train"),
            batch_size=cfg["batch_size"],
            shuffle=part == "train",
            num_workers=cfg["workers"],
            pin_memory=device.type == "cuda",
        )
        for part in ("train", "test")
    ]
    freeze_biases(model.to(device))
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trainable, cfg["learning_rate"], cfg["momentum"], weight_decay=cfg["weight_decay"])
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, cfg["milestones"])
    seconds = []
    model.train()
    for _ in range(cfg["epochs"]):
        start, total = time.perf_counter(), 0.0
        for images, labels in loaders[0]:
            images, labels = images.to(device, non_blocking=True), labels.to(device, non_blocking=True)
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        schedule.step()
        seconds.append(time.perf_counter() - start)
    model.eval()
    correct = 0
    with torch.no_grad():
        for images, labels in loaders[1]:
            correct += (model(images.to(device)).argmax(1).cpu() == labels).sum().item()
    return seconds, correct / len(data["test"][1])


class TogetherLinear(nn.Module):
    """K linear layers: [B, K in] to [B, K out]. weight: [K out, in], bias: [K out]."""

    def __init__(self, layers: list[nn.Linear]):
        super().__init__()
        self.networks = len(layers)
        self.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
        self.bias = None
        if layers[0].bias is not None:
            self.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight.unflatten(0, (self.networks, -1))
        out = torch.bmm(x.unflatten(1, (self.networks, -1)).transpose(0, 1), weight.mT).transpose(0, 1).flatten(1)
        return out if self.bias is None else out + self.bias.to(out.dtype)


def together(models: list[nn.Module]) -> nn.Module:
    """One network that computes all of them: channels side by side, every convolution in K groups.

    The first convolution has one group, because all networks see the same images; a parameter is the K networks'
    parameters one below the other, so its gradients and masks are theirs.
    """
    joint, count, first = copy.deepcopy(models[0]), len(models), True
    for name, module in list(joint.named_modules()):
        peers = [model.get_submodule(name) for model in models]
        if isinstance(module, nn.Conv2d):
            module.groups, first = module.groups * (1 if first else count), False
            module.in_channels, module.out_channels = (
                module.weight.shape[1] * module.groups,
                module.out_channels * count,
            )
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.num_features *= count
        elif isinstance(module, nn.Linear):
            parent, _, last = name.rpartition(".")
            setattr(joint.get_submodule(parent), last, TogetherLinear(peers))
            continue
        else:
            continue
        for key, parameter in list(module.named_parameters(recurse=False)):
            values = torch.cat([getattr(peer, key).detach() for peer in peers])
            setattr(module, key, nn.Parameter(values, requires_grad=parameter.requires_grad))
        for key, buffer in list(module.named_buffers(recurse=False)):
            if buffer.dim():
                setattr(module, key, torch.cat([getattr(peer, key) for peer in peers]))
    return joint


class TogetherStep(Step):
    """One step of K networks on one batch; labels: [n, K]. The loss is the sum of theirs, so no gradient mixes."""

    def forward(self, tensors: list[Tensor], inputs: Tensor) -> Tensor:
        return super().forward(tensors, inputs).unflatten(1, (self.labels.shape[1], -1))

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten()) * labels.shape[1]


def random_masks(model: nn.Module, seed: int) -> dict[str, np.ndarray]:
    random, state = np.random.default_rng(seed), model.state_dict()
    return {name: random.random(state[name].shape) >= SPARSITY for name in prunable(state)}


def build(data, architecture: str, seed: int) -> nn.Module:
    model = initialise(architecture, {}, data["facts"]["classes"], data["facts"]["shape"], seed)
    freeze_biases(model)
    return model


def on(device, array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def our_step(data, architecture: str, networks: int, compiled: bool, cfg: dict, device) -> Step:
    """The step of `networks` masked networks, with images on the device."""
    models = [build(data, architecture, seed) for seed in range(networks)]
    masks = [random_masks(model, seed) for seed, model in enumerate(models)]
    joint = together(models) if networks > 1 else models[0]
    stacked = {name: np.concatenate([mask[name] for mask in masks]) for name in masks[0]}
    freeze = {name for name, p in models[0].named_parameters() if not p.requires_grad}
    for name, parameter in joint.named_parameters():
        parameter.requires_grad_(name not in freeze)
    joint = joint.to(device, memory_format=torch.channels_last if device.type == "cuda" else torch.preserve_format)
    images, labels = (on(device, array) for array in data["train"])
    if networks == 1:
        step = Step(joint, images, labels, data["facts"], stacked, cfg)
    else:
        step = TogetherStep(joint, images, labels[:, None].expand(-1, networks), data["facts"], stacked, cfg)
    if compiled:
        step.manner, step.forward = nullcontext(), torch.compile(step.forward, dynamic=False)
    return step


def our_seconds(step: Step, cfg: dict, together=lambda: None) -> tuple[list[float], float]:
    """Seconds of each epoch, and of the recording before them. together: what to wait for between the two."""
    start = time.perf_counter()
    step.model.train()
    counts = batch_counts(len(step.labels), cfg["batch_size"])
    run = step.ready(counts)
    recording, seconds = time.perf_counter() - start, []
    together()
    for epoch in range(cfg["epochs"]):
        start = time.perf_counter()
        step.learning_rate.fill_(learning_rate(epoch, cfg["learning_rate"], cfg["milestones"]))
        step.shuffle()
        for count in counts:
            run[count]()
        step.loss.item()
        seconds.append(time.perf_counter() - start)
    return seconds, recording


def one_of_many(place: tuple[Path, int], architecture: str, cfg: dict, barrier, results) -> None:
    """A process beside others: the median of its epochs' seconds, without the first, and those of its recording."""
    torch.backends.cudnn.benchmark = True
    step = our_step(read(*place), architecture, 1, False, cfg, torch.device("cuda"))
    seconds, recording = our_seconds(step, cfg, barrier.wait)
    results.put((statistics.median(seconds[1:]), recording))
    barrier.wait()  # nobody's memory goes before all have measured


def side_by_side(place: tuple[Path, int], architecture: str, count: int, cfg: dict) -> tuple[float, float]:
    """Seconds per epoch and network of `count` processes that train at the same time, and of the slowest recording.

    place: the arguments of `read`.
    """
    context = torch.multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(count), context.Queue()
    arguments = place, architecture, cfg, barrier, results
    processes = [context.Process(target=one_of_many, args=arguments) for _ in range(count)]
    for process in processes:
        process.start()
    found = [results.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    return statistics.mean(epoch for epoch, _ in found) / count, max(recording for _, recording in found)


def peak_megabytes(device) -> float | None:
    """Most GPU memory that torch's allocator held since the last call, CUDA graphs included."""
    if device.type != "cuda":
        return None
    peak = torch.cuda.max_memory_reserved() / 1e6
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return round(peak)


def timings(data, architecture: str, arguments, cfg: dict, device) -> list[dict]:
    print(f"{architecture}: seconds per epoch of {len(data['train'][1])} images and network", flush=True)
    rows = []

    def add(loop: str, networks: int, seconds: list[float], preparation: float) -> None:
        each = statistics.median(seconds[1:]) / networks
        ratio = rows[0]["seconds"] / each if rows else 1.0
        peak = peak_megabytes(device)
        rows.append(
            dict(loop=loop, networks=networks, seconds=each, ratio=ratio, preparation=preparation, peak_mb=peak)
        )
        print(
            f"  {loop:20} {networks:3} networks {each:8.3f} s  {ratio:6.2f}x  recording {preparation:5.1f} s, "
            f"peak GPU memory {peak} MB",
            flush=True,
        )

    peak_megabytes(device)
    seconds, _ = plain_training(build(data, architecture, 0), data, cfg, device)
    add("plain", 1, seconds, 0.0)
    for networks in (1, *arguments.together):
        for compiled in (False, True)[: 1 + arguments.compile]:
            step = our_step(data, architecture, networks, compiled, cfg, device)
            seconds, recording = our_seconds(step, cfg)
            del step
            add("recorded, compiled" if compiled else "recorded", networks, seconds, recording)
    for count in arguments.processes:
        seconds, recording = side_by_side((arguments.data, arguments.images), architecture, count, cfg)
        add("recorded, processes", count, [0, seconds * count], recording)
    for row in (rows[1], *rows[len(rows) - len(arguments.processes) :]):
        hours = NETWORKS * IMAGES_SEEN / len(data["train"][1]) * row["seconds"] / 3600
        print(f"  the paper's {NETWORKS * 3} networks of this architecture, {row['networks']} at a time: {hours:.1f} h")
    return rows


def parity(data, architecture: str, seeds: int, cfg: dict, device) -> dict:
    """Test accuracies of both loops, dense networks from the same initialisations."""
    found = {"plain": [], "recorded": []}
    for seed in range(seeds):
        torch.manual_seed(seed)
        found["plain"].append(plain_training(build(data, architecture, seed), data, cfg, device)[1])
        model = build(data, architecture, seed)
        model.to(device, memory_format=torch.channels_last if device.type == "cuda" else torch.preserve_format)
        torch.manual_seed(seed)
        step = Step(model, *(on(device, array) for array in data["train"]), data["facts"], {}, cfg)
        test = [on(device, array) for array in data["test"]]
        train(step, test, cfg)
        standardise = Standardise(data["facts"]["mean"], data["facts"]["std"], device)
        found["recorded"].append(accuracy(model, *test, standardise))
    print(f"{architecture}: test accuracy after {cfg['epochs']} epochs, {seeds} seeds")
    for loop, values in found.items():
        spread = statistics.stdev(values) if seeds > 1 else 0.0
        print(f"  {loop:10} {statistics.mean(values):.4f} ± {spread:.4f}  {[round(v, 4) for v in values]}", flush=True)
    return found


def read(folder: Path, images: int) -> dict:
    data = {
        part: [np.load(folder / f"{part}_{what}.npy") for what in ("images", "labels")] for part in ("train", "test")
    }
    data["facts"] = json.loads((folder / "dataset.json").read_text())
    if images:
        index = np.arange(images) % len(data["train"][1])
        data["train"] = [array[index] for array in data["train"]]
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--architectures", nargs="+", default=["resnet20", "wrn28_2"])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--together", type=int, nargs="*", default=[])
    parser.add_argument("--processes", type=int, nargs="*", default=[])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--parity", type=int, default=0)
    parser.add_argument("--parity-epochs", type=int, default=30)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    print(f"torch {torch.__version__}, {name}, batch {BATCH}", flush=True)
    results = {"torch": torch.__version__, "device": name, "timings": {}, "parity": {}}
    recipe = dict(batch_size=BATCH, learning_rate=0.1, momentum=0.9, weight_decay=1e-4, workers=arguments.workers)
    for architecture in arguments.architectures:
        decay = {"weight_decay": 5e-4} if architecture == "wrn28_2" else {}
        if arguments.epochs:
            cfg = recipe | decay | dict(epochs=1 + arguments.epochs, milestones=[])
            data = read(arguments.data, arguments.images)
            results["timings"][architecture] = timings(data, architecture, arguments, cfg, device)
        if arguments.parity:
            epochs = arguments.parity_epochs
            cfg = recipe | decay | dict(epochs=epochs, milestones=[epochs // 2, epochs * 3 // 4])
            data = read(arguments.data, 0)
            results["parity"][architecture] = parity(data, architecture, arguments.parity, cfg, device)
    if arguments.output:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
