"""The look of the static figures: sizes and fonts that fit a paper's columns, and SVG files that are the same bytes
for the same data.

Text is drawn as outlines of the font that matplotlib brings along, so a figure looks the same on every machine.
"""

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sparse_topology.files import atomic
from sparse_topology.words import GREY, SHAPES, in_order, printed, shapes

COLUMN, PAGE = 3.3, 6.9  # inches: one column, and the width of a page

mpl.rcParams.update(
    {
        "font.size": 7,
        "axes.titlesize": 7,
        "axes.labelsize": 7,
        "xtick.labelsize": 6,
        "ytick.labelsize": 6,
        "legend.fontsize": 6.5,
        "legend.frameon": False,
        "axes.linewidth": 0.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#e4e4e4",
        "grid.linewidth": 0.4,
        "xtick.major.width": 0.5,
        "ytick.major.width": 0.5,
        "xtick.major.size": 2,
        "ytick.major.size": 2,
        "lines.linewidth": 0.9,
        "lines.markersize": 3,
        "figure.constrained_layout.use": True,
        "svg.fonttype": "path",
        "svg.hashsalt": "sparse-topology",
    }
)

# Correlations. Red: the drop grows with the metric; blue: it shrinks; apart with any colour-vision deficiency.
CORRELATION = ScalarMappable(Normalize(-1, 1), "RdBu_r")

MARKERS = dict(zip(SHAPES, ["o", "s", "^", "D", "v", "P", ">"], strict=True))


def markers(words) -> dict:
    """{word: marker}, the shapes that the page has too."""
    return {word: MARKERS[shape] for word, shape in shapes(words).items()}


def panels(rows: int, columns: int, height: float, width: float = PAGE, **shared):
    """A figure of `width` inches with a grid of axes [rows, columns], each row `height` inches high, and room for a
    title and a legend."""
    figure = Figure(figsize=(width, max(rows * height + 0.4, 1.4)))
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def fitting_width(columns: int, each: float) -> float:
    """Inches for `columns` panels of `each`: from one column of a paper to the width of its page."""
    return min(PAGE, max(COLUMN, each * columns))


def over_architectures(rows: dict, architectures, height: float, draw, order, legend: tuple, **shared) -> Figure:
    """Lines against sparsity, one row of panels per entry of `rows`, {what it shows: y label}, one column per
    architecture. draw(axis, row, architecture) -> {name: handle}; order: names as the legend lists them; legend: how
    many stand side by side below a wide and below a narrow figure.
    """
    width = fitting_width(len(architectures), 1.725)
    figure, axes = panels(len(rows), len(architectures), height, width, **shared)
    handles = {}
    for i, (row, label) in enumerate(rows.items()):
        for j, architecture in enumerate(architectures):
            handles |= draw(axes[i, j], row, architecture)
            if i == 0:
                axes[i, j].set_title(printed(architecture))
        axes[i, 0].set_ylabel(label)
    for axis in axes[-1]:
        axis.set_xlabel("sparsity")
    names = [name for name in order if name in handles]
    legend_below(figure, [handles[name] for name in names], names, legend[0] if width > 5 else legend[1])
    return figure


def grid_shape(count: int, most: int = 4) -> tuple[int, int]:
    """(rows, columns) for `count` panels of which at most `most` stand side by side, rows filled evenly."""
    rows = -(-count // most)
    return rows, -(-count // rows)


def nothing(message: str, width: float = COLUMN) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = Figure(figsize=(width, 0.8))
    figure.text(0.5, 0.5, message, ha="center", va="center", color=GREY)
    return figure


def broken(label: str) -> str:
    """A long architecture's name over two lines."""
    return label.replace("Wide-", "Wide-\n")


def heatmap(axis, r: np.ndarray, rows: list[str], columns: list[str], digits: int = 2) -> None:
    """Correlations r [rows, columns] as coloured cells with their numbers; a dash where there is none."""
    for (i, j), value in np.ndenumerate(r):
        known = np.isfinite(value)
        axis.fill_between([j, j + 1], i, i + 1, color=CORRELATION.to_rgba(value) if known else "#f0f0f0", linewidth=0)
        text = f"{value:.{digits}f}".replace("-", "−") if known else "–"
        ink = "white" if known and abs(value) > 0.6 else "black"
        axis.text(j + 0.5, i + 0.52, text, ha="center", va="center", size=5.5, color=ink)
    axis.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    axis.set_xticks(np.arange(len(columns)) + 0.5, columns)
    axis.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axis.tick_params(length=0)
    axis.grid(False)
    axis.spines[:].set_visible(False)


def correlation_bar(figure: Figure, axes, label: str) -> None:
    bar = figure.colorbar(CORRELATION, ax=axes, aspect=30, pad=0.01, label=label)
    bar.outline.set_visible(False)


def legend_below(figure: Figure, handles, labels, columns: int) -> None:
    figure.legend(handles, [printed(label) for label in labels], loc="outside lower center", ncols=columns)


def save(figure: Figure, output) -> None:
    """Write the SVG without a date, so that the same data give the same bytes."""
    with atomic(output) as temporary:
        FigureCanvasSVG(figure).print_svg(temporary, metadata={"Date": None})


def first_dataset(table):
    """The rows of the data set that is printed first."""
    return table[table["dataset"] == next(iter(in_order(table["dataset"])), None)]
