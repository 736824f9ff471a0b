"""Training of a network whose mask changes on the way: the step with its updates, and the job around it.

An update follows a whole SGD step. On a GPU the step is a recorded graph, and the update runs between two replays: it
changes mask, values and velocity where they lie, so that the next replay sees them.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from sparse_topology.job import job
from sparse_topology.pruning.layer_densities import Shapes, erk_densities, largest_remainder, random_subsets
from sparse_topology.pruning.masks import Masks, density, kept_round, prunable, split, stream
from sparse_topology.training.checkpoint import CHECKPOINT_SECONDS, Checkpoint, settings_key
from sparse_topology.training.inputs import Data, network, open_data
from sparse_topology.training.ranking import Ranking, exchanged, sent
from sparse_topology.training.record import write_network
from sparse_topology.training.step import Step, train, unflattened


class DynamicStep(Step):
    """A training step after some of which the mask is renewed; a subclass says how, in `renewed`.

    masks: bool array of every prunable weight, what the training starts with. updates: {step t: rate}; steps count from
    1 through the whole training. word: names the streams of random numbers, together with cfg["seed"].
    """

    keeps_velocity = False  # whether a weight that returns goes on with the velocity it has gathered meanwhile

    def __init__(
        self, model: nn.Module, data: Data, masks: Masks, cfg: dict, updates: dict[int, float], word: str
    ) -> None:
        super().__init__(model, data.images, data.labels, data.facts, masks, cfg)
        device, self.first_masks, self.seed, self.word = self.values.device, masks, cfg["seed"], word
        self.updates = updates
        self.numbers = {t: number for number, t in enumerate(updates)}
        self.sizes = np.array([mask.size for mask in masks.values()])
        self.ranking = Ranking(self.sizes, stream(self.seed, f"{word} ties"), device)
        indices = unflattened(torch.arange(len(self.values)), self.shapes, self.values.is_cuda)
        where = dict(zip(self.names, indices, strict=True))
        self.place = torch.cat([where[name].reshape(-1) for name in masks]).to(device)  # in `values`, module order
        self.explored = self.kept()
        self.table = torch.zeros(len(updates), len(masks) + 2, dtype=torch.int64, device=device)
        self.steps, self.counter = 0, torch.zeros((), dtype=torch.int64, device=device)

    def renewed(self, number: int, rate: float) -> Tensor:
        """The mask, bool [N], after update `number` (from 0) at this rate; nothing is changed yet."""
        raise NotImplementedError

    def kept(self) -> Tensor:
        """The mask of the N prunable weights, bool, in module order."""
        return self.mask[self.place] > 0

    def magnitude(self) -> Tensor:
        """|w| of the N prunable weights, in module order."""
        return self.values[self.place].abs()

    def random(self, number: int) -> Tensor:
        """Update `number`'s own uniform number for each prunable weight: float32 [N]. Torch's generator is untouched,
        so images come in the order in which a fixed mask sees them."""
        draws = stream(self.seed, f"{self.word} {number}").random(len(self.place), dtype=np.float32)
        return sent(draws, self.place.device)

    @torch.no_grad()
    def renew(self, number: int, rate: float) -> None:
        """Take the renewed mask: what it drops becomes 0, what it adds starts at value 0 and velocity 0."""
        before, keep = self.kept(), self.renewed(number, rate)
        new = keep & ~before
        self.mask[self.place] = keep.float()
        self.values[self.place] *= keep
        if not self.keeps_velocity:
            self.velocity[self.place] *= ~new
        self.explored |= keep
        self.table[number] = torch.cat([self.ranking.counts(keep), torch.stack([new.sum(), self.explored.sum()])])

    def ready(self, counts: list[int]) -> dict[int, Callable[[], None]]:
        return {count: partial(self.advance, run) for count, run in super().ready(counts).items()}

    def advance(self, run: Callable[[], None]) -> None:
        run()
        self.steps += 1
        if self.steps in self.numbers:
            self.renew(self.numbers[self.steps], self.updates[self.steps])

    def state(self) -> list[Tensor]:
        self.counter.fill_(self.steps)
        return [*super().state(), self.mask, self.explored, self.table, self.counter]

    def restore(self, values: list[Tensor]) -> None:
        super().restore(values)
        self.steps = int(self.counter)

    def masks(self) -> Masks:
        """The present mask on the host."""
        return split(self.kept().cpu().numpy(), self.first_masks)

    def history(self) -> dict:
        """What the training record says about the mask; counts are of prunable weights.

        mask_history: the layers, the training's steps, and for every update its step, rate, kept weights by layer,
        weights that were not kept before (changed), and the share of all weights that were ever kept (explored: the
        R_s of Liu et al. 2021).
        exploration: the last of it; start_kept: share of the first mask's weights in the last one; zero_kept: kept
        weights whose value is 0.
        """
        kept, count = self.kept(), len(self.place)
        first = torch.from_numpy(np.concatenate([mask.ravel() for mask in self.first_masks.values()])).to(kept.device)
        done = [t for t in self.updates if t <= self.steps]
        rows = self.table[: len(done)].cpu().numpy()
        return {
            "mask_history": {
                "layers": [name.removesuffix(".weight") for name in self.first_masks],
                "steps": self.steps,
                "step": done,
                "rate": [self.updates[t] for t in done],
                "kept": rows[:, :-2].tolist(),
                "changed": rows[:, -2].tolist(),
                "explored": (rows[:, -1] / count).tolist(),
            },
            "exploration": self.explored.sum().item() / count,
            "start_kept": (first & kept).sum().item() / max(1, first.sum().item()),
            "zero_kept": (kept & (self.values[self.place] == 0)).sum().item(),
        }


class FixedCounts(DynamicStep):
    """The smallest weights of each layer give way to as many others of the layer, the rate being their share."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.layer_counts = [int(mask.sum()) for mask in self.first_masks.values()]

    def growth(self, number: int) -> Tensor:
        """Of the weights that are not kept, those with the largest of these values come in: float [N]."""
        raise NotImplementedError

    def renewed(self, number: int, rate: float) -> Tensor:
        counts = np.array([math.floor(rate * count + 1e-9) for count in self.layer_counts])
        exchange = sent(counts, self.place.device)
        return exchanged(self.ranking, self.kept(), self.magnitude(), exchange, self.growth(number), exchange)


class RandomGrowth(FixedCounts):
    """Any weight of the layer that is not kept may come in, with equal probability."""

    def growth(self, number: int) -> Tensor:
        return self.random(number)


def erk_start(shapes: Shapes, sparsity: float, random: np.random.Generator) -> Masks:
    """Random masks with ERK's layer densities, exactly round(N d) weights in all."""
    return _start(shapes, np.array(erk_densities(shapes, sparsity)), sparsity, random)


def uniform_start(shapes: Shapes, sparsity: float, random: np.random.Generator) -> Masks:
    """Random masks with the same density in every layer, exactly round(N d) weights in all."""
    return _start(shapes, np.full(len(shapes), float(density(sparsity))), sparsity, random)


def _start(shapes: Shapes, densities: np.ndarray, sparsity: float, random: np.random.Generator) -> Masks:
    sizes = np.array([math.prod(shape) for shape in shapes.values()])
    quotas = sizes * densities
    counts = largest_remainder(quotas, kept_round(int(sizes.sum()), sparsity), sizes)
    return random_subsets(shapes, counts, random)


def main(snakemake, word: str, start, build) -> None:
    """The job of a script sparsify_<word>.py: `train_dynamic` on the files of the rule."""
    with job(snakemake.log[0]):
        files = dict(snakemake.input.items()), dict(snakemake.output.items())
        train_dynamic(word, start, build, *files, snakemake.params.cfg, snakemake.threads, snakemake.params.code)


def train_dynamic(
    word: str,
    start: Callable[[Shapes, float, np.random.Generator], Masks],
    build: Callable[[nn.Module, Data, Masks, dict], DynamicStep],
    inputs: dict,
    outputs: dict,
    cfg: dict,
    threads: int,
    code: str = "",
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> None:
    """The whole job of a method whose mask changes during one training from the initialisation.

    start(shapes, sparsity, random): the first masks. build(model, data, masks, cfg): the step. inputs: the data set's
    arrays, info, init; outputs: mask, model, record; cfg: the training's, sparsity, and the method's options.
    """
    data = open_data(inputs, cfg, threads)
    model = network(inputs["init"], {}, data.facts, cfg, data.device)
    state = model.state_dict()
    shapes = {name: tuple(state[name].shape) for name in prunable(state)}
    masks = start(shapes, cfg["sparsity"], stream(cfg["seed"], word))
    step = build(model, data, masks, cfg)
    key = settings_key(cfg, code, data.device, [inputs["info"], inputs["init"]])
    checkpoint = Checkpoint(outputs["model"], key, checkpoint_seconds)
    resume = checkpoint.read()
    if resume:
        print(f"going on after epoch {len(resume['curve']['train_loss'])}, from {checkpoint.path.name}")
    outcome = train(step, data.test, cfg, checkpoint.save, resume)
    masks, history = step.masks(), step.history()
    changes = len(history["mask_history"]["step"])
    print(f"the mask has changed {changes} times; {history['exploration']:.2%} of the weights were kept at some time")
    about = {"stage": "sparsify", "settings": cfg, "threads": threads}
    write_network(model, masks, outcome, data, about, outputs, history)
    checkpoint.remove()
