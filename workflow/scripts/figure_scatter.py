"""Every topometric of the unrolled graph against the accuracy drop, one point per network, from the pool.

The data behind the correlations of the paper's Figures 3 and 4: colour tells the sparsity, the marker the architecture.
"""

import numpy as np
import pyarrow.parquet as parquet
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sparse_topology.figures import grid_shape, legend_below, markers, nothing, panels, save
from sparse_topology.files import reading
from sparse_topology.job import job
from sparse_topology.words import by_group, in_order, printed

ENCODING = "mge"
# Light to dark with the sparsity, readable in grey as well.
SEQUENCE = LinearSegmentedColormap.from_list("sparsity", ["#9ecae1", "#2171b5", "#08203f"])


def read_columns(pool) -> dict[str, np.ndarray]:
    """The pool's rows of the unrolled graph as {column: values [n]}; of the topometrics those that have a value."""
    with reading(pool, "Parquet file"):
        names = parquet.read_schema(pool).names
        metrics = [name for name in names if f"raw_{name}" in names]
        wanted = ["architecture", "sparsity", "drop", *metrics]
        table = parquet.read_table(pool, columns=wanted, filters=[("encoding", "==", ENCODING)])
    columns = {name: table[name].to_numpy() for name in wanted}
    empty = [name for name in metrics if not np.isfinite(columns[name].astype(float)).any()]
    return {name: values for name, values in columns.items() if name not in empty}


def scatter_figure(columns: dict[str, np.ndarray]):
    """One panel per topometric. columns: architecture [n], sparsity [n], drop [n] and the topometrics [n]."""
    metrics = by_group(set(columns) - {"architecture", "sparsity", "drop"})
    drop = columns["drop"].astype(float)
    if not metrics or not np.isfinite(drop).any():
        return nothing("No network has both a topometric and an accuracy drop.")
    sparsities, architectures = sorted(set(columns["sparsity"])), in_order(columns["architecture"])
    shade = {s: SEQUENCE(k / max(len(sparsities) - 1, 1)) for k, s in enumerate(sparsities)}
    marker = markers(architectures)
    size = 1.8 if len(drop) > 300 else 2.8
    rows, width = grid_shape(len(metrics))
    figure, axes = panels(rows, width, 1.25, sharey=True)
    for axis, metric in zip(axes.flat, metrics, strict=False):
        for architecture in architectures:
            for sparsity in sparsities:
                part = (columns["architecture"] == architecture) & (columns["sparsity"] == sparsity)
                axis.plot(
                    columns[metric][part],
                    drop[part],
                    linestyle="none",
                    marker=marker[architecture],
                    color=shade[sparsity],
                    markersize=size,
                    markeredgewidth=0,
                    alpha=0.8,
                )
        axis.set_xlabel(printed(metric), labelpad=1)
        axis.xaxis.set_major_locator(MaxNLocator(3))
        axis.ticklabel_format(axis="x", scilimits=(-2, 3), useMathText=True)
        axis.xaxis.get_offset_text().set_size(5.5)
    for axis in axes.flat[len(metrics) :]:
        axis.set_visible(False)
    for axis in axes[:, 0]:
        axis.set_ylabel("accuracy drop")
    look = {"linestyle": "none", "markeredgewidth": 0}
    handles = [Line2D([], [], color=shade[s], marker="s", **look) for s in sparsities]
    handles += [Line2D([], [], color="#555555", marker=marker[a], **look) for a in architectures]
    legend_below(figure, handles, [*(f"sparsity {s:g}" for s in sparsities), *architectures], 5)
    return figure


def main(pool, output) -> None:
    save(scatter_figure(read_columns(pool)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
