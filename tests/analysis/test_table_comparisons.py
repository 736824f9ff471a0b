"""Comparisons with the paper's printed cells and between two pools."""

import numpy as np
import pandas as pd
import pytest
import table_paper_comparison
import table_pool_comparison

from helpers.synthetic_pool import synthetic_pool


def accuracy_row(mean, printed):
    key = {"dataset": "cifar10", "architecture": "resnet32", "sparsity": 0.98, "pruning": "snip"}
    return pd.DataFrame([key | {"accuracy_mean": mean, "printed": printed}])


def printed_row(mean):
    key = {"dataset": "CIFAR-10", "architecture": "Resnet-32", "sparsity": 0.98, "pruning": "snip"}
    return pd.DataFrame([key | {"accuracy_mean": mean, "accuracy_std": 0.1}])


@pytest.mark.parametrize(
    ("printed", "ours", "cell", "agrees"),
    [
        (80.2, 80.249, "80.2±0.1", True),
        (80.2, 80.25, "80.2±0.1", True),
        (80.2, 80.26, "80.3±0.1", False),
        (np.nan, 9.8, "*", True),
        (np.nan, 12.0, "12.0±1.0", False),
    ],
)
def test_accuracies_agree_as_printed(printed, ours, cell, agrees):
    lines = table_paper_comparison.accuracy_lines(printed_row(printed), accuracy_row(ours, cell))
    assert lines[0]["table"] == 8
    assert bool(lines[0]["agrees"]) == agrees


def test_a_cell_that_is_missing_here_is_kept_without_a_value():
    lines = table_paper_comparison.accuracy_lines(printed_row(80.2), accuracy_row(1.0, "1.0").assign(sparsity=0.5))
    assert np.isnan(lines[0]["ours"])
    assert not lines[0]["agrees"]


def test_every_difference_has_a_reason_only_where_it_differs():
    note = table_paper_comparison.difference_note
    assert note(12, "Conv-6", "Layer-Density", "0.6", False).startswith("misprint")
    assert note(12, "Conv-6", "Layer-Density", "0.6", True) == ""
    assert "normalised by its bound" in note(4, "Conv-6", "delta_r", "0.6", False)


def test_two_pools_are_compared_in_the_cells_they_share():
    first = synthetic_pool(seeds=(0, 1, 2), encodings=("mge",))
    second = first.assign(sink=first["sink"] * 2, n2=np.nan)
    second = second[second["pruning"] == "er"]
    table = table_pool_comparison.comparison_table(first, second)
    assert set(table["pruning"]) == {"er"}
    assert "n2" not in set(table["metric"])
    sink = table[table["metric"] == "sink"]
    assert sink["ratio"].to_numpy() == pytest.approx(0.5)
    assert (sink["z"] < 0).all()
    assert (sink["seeds_recomputed"] == 3).all()
