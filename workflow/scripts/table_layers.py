"""Do the Ramanujan metrics say more than density? The numbers of the paper's Figure 2 and Figure 5.

layers.csv (Figure 2): every metric per layer, mean over seeds, and its share of the sum over the network's layers.
layer_correlation.csv (Figure 5): Pearson r of each Ramanujan metric with the layer density over all layers and seeds of
a (data set, architecture, sparsity, algorithm) cell; empty where fewer than three layers have a value.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.bootstrap import pearson
from sparse_topology.analysis.design import TABLE_CELL
from sparse_topology.analysis.pool import write_table
from sparse_topology.files import read_parquet
from sparse_topology.job import job


def layer_metrics(layers: pd.DataFrame) -> list[str]:
    """The columns behind those that every study has."""
    return list(layers.columns[layers.columns.get_loc("kept") + 1 :])


def layer_profile(layers: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and layer: mean over seeds of each metric, and <metric>_share = value / sum over layers."""
    metrics = layer_metrics(layers)
    means = layers.groupby([*TABLE_CELL, "layer_id", "layer"])[["weights", "kept", *metrics]].mean().reset_index()
    totals = means.groupby(TABLE_CELL)[metrics].transform("sum")
    shares = (means[metrics] / totals.where(totals != 0)).add_suffix("_share")
    return pd.concat([means, shares], axis=1)


def layer_correlation(layers: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and layer metric but the density: r with the layer density, the number of layers behind it."""
    metrics = [name for name in layer_metrics(layers) if name != "layer_density"]
    rows = []
    for key, part in layers.groupby(TABLE_CELL, sort=True):
        density = part["layer_density"].to_numpy(float)
        r = pearson(part[metrics].to_numpy(float), density)
        for name, value in zip(metrics, r, strict=True):
            counted = int(part[name].notna().sum())
            reason = "no layer has a value" if not counted else "too few layers, or no variation"
            cell = dict(zip(TABLE_CELL, key, strict=True)) | {"metric": name, "r": value, "layers": counted}
            rows.append(cell | {"note": "" if np.isfinite(value) else reason})
    return pd.DataFrame(rows, columns=[*TABLE_CELL, "metric", "r", "layers", "note"])


def main(layers, profile, correlation) -> None:
    frame = read_parquet(layers)
    write_table(layer_profile(frame), profile)
    write_table(layer_correlation(frame), correlation)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.layers, snakemake.output.profile, snakemake.output.correlation)
