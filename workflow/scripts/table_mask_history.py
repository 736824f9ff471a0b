"""How masks moved: layer densities over training, and how much of the network a method has tried.

mask_history.csv: one row per network, update and layer: `step`, `progress` (of all training steps), `density` of the
layer after the update. Of a training with more than 50 updates the 50 nearest to equal distances stand there, first and
last among them. exploration.csv: one row per network: number of updates, weights that came in over all of them
(`changed`, per kept weight), and the record's `exploration`, `start_kept` and `zero_kept` (per kept weight). A network
that has no such history (its mask is made at once) has no row.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.pool import NETWORK, write_table
from sparse_topology.files import read_arrays, read_json
from sparse_topology.job import job

UPDATES = 50
HISTORY = [*NETWORK, "step", "progress", "layer_id", "layer", "density"]
EXPLORATION = [*NETWORK, "updates", "changed", "exploration", "start_kept", "zero_kept"]


def layer_sizes(mask) -> dict[str, int]:
    """{layer: weights} of a mask file."""
    return {name.removesuffix(".weight"): array.size for name, array in read_arrays(mask).items()}


def history_rows(identity: dict, history: dict, sizes: dict[str, int]) -> list[dict]:
    """Rows of mask_history.csv for one network."""
    count = len(history["step"])
    chosen = np.unique(np.linspace(0, count - 1, min(count, UPDATES)).round().astype(int)) if count else []
    return [
        identity
        | {"step": history["step"][k], "progress": history["step"][k] / history["steps"]}
        | {"layer_id": number, "layer": layer, "density": kept / sizes[layer]}
        for k in chosen
        for number, (layer, kept) in enumerate(zip(history["layers"], history["kept"][k], strict=True))
    ]


def main(networks: list[dict], history_output, exploration_output) -> None:
    """networks: records of NETWORK, training, mask."""
    rows, summary = [], []
    for network in networks:
        record, identity = read_json(network["training"]), {key: network[key] for key in NETWORK}
        if "mask_history" not in record:
            continue
        history, kept = record["mask_history"], record["parameters"]["kept"]
        rows += history_rows(identity, history, layer_sizes(network["mask"]))
        values = {"updates": len(history["step"]), "changed": sum(history["changed"]) / max(1, kept)}
        values |= {key: record[key] for key in ("exploration", "start_kept")}
        summary.append(identity | values | {"zero_kept": record["zero_kept"] / max(1, kept)})
    write_table(pd.DataFrame(rows, columns=HISTORY), history_output)
    write_table(pd.DataFrame(summary, columns=EXPLORATION), exploration_output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.params.networks, snakemake.output.history, snakemake.output.exploration)
