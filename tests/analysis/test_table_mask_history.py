"""Mask histories as tables: densities, the thinning of long ones, networks without a history."""

import numpy as np
import pandas as pd
import table_mask_history

from sparse_topology.analysis.pool import NETWORK
from sparse_topology.files import write_json
from sparse_topology.pruning.masks import save_masks


def network(folder, word, updates, history=True):
    folder = folder / word
    folder.mkdir()
    save_masks(folder / "mask.npz", {"a.weight": np.arange(20).reshape(4, 5) < 8, "b.weight": np.ones((2, 5), bool)})
    record = {"parameters": {"kept": 18, "prunable": 30}}
    if history:
        steps = list(range(10, 10 * updates + 1, 10))
        kept = [[8 + k % 2, 10 - k % 2] for k in range(updates)]
        record["mask_history"] = {"layers": ["a", "b"], "steps": 10 * updates + 30, "step": steps, "kept": kept}
        record["mask_history"] |= {"changed": [3] * updates, "rate": [0.1] * updates, "explored": [0.7] * updates}
        record |= {"exploration": 0.7, "start_kept": 0.5, "zero_kept": 9}
    write_json(folder / "training.json", record)
    cell = {"dataset": "digits", "architecture": "conv_small", "pruning": word, "sparsity": 0.4, "seed": 0}
    return cell | {"training": str(folder / "training.json"), "mask": str(folder / "mask.npz")}


def test_tables(tmp_path):
    networks = [network(tmp_path, "rigl", 3), network(tmp_path, "imp", 0, history=False), network(tmp_path, "set", 999)]
    networks.append(network(tmp_path, "itop", 0))  # a training that ended before its first update
    table_mask_history.main(networks, tmp_path / "history.csv", tmp_path / "exploration.csv")
    history, exploration = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("history", "exploration"))
    rigl = history[history["pruning"] == "rigl"]
    assert rigl["step"].tolist() == [10, 10, 20, 20, 30, 30]
    np.testing.assert_allclose(rigl["progress"], np.repeat([1, 2, 3], 2) / 6)
    assert rigl["layer"].tolist() == ["a", "b"] * 3
    np.testing.assert_allclose(rigl["density"], [8 / 20, 1, 9 / 20, 0.9, 8 / 20, 1])
    steps = history.loc[history["pruning"] == "set", "step"].unique()
    assert len(steps) == 50
    assert (steps[0], steps[-1]) == (10, 9990)
    assert np.ptp(np.diff(steps)) <= 10
    assert exploration["pruning"].tolist() == ["rigl", "set", "itop"]
    assert exploration.iloc[0][["updates", "changed", "exploration", "start_kept", "zero_kept"]].tolist() == [
        3,
        0.5,
        0.7,
        0.5,
        0.5,
    ]
    assert set(history["pruning"]) == {"rigl", "set"}
    assert list(history.columns[:5]) == NETWORK
