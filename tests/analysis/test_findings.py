"""The findings page: its numbers are the tables', its claims turn with them, gaps do not break it."""

import re

import findings
import numpy as np
import pandas as pd
import pytest
import rank_evaluate
import table_importance
import table_ranking
import table_redundancy
import table_regression
from conftest import REPO

from helpers.synthetic_pool import WEIGHTED, synthetic_layers, synthetic_pool
from sparse_topology.report import passages

RESOURCES = REPO / "workflow" / "resources"


@pytest.fixture(scope="module")
def tables():
    pool = synthetic_pool(datasets=("digits", "other"), sparsities=(0.6, 0.9), seeds=(0, 1), encodings=("mge",))
    names = table_redundancy.topometrics(pool, "mge")
    return {
        "regression": table_regression.regression_tables(pool, {"repetitions": 1, "bootstrap": 5})[0],
        "redundancy": pd.DataFrame(table_redundancy.redundancy_rows(pool, "mge", names)[0]),
        "importance": table_importance.importance_table(pool, WEIGHTED, 10),
        "ranking": table_ranking.ranking_table(pool, 5, "last"),
        "rank_evaluation": rank_evaluate.summary_table(
            rank_evaluate.cell_table(pool, synthetic_layers(pool), WEIGHTED, forms=())
        ),
    }


def test_page_has_a_section_per_table_and_the_tables_numbers(tables):
    page = findings.page(tables, "Title")
    assert page.startswith("# Title\n")
    assert len(re.findall("^## ", page, re.MULTILINE)) == 6
    r2 = tables["regression"].query(
        "features == 'topometrics' and folds == 'random' and regressor == 'mean' and value == 'conv_small'"
    )
    row = next(line for line in page.splitlines() if line.startswith("| Conv-small"))
    assert f" {r2['adjusted_r2'].iloc[0]:.2f} " in row
    assert "N1 (1 hop) is exactly (1 + E / N) / E" in page


def test_the_claim_about_baselines_counts_the_pools(tables):
    regression = tables["regression"].copy()
    alone = regression["features"] == "architecture_dataset"
    for score, expected in ((2.0, "exceed the topometrics in 2 of 2 pools"), (-2.0, "in 0 of 2 pools")):
        regression.loc[alone, "adjusted_r2"] = score
        assert expected in findings.text_of(findings.baselines(regression))


def test_where_each_method_fails_follows_the_table():
    record = pd.read_csv(RESOURCES / "rank-evaluation.csv", dtype={"sparsity": str})
    left_out = record["procedure"] == "leave_one_architecture_out"
    difference = left_out & (record["method"] == "paths - mixture") & (record["architecture"] == "resnet20")
    text = passages.failures(record)
    assert "the mixture (equation 5) orders better with ResNet-20 (−0.11" in text
    record.loc[difference, ["tau", "tau_low", "tau_high"]] = 0.5, 0.4, 0.6
    assert "ResNet-20 (0.50 [0.40, 0.60])" in passages.failures(record)
    assert "the mixture (equation 5) orders better" not in passages.failures(record)
    worst = left_out & (record["method"] == "paths") & (record["sparsity"] == "0.95")
    record.loc[worst, ["tau", "lost_points"]] = -0.9, 9.0
    assert "by sparsity it orders worst with 0.95 (tau −0.90" in passages.failures(record)
    assert "loses most with 0.95 (9.00" in passages.failures(record)
    assert passages.failures(record[record["procedure"] == "ceiling"]) == ""


def test_layer_densities_are_measured_against_one_trained_seed():
    record = pd.read_csv(RESOURCES / "rank-evaluation.csv", dtype={"sparsity": str})
    everything = (record[["architecture", "dataset", "sparsity"]] == "all").all(axis=1)
    overall = record[everything].set_index(["method", "procedure"])
    overall.loc[("one_seed_trained", "ceiling"), "tau"] = (
        2 * overall.loc[("paths", "leave_one_architecture_out"), "tau"]
    )
    assert "and 50% with three fitted ones" in passages.verdict(overall)


def test_numbers_that_cannot_be_read_are_shortened():
    assert passages.number(np.nan) == "–"
    assert passages.number(-32435.07) == "−3e+04"
    assert passages.number(0.5) == "0.50"
    assert passages.span(pd.Series([0.501, np.nan, 0.503])) == "0.50"


def test_reproduction_lists_what_does_not_agree():
    rows = [[8, "Conv-6", "snip", "0.6", 92.7, 92.7, True, ""], [8, "Conv-6", "er", "0.6", 91.0, 90.0, False, "why"]]
    rows.append([4, "Conv-6", "Ours", "0.6", 0.5, 0.51, True, ""])
    columns = ["table", "scenario_or_model", "row", "column", "printed", "ours", "agrees", "note"]
    table = pd.DataFrame(rows, columns=columns).assign(difference=lambda t: t["ours"] - t["printed"])
    text = findings.text_of(findings.reproduction(table))
    assert "1 of 2 printed mean accuracies" in text
    assert "| table 8, Conv-6 | ER 0.6 | 91.0 | 90.0 | why |" in text
    assert "| 4, Ours | 1 | 1 | 0.010 |" in text


def test_tables_without_values_are_named_as_such(tmp_path):
    empty = synthetic_pool(encodings=("mge",)).assign(drop=np.nan)
    paths = {"regression": tmp_path / "regression.csv", "ranking": tmp_path / "ranking.csv"}
    table_regression.regression_tables(empty, {"repetitions": 1, "bootstrap": 0})[0].to_csv(paths["regression"])
    table_ranking.ranking_table(empty, 0, "last").to_csv(paths["ranking"])
    findings.main(paths, tmp_path / "findings.md", {"title": "Nothing"})
    assert (tmp_path / "findings.md").read_text().count("The table holds no values.") == 3
