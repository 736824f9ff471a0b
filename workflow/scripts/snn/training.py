"""Training of one network (paper, section 4): SGD with momentum, the mask applied after every step.

The step (augment, forward, backward, SGD, mask) is the same code everywhere. It reads and writes nothing but tensors
on the device, also for what changes from step to step (position in the epoch, learning rate), so that a GPU records it
once as a CUDA graph and then only replays it: networks this small are otherwise bound by the launching of kernels.
"""

import copy
import math
import time
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snn.augmentation import Standardise, augment


class Step:
    """One training step on the device where model and images are.

    images: uint8 [n, C, H, W], labels: int64 [n]; facts: `dataset.json` (mean, std, augmentation); masks: bool array
    per weight name, or empty for a dense network. Which images a step takes, and how they are augmented, stands in
    `draws`, int64 [4, n], for the whole epoch (see `shuffle`).
    """

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor, facts: dict, masks: dict, cfg: dict):
        device = images.device
        self.model, self.images, self.labels = model, images, labels
        self.standardise = Standardise(facts["mean"], facts["std"], device)
        self.shift, self.flip = facts["augmentation"]["shift"], facts["augmentation"]["flip"]
        self.momentum, self.weight_decay = cfg["momentum"], cfg["weight_decay"]
        named = dict(model.named_parameters())
        self.weights = [named[name] for name in masks]
        self.masks = [torch.zeros_like(named[name]).copy_(torch.from_numpy(mask)) for name, mask in masks.items()]
        self.parameters = [parameter for parameter in named.values() if parameter.requires_grad]
        self.velocity = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.draws = torch.zeros(4, len(labels), dtype=torch.int64, device=device)
        self.range = torch.arange(cfg["batch_size"], device=device)
        self.cursor = torch.zeros((), dtype=torch.int64, device=device)
        self.learning_rate = torch.zeros((), device=device)
        self.loss = torch.zeros((), device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)
        self.apply_masks()

    def state(self) -> list[Tensor]:
        """All tensors that a step changes."""
        model = [*self.model.parameters(), *self.model.buffers()]
        return [t.detach() for t in (*model, *self.velocity, self.cursor, self.loss, self.correct)]

    def restore(self, values: list[Tensor]) -> None:
        for tensor, value in zip(self.state(), values, strict=True):
            tensor.copy_(value)

    def shuffle(self) -> None:
        """Draw a new epoch, from torch's generator on the host: every device sees the same images."""
        n, corners = len(self.labels), 2 * self.shift + 1
        mirrored = torch.randint(2, (n,)) if self.flip else torch.zeros(n, dtype=torch.int64)
        draws = [torch.randperm(n), torch.randint(corners, (n,)), torch.randint(corners, (n,)), mirrored]
        self.draws.copy_(torch.stack(draws))
        for total in (self.cursor, self.loss, self.correct):
            total.zero_()

    def __call__(self, count: int) -> None:
        """Train on the epoch's next `count` images; add to `loss` (summed over images) and `correct`."""
        chosen, down, right, mirrored = self.draws[:, self.cursor + self.range[:count]]
        pixels = augment(self.images[chosen], down, right, mirrored.bool(), self.shift)
        logits, labels = self.forward(self.standardise(pixels)), self.labels[chosen]
        loss = self.criterion(logits, labels)
        gradients = torch.autograd.grad(loss, self.parameters, materialize_grads=True)
        with torch.no_grad():
            self.descend(gradients)
            self.loss += loss.detach() * count
            self.correct += (logits.argmax(-1) == labels).sum()
            self.cursor += count

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, float32. On a GPU the layers compute in bfloat16, channels last."""
        gpu = inputs.is_cuda
        inputs = inputs.contiguous(memory_format=torch.channels_last if gpu else torch.contiguous_format)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=gpu, cache_enabled=False):
            return self.model(inputs).float()

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    def descend(self, gradients: tuple[Tensor, ...]) -> None:
        """g += weight_decay w;  v = momentum v + g;  w -= learning_rate v, as `torch.optim.SGD` has it; then mask.

        The operator is the one beneath `torch.optim.SGD(fused=True)`; building that object would import torch's
        compiler, which costs more than the training of a small network. It wants gradients laid out as the weights.
        """
        pairs = zip(self.parameters, gradients, strict=True)
        gradients = [g if g.stride() == w.stride() else torch.empty_like(w).copy_(g) for w, g in pairs]
        torch._fused_sgd_(
            self.parameters,
            gradients,
            self.velocity,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=self.learning_rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
        )
        self.apply_masks()

    @torch.no_grad()
    def apply_masks(self) -> None:
        if self.weights:
            torch._foreach_mul_(self.weights, self.masks)

    def ready(self, counts: list[int]) -> dict[int, Callable[[], None]]:
        """What to call for a step on each of these numbers of images."""
        if self.images.is_cuda:
            return {count: self.recorded(count) for count in set(counts)}
        return {count: partial(self, count) for count in set(counts)}

    def recorded(self, count: int) -> Callable[[], None]:
        """The step on `count` images as a CUDA graph; the state is left as it was."""
        before = [tensor.clone() for tensor in self.state()]
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):  # cuDNN chooses its algorithms and the allocator grows outside the recording
                self(count)
                self.restore(before)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self(count)
        self.restore(before)
        return graph.replay


def batch_counts(n: int, batch_size: int) -> list[int]:
    """Images in each step of an epoch: the last, incomplete batch is kept, unless it is a single image, of which
    BatchNorm has no variance."""
    whole, rest = divmod(n, batch_size)
    return [batch_size] * whole + [rest] * (rest > 1)


def learning_rate(epoch: int, start: float, milestones: list[int]) -> float:
    """A tenth of it after each milestone. epoch: how many are already done."""
    return start * 0.1 ** sum(epoch >= milestone for milestone in milestones)


def freeze_biases(model: nn.Module) -> None:
    """Biases of convolutions and linear layers stay at their 0; those of BatchNorm are trained."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            module.bias.requires_grad_(False)


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor, standardise: Standardise, batch: int = 1000) -> float:
    """Share of images [n, C, H, W] whose largest logit is their label's; float32, BatchNorm in inference mode."""
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=images.device)
    for start in range(0, len(labels), batch):
        part = slice(start, start + batch)
        correct += (model(standardise(images[part])).argmax(1) == labels[part]).sum()
    model.train()
    return correct.item() / len(labels)


@torch.no_grad()
def has_path(model: nn.Module, shape: list[int]) -> bool:
    """Whether any input of a network with masked weights reaches any output.

    With unmasked weights 1, biases 0 and BatchNorm the identity, all terms are non-negative: on a blank image of ones
    the logits sum to the number of weighted paths, 0 if and only if there is none (float64 holds it).
    """
    model = copy.deepcopy(model).cpu().double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()
        elif isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.copy_(module.weight != 0)
            if module.bias is not None:
                module.bias.zero_()
    return model(torch.ones(1, *shape, dtype=torch.float64)).sum().item() != 0


def finite(step: Step) -> bool:
    return bool(torch.stack([tensor.isfinite().all() for tensor in step.state()]).all())


def train(step: Step, test: tuple[Tensor, Tensor], cfg: dict, save: Callable = lambda done: None, resume=None) -> dict:
    """Train for cfg["epochs"] epochs; return curves, seconds and the reason of a collapse.

    test: images and labels, measured after every epoch (nothing is selected by it). save: called after each epoch with
    all that a later call needs as `resume` to go on as if it had never stopped. If the loss or a weight is not finite,
    training ends and the network is left as the last epoch before had it.
    """
    curve = {"train_loss": [], "train_accuracy": [], "test_accuracy": []}
    seconds, reason = 0.0, None
    if resume:
        step.restore(resume["state"])
        torch.set_rng_state(resume["random"])
        curve, seconds = resume["curve"], resume["seconds"]
    counts = batch_counts(len(step.labels), cfg["batch_size"])
    step.model.train()
    begin = time.perf_counter() - seconds
    run = step.ready(counts)
    for epoch in range(len(curve["train_loss"]), cfg["epochs"]):
        before = [tensor.clone() for tensor in step.state()]
        rate = learning_rate(epoch, cfg["learning_rate"], cfg["milestones"])
        step.learning_rate.fill_(rate)
        step.shuffle()
        for count in counts:
            run[count]()
        loss = step.loss.item() / sum(counts)
        if not (math.isfinite(loss) and finite(step)):
            reason = f"loss or weights are not finite in epoch {epoch + 1} of {cfg['epochs']}"
            step.restore(before)
            print(f"epoch {epoch + 1}/{cfg['epochs']}: {reason}")
            break
        curve["train_loss"].append(loss)
        curve["train_accuracy"].append(step.correct.item() / sum(counts))
        curve["test_accuracy"].append(accuracy(step.model, *test, step.standardise))
        seconds = time.perf_counter() - begin
        print(
            f"epoch {epoch + 1}/{cfg['epochs']}: learning rate {rate:g}, loss {loss:.4f}, "
            f"accuracy {curve['train_accuracy'][-1]:.4f}, test {curve['test_accuracy'][-1]:.4f}, {seconds:.1f} s"
        )
        save({"state": step.state(), "random": torch.get_rng_state(), "curve": curve, "seconds": seconds})
    return {"curve": curve, "seconds": time.perf_counter() - begin, "reason": reason}
