"""Controls keep what they promise to keep."""

import control_shuffled
import numpy as np
from scipy import stats

from sparse_topology.pruning.masks import load_masks, save_masks, stream


def test_shuffling_keeps_layer_counts_and_spreads_each_layer_uniformly():
    masks = {"a.weight": np.zeros((2, 3, 2, 1), bool), "b.weight": np.ones((3, 2), bool)}
    masks["a.weight"][0, :2, 0, 0] = True
    hits = np.zeros((2, 3, 2, 1))
    for seed in range(2000):
        found = control_shuffled.shuffled(masks, np.random.default_rng(seed))
        assert {name: (mask.shape, mask.sum()) for name, mask in found.items()} == {
            name: (mask.shape, mask.sum()) for name, mask in masks.items()
        }
        hits += found["a.weight"]
    assert stats.chisquare(hits.ravel()).pvalue > 1e-3


def test_shuffling_follows_seed_and_word(tmp_path):
    masks = {"a.weight": np.arange(400).reshape(20, 20) % 3 == 0}
    save_masks(tmp_path / "mask.npz", masks)
    seen = []
    for seed, word in ((0, "snip_shuffled"), (0, "snip_shuffled"), (1, "snip_shuffled"), (0, "erk_shuffled")):
        control_shuffled.main(tmp_path / "mask.npz", tmp_path / "out.npz", {"seed": seed, "pruning": word})
        seen.append(load_masks(tmp_path / "out.npz")["a.weight"])
    assert (seen[0] == seen[1]).all()
    assert len({mask.tobytes() for mask in seen}) == 3
    expected = control_shuffled.shuffled(masks, stream(0, "snip_shuffled"))["a.weight"]
    assert (seen[0] == expected).all()
