"""Methods against their controls: is it the topology, the layer densities, or the initialisation?

A control's suffix says what it lacks (`_shuffled`: the positions within the layers; `_reinit`: the initialisation that
the mask belongs to; `_static`: the movement of the mask). A pair is two networks of the same data set, architecture,
sparsity and seed. One row per control, cell and metric, and one over all cells ("all"): means of both, mean of the
differences control - reference with its bootstrap interval over pairs, and the share of pairs in which the control is
higher. `metric` is the accuracy drop (without an encoding) or a topometric as the pool has it, normalised.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import interval, resampling_weights
from sparse_topology.analysis.design import TABLE_CELL
from sparse_topology.analysis.pool import encodings, networks, read_pool, topometrics, write_table
from sparse_topology.job import job

WHERE = TABLE_CELL[:-1]
COLUMNS = ["control", "reference", *WHERE, "encoding", "metric", "pairs", "reference_mean", "control_mean"]
COLUMNS += ["difference", "low", "high", "control_higher"]


def paired(rows: pd.DataFrame, control: str, reference: str, metrics: list[str]) -> pd.DataFrame:
    """One row per pair of networks: WHERE, seed, and each metric of both as <metric>_control and <metric>_reference."""
    key = [*WHERE, "seed"]
    sides = [rows.loc[rows["pruning"] == word, [*key, *metrics]] for word in (control, reference)]
    return sides[0].merge(sides[1], on=key, suffixes=("_control", "_reference"))


def comparison(control: np.ndarray, reference: np.ndarray, bootstrap: int) -> dict:
    """The last columns of the table for pairs of values, each [n]; pairs with a missing value do not count."""
    present = np.isfinite(control) & np.isfinite(reference)
    control, reference = control[present], reference[present]
    if not len(control):
        return {"pairs": 0}
    difference = control - reference
    low, high = interval(resampling_weights(len(control), bootstrap) @ difference / len(control))
    if len(control) == 1:
        low = high = np.nan  # one pair says nothing about its own spread
    return {
        "pairs": len(control),
        "reference_mean": reference.mean(),
        "control_mean": control.mean(),
        "difference": difference.mean(),
        "low": float(low),
        "high": float(high),
        "control_higher": (difference > 0).mean(),
    }


def controls_table(pool: pd.DataFrame, pairs: list[list[str]], bootstrap: int) -> pd.DataFrame:
    measured = [("", networks(pool), ["drop"])]
    measured += [(e, pool[pool["encoding"] == e], topometrics(pool, e)) for e in encodings(pool)]
    table = []
    for control, reference in pairs:
        for encoding, rows, metrics in measured:
            both = paired(rows, control, reference, metrics)
            cells = [(dict.fromkeys(WHERE, "all"), both)]
            cells += [(dict(zip(WHERE, key, strict=True)), part) for key, part in both.groupby(WHERE, sort=True)]
            for cell, part in cells:
                for metric in metrics:
                    values = [part[f"{metric}_{side}"].to_numpy(float) for side in ("control", "reference")]
                    row = {"control": control, "reference": reference, **cell, "encoding": encoding, "metric": metric}
                    table.append(row | comparison(*values, bootstrap))
    return pd.DataFrame(table, columns=COLUMNS)


def main(pool, output, cfg: dict) -> None:
    """cfg: pairs ([control, reference]), bootstrap."""
    write_table(controls_table(read_pool(pool), cfg["pairs"], cfg["bootstrap"]), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output[0], snakemake.params.cfg)
