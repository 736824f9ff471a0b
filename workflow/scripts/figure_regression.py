"""How well each encoding predicts the accuracy drop: the paper's Table 3 as a figure, from tables/regression.csv.

Random folds and the mean over the eight regressors, as in the paper; beside the encodings, what they reach with the
metrics that the study has and the paper does not, and what a model reaches that knows only the size of the graph, the
mean layer density, or which architecture and data set it is looking at.
"""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from sparse_topology.analysis.design import SCENARIOS
from sparse_topology.figures import MARKERS, broken, legend_below, markers, nothing, panels, save
from sparse_topology.files import read_table
from sparse_topology.job import job
from sparse_topology.words import GREY, colours, in_order, printed

BASELINES = {
    "graph_size": "nodes and edges only",
    "layer_density": "Layer-Density only",
    "architecture_dataset": "architecture and data set only",
    "architecture_dataset_sparsity": "architecture, data set and sparsity only",
}

LEAST = -0.5  # where the axis of R² ends: a score below says that least squares extrapolated, not how far
FURTHER = "_further"  # what the model of an encoding ends with that has the study's own metrics as well


def paper_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in the paper's form, each with a `model`: an encoding, or one of the BASELINES."""
    rows = table[(table["folds"] == "random") & (table["regressor"] == "mean")]
    rows = rows[rows[["adjusted_r2", "mae"]].notna().any(axis=1)]
    model = rows["encoding"].where(rows["features"] == "topometrics", rows["features"])
    model = model.mask(rows["features"] == "topometrics_further", rows["encoding"] + FURTHER)
    return rows.assign(model=model, value=rows["value"].astype(str))


def models_of(rows: pd.DataFrame) -> dict:
    """{model: (colour, marker)}: encodings in colour, baselines in grey (and hollow)."""
    encodings = in_order(rows.loc[rows["features"].str.startswith("topometrics"), "encoding"])
    colour, marker = colours(encodings), markers(encodings)
    looks = {e: (colour[e], marker[e]) for e in encodings}
    looks |= {e + FURTHER: looks[e] for e in encodings if e + FURTHER in set(rows["model"])}
    hollow = zip(BASELINES, MARKERS.values(), strict=False)
    return looks | {b: (GREY, m) for b, m in hollow if b in set(rows["model"])}


def label(model: str) -> str:
    if model.endswith(FURTHER):
        return f"{printed(model.removesuffix(FURTHER))} + further"
    return BASELINES.get(model, model)


def draw(axis, rows: pd.DataFrame, values: list[str], looks: dict, score: str) -> dict:
    """Points with 95 % intervals, the models side by side; returns {model: handle}. R² below LEAST is an arrow at the
    axis's end with its value."""
    handles = {}
    for k, (model, (colour, marker)) in enumerate(looks.items()):
        part = rows[rows["model"] == model].drop_duplicates("value")
        if part.empty:
            continue
        x = [values.index(v) + (k - (len(looks) - 1) / 2) * 0.8 / len(looks) for v in part["value"]]
        y = part[score]
        errors, beyond = None, []
        if score == "adjusted_r2":
            errors = [(y - part["adjusted_r2_low"]).clip(lower=0), (part["adjusted_r2_high"] - y).clip(lower=0)]
            beyond = [(place, value) for place, value in zip(x, y, strict=True) if value < LEAST]
            y = y.where(y >= LEAST)
        fill = "white" if model in BASELINES or model.endswith(FURTHER) else colour
        handles[model] = axis.errorbar(
            x, y, errors, color=colour, marker=marker, linestyle="none", elinewidth=0.6, mfc=fill, mew=0.6
        )
        for place, value in beyond:
            axis.plot(place, LEAST, "v", color=colour, mfc=fill, mew=0.6, clip_on=False)
            told = f"{value:.3g}".replace("-", "−")
            axis.annotate(
                told, (place, LEAST), (0, 3.5), textcoords="offset points", ha="center", size=4.5, rotation=90
            )
    axis.set_xlim(-0.5, len(values) - 0.5)
    axis.set_xticks(range(len(values)), [broken(printed(v)) for v in values])
    axis.yaxis.set_major_locator(MaxNLocator(5))
    axis.grid(axis="x", visible=False)
    axis.tick_params(axis="x", length=0)
    for edge in range(1, len(values)):
        axis.axvline(edge - 0.5, color="#e4e4e4", linewidth=0.4)
    return handles


def regression_figure(table: pd.DataFrame):
    rows = paper_rows(table)
    if rows.empty:
        return nothing("Too few networks for a regression of the accuracy drop.")
    looks = models_of(rows)
    figure, axes = panels(2, 2, 1.5, sharey="row")
    handles = {}
    for j, scenario in enumerate(SCENARIOS):
        part = rows[rows["scenario"] == scenario]
        found = set(part["value"])
        values = sorted(found, key=float) if scenario == "sparsity_fixed" else in_order(found)
        if not values:  # too few networks in each pool of this scenario
            axes[0, j].set_visible(False)
            axes[1, j].set_visible(False)
            continue
        axes[0, j].set_title(printed(scenario))
        for i, score in enumerate(["adjusted_r2", "mae"]):
            handles |= draw(axes[i, j], part, values, looks, score)
    # With nearly as many features as networks the scores run away: far below 0, or errors that exceed any drop.
    low, high = axes[0, 0].get_ylim()
    axes[0, 0].set_ylim(LEAST if rows["adjusted_r2"].min() < LEAST else max(low, LEAST), min(high, 1.04))
    if rows["mae"].max() > 1:
        axes[1, 0].set_yscale("log")
    else:
        axes[1, 0].set_ylim(bottom=0.0)
    axes[0, 0].set_ylabel("adjusted R²")
    axes[1, 0].set_ylabel("mean absolute error")
    order = [model for model in looks if model in handles]
    legend_below(figure, [handles[m] for m in order], [label(m) for m in order], 3)
    return figure


def main(table, output) -> None:
    save(regression_figure(read_table(table)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input[0], snakemake.output[0])
