"""The static figures: what they show, that they fit a paper's column, and that the same data give the same bytes."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import figure_accuracy
import figure_importance
import figure_layer_correlation
import figure_layers
import figure_ranking
import figure_regression
import figure_scatter
import numpy as np
import pandas as pd
import pytest

from helpers.small_results import pool_of, write_results
from sparse_topology.figures import MARKERS, markers
from sparse_topology.words import GREY, PALETTE, SHAPES, colours, printed, shapes


def draw_all(folder: Path, output: Path) -> dict[str, Path]:
    """All figures of the study in `folder`."""
    tables = folder / "tables"
    names = ["accuracy", "regression", "importance", "ranking", "layers", "layer_correlation", "scatter"]
    figures = {name: output / f"{name}.svg" for name in names}
    figure_accuracy.main(tables / "accuracy.csv", figures["accuracy"])
    figure_regression.main(tables / "regression.csv", figures["regression"])
    figure_importance.main(tables / "importance.csv", figures["importance"])
    figure_ranking.main(tables / "ranking.csv", figures["ranking"])
    figure_layers.main(tables / "layers.csv", figures["layers"])
    figure_layer_correlation.main(tables / "layer_correlation.csv", figures["layer_correlation"])
    figure_scatter.main(folder / "topometrics.parquet", figures["scatter"])
    return figures


def texts(svg: Path) -> set[str]:
    """What is written in a figure: matplotlib notes each drawn text in a comment."""
    return {text.strip() for text in re.findall(r"<!--(.*?)-->", svg.read_text(encoding="utf-8"), re.S)}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("figures") / "study", pool_of("paper"))


@pytest.fixture(scope="module")
def figures(study):
    return draw_all(study, study / "figures")


def test_words_are_printed_names(figures):
    shown = {name: texts(svg) for name, svg in figures.items()}
    assert {"Conv-6", "ResNet-20", "SNIP", "ProsPr", "dense", "CIFAR-10", "accuracy (%)"} <= shown["accuracy"]
    assert {"sparsity 0.6", "Conv-6", "Layer-Density", "Δr", "λ imsg", "CIFAR-10"} <= shown["layers"]
    assert {"Δr imdb", "GraSP", "0.9", "r with the layer density"} <= shown["layer_correlation"]
    assert {"Sparsity-Fixed", "Architecture-Fixed", "spectral gap", "0.9"} <= shown["importance"]
    assert {"Unrolled MGE", "Rolled BGE", "adjusted R²", "Layer-Density only"} <= shown["regression"]
    assert {"Ours", "random order", "all algorithms", "layer-wise random"} <= shown["ranking"]
    assert {"sink", "motif (4)", "accuracy drop", "sparsity 0.9", "ResNet-20"} <= shown["scatter"]


def test_scores_below_the_axis_are_arrows_with_their_value(figures, study):
    table = pd.read_csv(study / "tables" / "regression.csv")
    rows = figure_regression.paper_rows(table).query("adjusted_r2 == adjusted_r2")
    low = rows[rows["adjusted_r2"] < figure_regression.LEAST]
    assert 2 < len(low) < len(rows)
    told = [f"{value:.3g}".replace("-", "−") for value in low["adjusted_r2"]]
    assert set(told) <= texts(figures["regression"])
    axes = figure_regression.regression_figure(table).axes
    assert axes[0].get_ylim()[0] == figure_regression.LEAST
    arrows = [line for axis in axes[:2] for line in axis.lines if not line.get_clip_on()]
    assert [line.get_ydata()[0] for line in arrows] == [figure_regression.LEAST] * len(low)
    points = [y for axis in axes[:2] for bars in axis.containers for y in bars[0].get_ydata()]
    assert np.isnan(points).sum() == len(low)
    assert np.nanmin(points) == rows.loc[rows["adjusted_r2"] >= figure_regression.LEAST, "adjusted_r2"].min()


def test_importance_map_shows_the_tables_numbers(figures, study):
    table = pd.read_csv(study / "tables" / "importance.csv").query("encoding == 'mge' and r.notna()")
    assert len(table) > 30
    assert {f"{r:.2f}".replace("-", "−") for r in table["r"]} <= texts(figures["importance"])


def test_scatter_has_a_marker_per_network_and_topometric(figures):
    drawn = figures["scatter"].read_text().count("<use ")
    networks, metrics = 2 * 2 * 7 * 2, 16
    assert drawn > networks * metrics


def test_figures_fit_a_paper(figures):
    for svg in figures.values():
        width = float(ElementTree.parse(svg).getroot().get("width").removesuffix("pt")) / 72
        assert 3.2 < width < 6.91, svg


def test_same_data_same_bytes_in_another_process(figures, study, tmp_path):
    """Neither the date nor the order in which Python walks through a set decides a figure."""
    folder = Path(__file__).resolve().parent
    workflow = folder.parents[1] / "workflow"
    code = "import sys, pathlib, test_figures; test_figures.draw_all(*map(pathlib.Path, sys.argv[1:]))"
    path = os.pathsep.join(map(str, [folder, folder.parent, workflow, workflow / "scripts"]))
    environment = os.environ | {"PYTHONHASHSEED": "7", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code, str(study), str(tmp_path)], env=environment, check=True)
    for name, svg in figures.items():
        assert (tmp_path / f"{name}.svg").read_bytes() == svg.read_bytes(), name


@pytest.mark.parametrize("kind", ["one network", "all collapsed", "no topometrics", "words of the user"])
def test_partial_pools_give_figures(tmp_path, kind):
    figures = draw_all(write_results(tmp_path / "study", pool_of(kind)), tmp_path)
    for svg in figures.values():
        ElementTree.parse(svg)
    shown = {name: texts(svg) for name, svg in figures.items()}
    if kind == "one network":
        assert "No topometric has a correlation with the accuracy drop." in shown["importance"]
        assert "There are not two pruning algorithms with an accuracy to rank." in shown["ranking"]
    if kind == "all collapsed":
        assert "No sparse network has an accuracy." in shown["accuracy"]
        assert "Too few networks for a regression of the accuracy drop." in shown["regression"]
    if kind == "no topometrics":
        assert "No network has both a topometric and an accuracy drop." in shown["scatter"]
    if kind == "words of the user":
        assert {"my_net", "my_pruning"} <= shown["accuracy"]
        assert "my_metric" in shown["scatter"]
        assert "Ours + further metrics" in shown["ranking"]


# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
DEFICIENCIES = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear RGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(np.clip(to_xyz @ rgb / [0.9505, 1, 1.089], 0.008856, None))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("matrix", DEFICIENCIES.values(), ids=DEFICIENCIES)
def test_colours_stay_apart_with_a_colour_vision_deficiency(matrix):
    seen = []
    for colour in PALETTE:
        seen.append(lab(np.clip(matrix @ linear(colour), 0, 1)))
    distances = [np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]]
    assert min(distances) > 10  # about four just noticeable differences


def linear(colour: str) -> np.ndarray:
    srgb = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("colour", [*PALETTE, GREY])
def test_colours_stand_out_from_white(colour):
    luminance = linear(colour) @ [0.2126, 0.7152, 0.0722]
    assert 1.05 / (luminance + 0.05) >= 3


def test_words_keep_their_colour_whatever_else_is_shown():
    assert colours(["erk", "snip", "mine"])["snip"] == colours(["snip"])["snip"]
    assert len(set(colours(["snip", "grasp", "synflow", "prospr", "uniform", "er", "erk"]).values())) == 7
    assert printed("mine") == "mine"


def test_a_word_has_one_shape_on_the_page_and_in_the_figures():
    words = ["snip", "grasp", "synflow", "prospr", "uniform", "er", "erk"]
    assert sorted(shapes(words).values()) == sorted(SHAPES)
    assert markers(["erk"]) == {"erk": MARKERS[shapes(words)["erk"]]}
