"""Training of one network (paper, section 4): SGD with momentum, the mask applied after every step.

The step (forward, backward, SGD, mask) is the same code everywhere. It reads and writes nothing but tensors on the
device, also for what changes from step to step (position in the epoch, learning rate), so that a GPU records it once as
a CUDA graph and then only replays it: networks this small are otherwise bound by the launching of kernels. An epoch's
images are augmented before it, all on the device.
"""

import copy
import math
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from sparse_topology.data.augmentation import Standardise, augment
from sparse_topology.separate import Separate
from sparse_topology.training.gpu import Accelerated

AUGMENTED_TOGETHER = 10_000  # images; bounds the memory of the augmentation


def unflattened(flat: Tensor, shapes: list[tuple[int, ...]], channels_last: bool) -> list[Tensor]:
    """The consecutive parts of `flat` as views of these shapes; kernels [out, in, h, w] lie there as [out, h, w, in]
    if `channels_last`."""
    views = []
    for part, shape in zip(flat.split([math.prod(shape) for shape in shapes]), shapes, strict=True):
        if channels_last and len(shape) == 4:
            views.append(part.view(shape[0], *shape[2:], shape[1]).movedim(-1, 1))
        else:
            views.append(part.view(shape))
    return views


def flattened(tensors: Iterable[Tensor], channels_last: bool) -> list[Tensor]:
    """Each as a vector: the inverse of `unflattened`, part by part."""
    return [(t.movedim(1, -1) if channels_last and t.dim() == 4 else t).flatten() for t in tensors]


class Step:
    """One training step on the device where model and images are.

    images: uint8 [n, C, H, W], labels: int64 [n]; facts: `dataset.json` (mean, std, augmentation); masks: bool array
    per weight name, or empty for a dense network. What is trained lies in one vector, `values`, of which the model's
    parameters are views from here on: so cast, SGD and mask take a few kernels, whatever the number of layers.
    """

    def __init__(self, model: nn.Module, images: Tensor, labels: Tensor, facts: dict, masks: dict, cfg: dict):
        device = images.device
        self.model, self.images, self.labels = model, images, labels
        self.standardise = Standardise(facts["mean"], facts["std"], device)
        self.shift, self.flip = facts["augmentation"]["shift"], facts["augmentation"]["flip"]
        self.momentum, self.weight_decay = cfg["momentum"], cfg["weight_decay"]
        named = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        self.names = sorted(named, key=lambda name: named[name].dim() == 1)  # kernels and matrices, then vectors
        self.shapes = [tuple(named[name].shape) for name in self.names]
        self.kernels = sum(len(shape) > 1 for shape in self.shapes)
        self.values = torch.zeros(sum(map(math.prod, self.shapes)), device=device)
        self.velocity, self.mask = torch.zeros_like(self.values), torch.ones_like(self.values)
        layout = self.shapes, self.values.is_cuda
        for name, value, keep in zip(
            self.names, unflattened(self.values, *layout), unflattened(self.mask, *layout), strict=True
        ):
            value.copy_(named[name].detach())
            named[name].data = value
            if name in masks:
                keep.copy_(torch.from_numpy(masks[name]))
        self.values.mul_(self.mask)
        self.counters = {name: b for name, b in model.named_buffers() if name.endswith("num_batches_tracked")}
        self.manner = Accelerated() if self.values.is_cuda else nullcontext()
        self.draws = torch.zeros(4, len(labels), dtype=torch.int64, device=device)
        self.epoch_images, self.epoch_labels = torch.zeros_like(images), torch.zeros_like(labels)
        self.range = torch.arange(cfg["batch_size"], device=device)
        self.cursor = torch.zeros((), dtype=torch.int64, device=device)
        self.learning_rate = torch.zeros((), device=device)
        self.loss = torch.zeros((), device=device)
        self.correct = torch.zeros((), dtype=torch.int64, device=device)

    def state(self) -> list[Tensor]:
        """All tensors that a step changes."""
        return [self.values, self.velocity, *self.model.buffers(), self.cursor, self.loss, self.correct]

    def restore(self, values: list[Tensor]) -> None:
        for tensor, value in zip(self.state(), values, strict=True):
            tensor.copy_(value)

    def shuffle(self) -> None:
        """Draw and augment a new epoch. The draws (image, corner of the crop, mirrored: int64 [4, n]) are from torch's
        generator on the host, so that every device sees the same images."""
        n, corners = len(self.labels), 2 * self.shift + 1
        mirrored = torch.randint(2, (n,)) if self.flip else torch.zeros(n, dtype=torch.int64)
        draws = [torch.randperm(n), torch.randint(corners, (n,)), torch.randint(corners, (n,)), mirrored]
        self.draws.copy_(torch.stack(draws))
        for start in range(0, n, AUGMENTED_TOGETHER):
            part = slice(start, start + AUGMENTED_TOGETHER)
            chosen, down, right, mirrored = self.draws[:, part]
            self.epoch_images[part] = augment(self.images[chosen], down, right, mirrored.bool(), self.shift)
            self.epoch_labels[part] = self.labels[chosen]
        for total in (self.cursor, self.loss, self.correct):
            total.zero_()

    def __call__(self, count: int) -> None:
        """Train on the epoch's next `count` images; add to `loss` (summed over images) and `correct`."""
        batch = self.cursor + self.range[:count]
        inputs, labels = self.standardise(self.epoch_images[batch]), self.epoch_labels[batch]
        tensors = self.tensors()
        with self.manner:
            logits = self.forward(tensors, inputs)
            loss = self.criterion(logits, labels)
            gradients = torch.autograd.grad(loss, tensors, materialize_grads=True)
        with torch.no_grad():
            self.descend(gradients)
            self.loss += loss.detach() * count
            self.correct += (logits.argmax(-1) == labels).sum()
            self.cursor += count
            if self.counters:
                torch._foreach_add_(list(self.counters.values()), 1)

    def tensors(self) -> list[Tensor]:
        """What is trained, as the network takes it: on a GPU kernels and matrices in bfloat16, cast all at once."""
        shapes, gpu = self.shapes, self.values.is_cuda
        count = sum(map(math.prod, shapes[: self.kernels]))
        kernels = self.values[:count].to(torch.bfloat16 if gpu else torch.float32)
        views = unflattened(kernels, shapes[: self.kernels], gpu)
        views += unflattened(self.values[count:], shapes[self.kernels :], gpu)
        return [view.detach().requires_grad_() for view in views]

    def forward(self, tensors: list[Tensor], inputs: Tensor) -> Tensor:
        """Logits, float32, of the network with these tensors. On a GPU the layers compute in bfloat16, channels last.

        BatchNorm counts batches one by one; here on the host, where it costs no kernel, and `counters` all together.
        """
        gpu = inputs.is_cuda
        inputs = inputs.contiguous(memory_format=torch.channels_last if gpu else torch.contiguous_format)
        named = dict(zip(self.names, tensors, strict=True))
        named |= {name: torch.zeros((), dtype=torch.int64) for name in self.counters}
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=gpu, cache_enabled=False):
            return functional_call(self.model, named, (inputs,)).float()

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels)

    def gradient(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """The gradients as one vector, laid out as `values`."""
        gradient = torch.empty_like(self.values)
        parts = gradient.split([math.prod(shape) for shape in self.shapes])
        vectors = flattened(gradients, self.values.is_cuda)
        for some in (slice(self.kernels), slice(self.kernels, None)):  # of one type each, for which it is one kernel
            if vectors[some]:
                torch._foreach_copy_(parts[some], vectors[some])
        return gradient

    def descend(self, gradients: tuple[Tensor, ...]) -> None:
        """g += weight_decay w;  v = momentum v + g;  w -= learning_rate v, as `torch.optim.SGD` has it; then mask."""
        gradient = self.gradient(gradients)
        gradient.add_(self.values, alpha=self.weight_decay)
        self.velocity.mul_(self.momentum).add_(gradient)
        self.values.addcmul_(self.velocity, self.learning_rate, value=-1).mul_(self.mask)

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


class Alive(Separate):
    """Give every unit of a layer that is not 0 a new size, so that none saturates, overflows or vanishes."""

    def __init__(self, scale: float, signs: bool, random: torch.Generator):
        super().__init__()
        self.scale, self.signs, self.random = scale, signs, random

    def __torch_function__(self, func, types, args=(), kwargs=None):
        value = super().__torch_function__(func, types, args, kwargs)
        if getattr(func, "__name__", "") not in ("conv1d", "conv2d", "linear"):
            return value
        size = self.scale * (0.5 + torch.rand(value.shape, generator=self.random, dtype=value.dtype))
        if self.signs:
            size *= torch.randint(0, 2, value.shape, generator=self.random) * 2 - 1
        known = value.detach()
        return value * torch.where(known != 0, size / known.abs(), 0)


def has_path(model: nn.Module, masks: dict, shape: list[int]) -> bool:
    """Whether any input of a network reaches any output through weights that are not masked.

    A derivative of the outputs by a blank image that is not 0 proves a path. So that none is hidden, weights are random
    and positive, biases 0, and activations are fed values at which they are not flat: small and large ones, positive
    and of both signs. masks: bool by name of a weight; what has none is not masked.
    """
    model = copy.deepcopy(model).cpu().double().eval().requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    for name, parameter in model.named_parameters():
        parameter.copy_(0.5 + torch.rand(parameter.shape, generator=random, dtype=parameter.dtype))
        if name.rpartition(".")[2] == "bias":
            parameter.zero_()
        if name in masks:
            parameter.mul_(torch.from_numpy(masks[name]))
    image = torch.ones(2, *shape, dtype=torch.float64, requires_grad=True)
    for scale, signs in ((0.3, False), (3.0, False), (0.3, True), (3.0, True)):
        with torch.enable_grad(), Alive(scale, signs, random):
            result = model(image.clone())
        factors = 0.5 + torch.rand(result.shape, generator=random, dtype=torch.float64)
        total = (result * factors).sum()
        if total.requires_grad and torch.autograd.grad(total, image)[0].nan_to_num().any():
            return True
    return False


def finite(step: Step) -> bool:
    return bool(torch.stack([tensor.isfinite().all() for tensor in step.state()]).all())


def train(
    step: Step,
    test: tuple[Tensor, Tensor],
    cfg: dict,
    save: Callable = lambda done: None,
    resume: dict | None = None,
    first: int = 0,
) -> dict:
    """Train from epoch `first` to the last of cfg["epochs"]; return curves, seconds and the reason of a collapse.

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
    for epoch in range(first + len(curve["train_loss"]), cfg["epochs"]):
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
