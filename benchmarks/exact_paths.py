"""Does the topology of masks add to their layer densities? Exact path counts against sums of log densities.

    python benchmarks/exact_paths.py masks IMAGES_FOLDER OUT.csv [--architectures resnet20 conv6] [--pruning snip ...]
    python benchmarks/exact_paths.py compare OUT.csv results/published

`masks` prunes networks at initialisation on a folder of images (train/<class>/*, test/<class>/*), at the paper's
sparsities, and appends one row per network: `log_density_sum`, sum over layers of ln((kept + 1) / (weights +
1)); `ln_paths`, of the unrolled graph; `ln_paths_shuffled`, the same with every layer's mask permuted at random (same
densities, no topology); `ln_path_kernel_trace`; `live_edge_share` and `live_channels`. `compare` ranks the algorithms
of a cell by each of them and compares with the published accuracy drops of the same cells (CIFAR-10).
"""

import argparse
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.append(str(REPOSITORY / "workflow" / "scripts"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

SPARSITIES = (0.6, 0.8, 0.9, 0.95, 0.98)
TASK = ["architecture", "sparsity"]


def prune(word: str, data: Path, init: Path, mask: Path, cfg: dict) -> None:
    import prune_er
    import prune_erk
    import prune_grasp
    import prune_prospr
    import prune_snip
    import prune_synflow
    import prune_uniform

    arrays = data / "train_images.npy", data / "train_labels.npy", data / "dataset.json"
    scored = {"snip": prune_snip, "grasp": prune_grasp, "prospr": prune_prospr}
    if word in scored:
        scored[word].main(*arrays, init, mask, cfg)
    elif word == "synflow":
        prune_synflow.main(data / "dataset.json", init, mask, cfg)
    else:
        {"uniform": prune_uniform, "er": prune_er, "erk": prune_erk}[word].main(init, mask, cfg)


def measured(module, geometry, masks: dict[str, np.ndarray]) -> dict[str, float]:
    """What `compare` ranks by, of one network."""
    import metric_paths

    from sparse_topology.graphs import geometry as shape

    weights = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items() if name in masks}
    rng = np.random.default_rng(0)
    shuffled = {name: rng.permutation(mask.ravel()).reshape(mask.shape) for name, mask in masks.items()}
    graph = shape.encode(geometry, weights, masks)
    values = metric_paths.structured(graph, {})
    control = metric_paths.structured(shape.encode(geometry, weights, shuffled), {})
    number = {name: value if isinstance(value, int | float) else -np.inf for name, value in values.items()}
    return {
        "log_density_sum": sum(np.log((mask.sum() + 1) / (mask.size + 1)) for mask in masks.values()),
        "ln_paths": number["ln_paths"],
        "ln_paths_shuffled": control["ln_paths"] if isinstance(control["ln_paths"], float) else -np.inf,
        "ln_path_kernel_trace": number["ln_path_kernel_trace"],
        "live_edge_share": values["live_edges"] / graph.edge_count,
        "live_channels": values["live_channels"],
    }


def make(images: Path, output: Path, names: list[str], pruning: list[str], shortcuts: str, seed: int) -> None:
    import dataset_folder
    import init
    import torch

    from sparse_topology.files import read_json
    from sparse_topology.graphs import trace

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        dataset_folder.main(data, {"path": str(images)})
        facts = read_json(data / "dataset.json")
        for name in names:
            module = init.initialise(name, {}, facts["classes"], facts["shape"], seed)
            torch.save(module.state_dict(), data / "init.pt")
            geometry = trace.trace(module, facts["shape"], shortcuts)
            for word in pruning:
                for sparsity in SPARSITIES:
                    cfg = {"architecture": name, "architecture_options": {}, "sparsity": sparsity, "seed": seed}
                    cfg |= {"batch_size": 128, "rule": "reference", "stale_epsilon": False, "reinit": "all"}
                    prune(word, data, data / "init.pt", data / "mask.npz", cfg)
                    with np.load(data / "mask.npz") as masks:
                        row = measured(module, geometry, dict(masks))
                    row = {"architecture": name, "sparsity": sparsity, "pruning": word, "seed": seed} | row
                    pd.DataFrame([row]).to_csv(output, mode="a", header=not output.exists(), index=False)
                    print(row, flush=True)


def compare(table: Path, published: Path) -> pd.DataFrame:
    """Mean Kendall tau over cells per score, and of paired differences, with 95 % bootstrap intervals over cells."""
    from sparse_topology.analysis.bootstrap import interval, resampling_weights
    from sparse_topology.analysis.mixture import true_drop
    from sparse_topology.analysis.rankings import kendall_tau, places

    ours = pd.read_csv(table).groupby([*TASK, "pruning"]).mean(numeric_only=True).reset_index()
    drop = true_drop(pd.read_parquet(published / "topometrics.parquet")).rename("drop").reset_index()
    joined = ours.merge(drop[drop["dataset"] == "cifar10"], on=[*TASK, "pruning"])
    names = ["log_density_sum", "ln_paths", "ln_paths_shuffled", "ln_path_kernel_trace", "live_channels"]
    taus = pd.DataFrame(
        [
            {
                name: float(kendall_tau(places(-cell[name].to_numpy()), places(cell["drop"].to_numpy())))
                for name in names
            }
            for _, cell in joined.groupby(TASK)
        ]
    )
    for other in ("log_density_sum", "ln_paths_shuffled"):
        taus[f"ln_paths - {other}"] = taus["ln_paths"] - taus[other]
    low, high = interval(resampling_weights(len(taus), 10_000) @ taus.to_numpy() / len(taus))
    result = pd.DataFrame({"tau": taus.mean(), "low": low, "high": high, "cells": len(taus)})
    result["networks"] = len(joined)
    return result.round(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("masks")
    command.add_argument("images", type=Path)
    command.add_argument("output", type=Path)
    command.add_argument("--architectures", nargs="+", default=["resnet20", "conv6"])
    algorithms = ["uniform", "er", "erk", "snip", "synflow", "grasp", "prospr"]
    command.add_argument("--pruning", nargs="+", default=algorithms)
    command.add_argument("--identity-shortcuts", choices=["ignore", "edges"], default="edges")
    command.add_argument("--seed", type=int, default=0)
    command = commands.add_parser("compare")
    command.add_argument("table", type=Path)
    command.add_argument("published", type=Path)
    given = parser.parse_args()
    if given.command == "masks":
        make(given.images, given.output, given.architectures, given.pruning, given.identity_shortcuts, given.seed)
    else:
        print(compare(given.table, given.published).to_string())


if __name__ == "__main__":
    main()
