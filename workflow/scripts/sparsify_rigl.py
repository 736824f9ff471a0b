"""RigL, the rigged lottery: the smallest weights give way to those with the largest gradients (Evci et al. 2020).

Start and schedule as SET. The gradient is that of the step that the update follows, on its batch, without weight decay;
it is dense, since the mask acts on the weights and not on the gradient.
"""

import torch
from torch import Tensor, nn

from sparse_topology.pruning.masks import Masks
from sparse_topology.training import dynamic
from sparse_topology.training.dynamic import FixedCounts
from sparse_topology.training.dynamic import erk_start as start
from sparse_topology.training.inputs import Data
from sparse_topology.training.schedule import cosine, interval, training_steps


class GradientGrowth(FixedCounts):
    """Of the weights that are not kept, those with the largest |dL/dw| come in."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.last_gradient = torch.zeros_like(self.values)

    def gradient(self, gradients: tuple[Tensor, ...]) -> Tensor:
        """Kept in memory of its own: a recorded step uses that of the gradient for something else."""
        gradient = super().gradient(gradients)
        self.last_gradient.copy_(gradient)
        return gradient

    def growth(self, number: int) -> Tensor:
        return self.last_gradient[self.place].abs()


def build(model: nn.Module, data: Data, masks: Masks, cfg: dict) -> GradientGrowth:
    end = 0.75 * training_steps(len(data.labels), cfg)
    updates = cosine(interval(cfg, 100, end, "rigl"), end, cfg.get("rate", 0.3), 0.0)
    return GradientGrowth(model, data, masks, cfg, updates, "rigl")


if __name__ == "__main__":
    dynamic.main(snakemake, "rigl", start, build)
