"""SNIP: keep the weights whose removal would change the loss of one training batch most (Lee et al. 2019).

Paper Table 6. The score of weight j is |dL/dm_j| at mask m = 1, that is |w_j dL/dw_j|, with the mean cross-entropy of
one augmented training batch, BatchNorm in training mode; the floor(N d) largest stay.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from sparse_topology.job import job
from sparse_topology.pruning.batches import Batch, fresh_batches, open_training_set
from sparse_topology.pruning.masks import keep_largest, kept_floor, save_masks, size, stream
from sparse_topology.pruning.scores import device, network_at, times_weights, weights


def snip_scores(model: nn.Module, batch: Batch) -> dict[str, np.ndarray]:
    """|w dL/dw| of every prunable weight of the model, in the mode that it is in."""
    inputs, targets = batch
    scored = weights(model)
    gradients = torch.autograd.grad(F.cross_entropy(model(inputs), targets), list(scored.values()))
    return {name: np.abs(product) for name, product in times_weights(scored, gradients).items()}


def main(train_images, train_labels, info, init, mask, cfg) -> None:
    where = device()
    images = open_training_set(train_images, train_labels, info)
    model = network_at(init, cfg["architecture"], cfg["architecture_options"], images.facts, where).train()
    (batch,) = fresh_batches(images, 1, cfg["batch_size"], stream(cfg["seed"], "snip"), where)
    scores = snip_scores(model, batch)
    save_masks(mask, keep_largest(scores, kept_floor(size(scores), cfg["sparsity"])))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        data = snakemake.input
        main(data.train_images, data.train_labels, data.info, data.init, snakemake.output.mask, snakemake.params.cfg)
