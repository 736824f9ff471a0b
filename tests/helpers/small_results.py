"""Tables of small synthetic studies, made by the table scripts themselves: what figures and page are tested on."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import table_accuracy
import table_controls
import table_costs
import table_families
import table_importance
import table_layers
import table_mask_history
import table_paper_comparison
import table_ranking
import table_redundancy
import table_regression

from helpers.synthetic_pool import WEIGHTED, synthetic_pool
from sparse_topology.analysis.pool import LAYER_METRICS, NETWORK, TOPOMETRICS, networks, write_parquet, write_table

RESOURCES = Path(__file__).resolve().parents[2] / "workflow" / "resources"
BENCHMARK = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def synthetic_layers(pool: pd.DataFrame, count: int = 4) -> pd.DataFrame:
    """`count` layers per network of the pool; the second has no Ramanujan value."""
    rng = np.random.default_rng(5)
    rows = networks(pool)[NETWORK].merge(pd.DataFrame({"layer_id": range(count)}), how="cross")
    rows["layer"] = "layer" + rows["layer_id"].astype(str)
    rows["weights"], rows["kept"] = 100, 40
    for name in LAYER_METRICS:
        rows[name] = rng.random(len(rows)) - 0.1
    rows.loc[rows["layer_id"] == 1, LAYER_METRICS[1:]] = np.nan
    return rows


def synthetic_history(pool: pd.DataFrame, count: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """mask_history and exploration of the pool's dynamic networks: `set` keeps its layer densities, the others double
    that of their first layer."""
    rows, summary = [], []
    for network in networks(pool[pool["family"] == "dynamic"])[NETWORK].to_dict("records"):
        for step, layer in product((0, 10, 20), range(count)):
            factor = 1 + step / 20 if layer == 0 and network["pruning"] != "set" else 1
            where = {"step": step, "progress": step / 40, "layer_id": layer, "layer": f"layer{layer}"}
            rows.append(network | where | {"density": 0.1 * (layer + 1) * factor})
        tried = 0.3 if network["pruning"] == "set" else 0.4
        values = {"updates": 3, "changed": 0.5, "exploration": tried, "start_kept": 0.6, "zero_kept": 0.0}
        summary.append(network | values)
    history = pd.DataFrame(rows, columns=table_mask_history.HISTORY)
    return history, pd.DataFrame(summary, columns=table_mask_history.EXPLORATION)


def pool_of(kind: str) -> pd.DataFrame:
    """Pools that a study can end with."""
    few = {"architectures": ("conv_small",), "sparsities": (0.6, 0.9)}
    match kind:
        case "paper":
            cells = {"architectures": ("conv6", "resnet20"), "sparsities": (0.6, 0.9), "seeds": (0, 1)}
            return synthetic_pool(datasets=("cifar10",), **cells)
        case "every way":
            words = ("snip", "er", "erk", "set", "rigl", "gmp", "snip_shuffled", "erk_reinit")
            cells = {"architectures": ("conv6", "resnet20"), "sparsities": (0.9, 0.95), "seeds": (0, 1, 2)}
            return synthetic_pool(datasets=("cifar10", "cifar100"), **cells, encodings=("mge",), pruning=words)
        case "few networks":
            return synthetic_pool(**few)
        case "one sparsity":
            return synthetic_pool(sparsities=(0.9,))
        case "one network":
            return synthetic_pool(architectures=("conv6",), sparsities=(0.9,), pruning=("snip",))
        case "one encoding":
            return synthetic_pool(**few, encodings=("rolled",))
        case "words of the user":
            pool = synthetic_pool(datasets=("my_images",), architectures=("my_net",), pruning=("snip", "my_pruning"))
            return pool.assign(my_metric=pool["sink"] ** 2, raw_my_metric=pool["sink"])
        case "metric missing":
            return synthetic_pool(**few).assign(sink=np.nan, raw_sink=np.nan, delta_r=np.nan, lambda_imsg=np.nan)
        case "no topometrics":
            pool = synthetic_pool(**few)
            return pool.assign(**{name: np.nan for name in pool.columns if name in TOPOMETRICS or name[:4] == "raw_"})
        case "all collapsed":
            return synthetic_pool(**few).assign(accuracy=np.nan, drop=np.nan, collapsed=True)
        case "at chance":
            return synthetic_pool(**few).assign(accuracy=0.1, drop=1 - 0.1 / 0.95)
        case "empty":
            return synthetic_pool().iloc[:0]
    raise ValueError(kind)


def write_results(folder: Path, pool: pd.DataFrame) -> Path:
    """The pool and all tables of a study in `folder`, as the workflow lays them out."""
    tables = folder / "tables"
    tables.mkdir(parents=True)
    pool_path, layers = folder / "topometrics.parquet", folder / "layers.parquet"
    write_parquet(pool, pool_path)
    write_parquet(synthetic_layers(pool), layers)
    table_accuracy.main(pool_path, tables / "accuracy.csv")
    table_regression.main(
        pool_path, tables / "regression.csv", tables / "predictions.csv", {"repetitions": 1, "bootstrap": 10}
    )
    table_families.main(pool_path, tables / "families.csv", {"bootstrap": 10})
    table_importance.main(pool_path, tables / "importance.csv", {"bootstrap": 10, "weighted": WEIGHTED})
    table_ranking.main(pool_path, tables / "ranking.csv", {"bootstrap": 5, "missing": "last"})
    table_layers.main(layers, tables / "layers.csv", tables / "layer_correlation.csv")
    table_redundancy.main(pool_path, tables / "redundancy.csv", tables / "metric_correlation.csv")
    if (pool["family"] == "control").any():
        pairs = [["snip_shuffled", "snip"], ["erk_reinit", "erk"]]
        table_controls.main(pool_path, tables / "controls.csv", {"pairs": pairs, "bootstrap": 100})
    if (pool["family"] == "dynamic").any():
        for name, table in zip(("mask_history", "exploration"), synthetic_history(pool), strict=True):
            write_table(table, tables / f"{name}.csv")
    paper = [RESOURCES / "paper-tables.csv", RESOURCES / "paper-accuracy.csv"]
    ours = [tables / f"{name}.csv" for name in ("accuracy", "regression", "ranking", "paper_comparison")]
    table_paper_comparison.main(*paper, *ours)
    table_costs.main([write_benchmark(folder, "prune"), write_benchmark(folder, "encode")], [], tables / "costs.csv")
    return folder


def write_benchmark(folder: Path, stage: str, seconds: float = 2.5) -> str:
    path = folder / "benchmarks" / stage / "conv6" / "0.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(BENCHMARK + f"{seconds}\t0:00:02\t310.5\t1\t1\t1\t0\t0\t80\t2.0\n")
    return str(path)
