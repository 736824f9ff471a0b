"""What the page says first: every sentence against small tables computed by hand, and where nothing can be told."""

import numpy as np
import pandas as pd
import pytest

from helpers.small_results import synthetic_history
from helpers.synthetic_pool import synthetic_pool
from sparse_topology.report import takeaways
from sparse_topology.report.page import Claim, Heading, Section, claims
from sparse_topology.report.sections import findings
from sparse_topology.report.sections.inputs import PageInputs, in_blocks, text_cell


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def networks(drops: dict[str, list[float]], sparsity: float = 0.9) -> pd.DataFrame:
    """Networks of one cell with these drops, one per seed; an algorithm that a seed lacks has NaN there."""
    rows = [
        {
            "dataset": "digits",
            "architecture": "conv6",
            "pruning": word,
            "sparsity": sparsity,
            "seed": seed,
            "drop": drop,
        }
        for word, values in drops.items()
        for seed, drop in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(family="at initialisation")


def test_an_estimate_stays_on_one_line_and_has_its_interval():
    assert takeaways.estimate(0.5, 0.25, 0.755) == "0.50\u00a0[0.25,\u00a00.76]"
    assert takeaways.estimate(-0.001, np.nan, np.nan) == "0.00"
    assert takeaways.estimate(0.5, 0.25, 0.75, 1, plus=True) == "+0.5\u00a0[+0.2,\u00a0+0.8]"
    assert takeaways.listed("abc") == "a, b and c"


def test_the_mean_of_few_pairs_has_no_interval():
    assert takeaways.mean_interval([1.0] * 5) == (
        1.0,
        pytest.approx(np.nan, nan_ok=True),
        pytest.approx(np.nan, nan_ok=True),
    )
    mean, low, high = takeaways.mean_interval(np.arange(100.0))
    assert mean == 49.5
    # The mean's standard error is 2.9.
    assert low == pytest.approx(49.5 - 1.96 * 2.887, abs=0.6)
    assert high == pytest.approx(49.5 + 1.96 * 2.887, abs=0.6)


def test_the_smallest_drop_is_claimed_where_its_interval_says_so():
    pool = networks({"snip": [0.1] * 8, "er": [0.15] * 8, "erk_shuffled": [0.0] * 8})
    pool.loc[pool["pruning"] == "erk_shuffled", "family"] = "control"
    text = plain(takeaways.lowest_drop(pool))
    assert text == (
        "At sparsity 0.9 SNIP loses least: an accuracy drop of 10.0 %, 5.0 [5.0, 5.0] points less than the next, ER "
        "(8 pairs of networks)."
    )


def test_drops_that_cannot_be_told_apart_are_not():
    spread = [0.05, -0.05] * 4
    pool = networks({"snip": [0.1] * 8, "er": [0.101 + s for s in spread], "grasp": [0.4] * 8})
    text = plain(takeaways.lowest_drop(pool))
    assert text.startswith(
        "At sparsity 0.9 the smallest accuracy drops are those of SNIP (10.0 %) and ER (10.1 %), which"
    )
    assert "cannot be told apart: the first two differ by 0.1 [−" in text
    assert text.endswith("points over 8 pairs of networks; the other one is worse.")


def test_few_pairs_tell_nothing():
    text = takeaways.lowest_drop(networks({"snip": [0.1, 0.1], "er": [0.2, 0.2]}))
    assert "cannot be told apart: the first two differ by 10.0 points over 2 pairs of networks, too few" in text
    assert takeaways.lowest_drop(networks({"snip": [0.1, 0.1]})) is None
    # Where the highest sparsity has too few, all sparsities count.
    both = pd.concat([networks({"snip": [0.1] * 4, "er": [0.2] * 4}, s) for s in (0.6, 0.9)])
    assert takeaways.lowest_drop(both).startswith("Over all sparsities SNIP loses least")


def importance(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["scenario", "value", "metric", "r", "low", "high"]).assign(encoding="mge")


def test_the_strongest_topometric_has_an_interval_without_zero():
    rows = [["sparsity_fixed", "0.9", "sink", 0.5, 0.3, 0.7], ["sparsity_fixed", "0.9", "n1", 0.9, -0.1, 1.0]]
    rows.append(["architecture_fixed", "conv6", "strength", -0.6, -0.7, -0.5])
    text = plain(takeaways.strongest(importance(rows)))
    assert text == (
        "Of 3 topometrics strength goes most closely with the drop, on Conv-6 (r = −0.60 [−0.70, −0.50]); 2 different "
        "ones lead in the 2 pools, so that none does for all."
    )
    unclear = plain(takeaways.strongest(importance(rows[1:2])))
    assert unclear == (
        "None of the 1 topometrics has a correlation with the drop whose interval excludes 0; the largest is "
        "N1 (1 hop) at sparsity 0.9 (r = 0.90 [−0.10, 1.00])."
    )


def clouds(gap: float, slope: float) -> pd.DataFrame:
    """Two architectures of 10 networks: the drop follows the metric with `slope` within, `gap` apart between them."""
    x = np.linspace(0, 1, 10)
    noise = 0.1 * np.cos(12 * x)
    parts = []
    for k, name in enumerate(("conv6", "resnet20")):
        values = {"sink": x + gap * k, "drop": slope * x + noise + gap * k}
        parts.append(pd.DataFrame(values).assign(architecture=name, sparsity=0.9, encoding="mge"))
    return pd.concat(parts, ignore_index=True)


def test_a_gap_between_architectures_is_told_from_a_trend():
    pool = clouds(5, -1)
    text = plain(takeaways.clouds(pool, ["sink"]))
    assert text.startswith("In 1 of 1 pairs of topometric and sparsity the correlation over all networks lies outside")
    inner = [np.corrcoef(p["sink"], p["drop"])[0, 1] for _, p in pool.groupby("architecture")]
    assert f"r = {np.corrcoef(pool['sink'], pool['drop'])[0, 1]:.2f} [" in text
    assert text.endswith(f"{min(inner):.2f} to {max(inner):.2f} within.".replace("-", "−"))
    assert takeaways.clouds(pool[pool["architecture"] == "conv6"], ["sink"]) is None


def regression(ours, free, networks=100) -> pd.DataFrame:
    """Scores [(value, low, high)] of one pool per entry, for the topometrics and for the architecture and data set."""
    rows = []
    for features, scores in (("topometrics", ours), ("architecture_dataset", free)):
        for k, (value, low, high) in enumerate(scores):
            rows.append(["sparsity_fixed", f"0.{k + 6}", features, value, low, high])
    columns = ["scenario", "value", "features", "adjusted_r2", "adjusted_r2_low", "adjusted_r2_high"]
    frame = pd.DataFrame(rows, columns=columns).assign(encoding="mge", regressor="mean", folds="random")
    return frame.assign(networks=networks, feature_count=16)


def test_prediction_is_held_against_what_needs_no_graph():
    table = regression([(0.8, 0.7, 0.9), (0.3, 0.2, 0.4)], [(0.5, 0.4, 0.6), (0.5, 0.4, 0.6)])
    text = plain(takeaways.predicted(table))
    assert text == (
        "The topometrics of the Unrolled MGE predict the drop with an adjusted R² of 0.80 [0.70, 0.90] at sparsity 0.6 "
        "down to 0.30 [0.20, 0.40] at sparsity 0.7. Architecture and data set alone, without any graph, reach more in "
        "1 of 2 pools, and less beyond both intervals in 1."
    )
    assert takeaways.predicted(table.assign(networks=47)).startswith("Nothing can be told")


def test_folds_that_leave_an_architecture_out():
    scores = {"random": [0.5, 0.6], "leave_one_architecture_out": [-0.2, 0.1]}
    table = pd.concat(
        [
            regression([(v, v, v) for v in values], []).assign(folds=name, regressor="ridge")
            for name, values in scores.items()
        ]
    )
    assert takeaways.carried_over(table) == (
        "With a whole architecture left out, ridge on the topometrics reaches an adjusted R² of −0.20 to 0.10 "
        "(random folds 0.50 to 0.60): worse than the mean drop in 1 of 2 pools."
    )


def test_families_carry_over_or_not():
    def row(features, learned, tested, value, low):
        scores = {"adjusted_r2": value, "adjusted_r2_low": low, "adjusted_r2_high": value + 0.1}
        names = {"features": features, "trained_on": learned, "tested_on": tested}
        sizes = {"trained_networks": 100, "feature_count": 10}
        return names | scores | sizes | {"scenario": "all", "regressor": "ridge", "encoding": "mge"}

    rows = [row("topometrics", "random", "dynamic", 0.3, 0.1), row("topometrics", "dynamic", "random", -2, -3)]
    rows += [row("topometrics", "dynamic", "dynamic", 0.7, 0.6)]
    rows += [row("architecture_dataset_sparsity", "random", "dynamic", 0.5, 0.4)]
    assert plain(takeaways.across_families(pd.DataFrame(rows))) == (
        "In 1 of 2 pairs of families what ridge learns from the topometrics of one predicts the drop of the other "
        "better than its mean; best, learned on “random” and tested on “dynamic”, with an adjusted R² of "
        "0.30 [0.10, 0.40], against 0.70 learned on itself and 0.50 without any graph."
    )
    assert ": at most" not in takeaways.across_families(pd.DataFrame(rows))
    assert "In 0 of 1 pairs" in takeaways.across_families(pd.DataFrame(rows[1:2]))
    assert takeaways.across_families(pd.DataFrame(rows).assign(trained_networks=29)) is None


def ranking(values: dict[str, list[float]]) -> pd.DataFrame:
    rows = [
        {"architecture": "conv6", "sparsity": f"0.{k}", "strategy": name, "rbo": rbo}
        for name, scores in values.items()
        for k, rbo in enumerate(scores)
    ]
    return pd.DataFrame(rows).assign(subset="all", dataset="all", default=True)


def test_strategies_are_compared_cell_by_cell():
    clear = ranking({"ours": [0.8] * 6, "layer_density": [0.5] * 6, "random": [0.3] * 6})
    assert plain(takeaways.ordered(clear)) == (
        "The topometric mixture, whose weights are fitted on these networks, orders the algorithms best: a rank-biased "
        "overlap of 0.80, +0.30 [+0.30, +0.30] against the next, Layer-Density, over 6 cells; a random order has 0.30."
    )
    unclear = ranking({"delta_r": [0.8, 0.2] * 3, "layer_density": [0.4, 0.5] * 3, "random": [0.1, 0.1] * 3})
    text = plain(takeaways.ordered(unclear))
    assert text.startswith(
        "Δr has the largest rank-biased overlap, 0.50, and cannot be told apart from Layer-Density (0.45)"
    )
    few = takeaways.ordered(ranking({"delta_r": [0.8], "random": [0.1]}))
    assert "cannot be told apart from a random order (0.10): +0.70 against it over one cell, too few" in few


def evaluation(gap_low: float) -> pd.DataFrame:
    rows = [["paths", 0.6, 0.5, 0.7], ["log_density_sum", 0.55, 0.5, 0.6], ["paths - mixture", 0.1, gap_low, 0.2]]
    rows.append(["log_density_sum - mixture", 0.1, gap_low, 0.2])
    table = pd.DataFrame(rows, columns=["method", "tau", "tau_low", "tau_high"])
    everything = dict.fromkeys(["architecture", "dataset", "sparsity"], "all")
    return table.assign(procedure="leave_one_architecture_out", **everything)


def test_methods_before_training_are_told_apart_by_their_interval():
    assert plain(takeaways.before_training(evaluation(0.05))).endswith(
        "τ = 0.60 [0.50, 0.70], +0.10 [+0.05, +0.20] against the mixture."
    )
    assert "not to be told from the mixture (+0.10 [−0.05, +0.20])" in plain(
        takeaways.before_training(evaluation(-0.05))
    )
    assert takeaways.densities_alone(evaluation(0.05)).endswith(", more.")
    assert takeaways.densities_alone(evaluation(-0.05)).endswith(", not to be told from it.")


def test_controls_say_worse_better_or_nothing():
    columns = ["control", "difference", "low", "high", "pairs"]
    rows = [["snip_shuffled", 0.02, 0.01, 0.03, 10], ["erk_reinit", 0.0, -0.01, 0.01, 10]]
    rows += [["rigl_static", -0.02, -0.03, -0.01, 10], ["grasp_shuffled", 0.02, 0.01, 0.03, 5]]
    table = pd.DataFrame(rows, columns=columns).assign(metric="drop", dataset="all")
    assert plain(takeaways.controls(table)) == (
        "Accuracy drop of the controls minus that of their methods: SNIP, shuffled +2.0 [+1.0, +3.0] points over 10 "
        "pairs (worse); ERK, reinit 0.0 [−1.0, +1.0] points over 10 pairs (not to be told apart); RigL, static "
        "−2.0 [−3.0, −1.0] points over 10 pairs (better); GraSP, shuffled +2.0 points over 5 pairs (too few to tell)."
    )


def test_masks_that_move_and_masks_that_stay():
    pool = synthetic_pool(pruning=("set", "rigl"), encodings=("mge",))
    history, exploration = synthetic_history(pool)
    assert plain(takeaways.explored(exploration)) == (
        "RigL tried most of the network: 40% [40%, 40%] of all weights were kept at some time; least SET, 30%."
    )
    # One of four layers doubles: 2 ** (1 / 4).
    assert takeaways.moved(history) == (
        "RigL (by a factor of 1.19 on average) changed the layers' densities; SET kept them within 5 % on average."
    )


def test_what_is_missing_from_the_design_is_named():
    pool = synthetic_pool(seeds=(0, 1), encodings=("mge",))
    assert findings.networks_sentence(pool) == (
        "84 sparse networks: 1 data set × 2 architectures × 7 algorithms × 3 sparsities × 2 seeds."
    )
    lost = (
        pool["pruning"].eq("snip")
        & pool["sparsity"].eq(0.98)
        & pool["seed"].eq(1)
        & pool["architecture"].eq("conv_small")
    )
    text = findings.networks_sentence(pool[~lost])
    assert "would be 84; 1 is not in the pool" in text
    assert text.endswith("have no row for it: SNIP at 0.98 on Digits, Conv-small, seed 1.")


def test_the_page_opens_with_the_claims_of_its_sections():
    pool = synthetic_pool(encodings=("mge",))
    sections = [
        Section("accuracy", "Accuracy", [Claim("accuracy", "A is best.")]),
        Section("regression", "Prediction", [Claim("regression", "Nothing can be told."), Heading("x", "X")]),
        Section("layers", "Layers", [Heading("regression-folds", "Folds"), Claim("regression-folds", "B.")]),
    ]
    part = findings.section(PageInputs(pool), sections)
    assert [(claim.text, title) for claim, title in part.blocks[0].claims] == [
        ("A is best.", "Accuracy"),
        ("B.", "Folds"),
        ("Nothing can be told.", "Prediction"),
    ]
    assert set(claims(sections)) == {"accuracy", "regression", "regression-folds"}


def test_passages_become_blocks_whose_numbers_sort():
    frame = pd.DataFrame({"a": ["0.62 [0.5, 0.7]", "–"], "b": ["74%", "why"]}, index=pd.Index(["x", "y"], name="what"))
    text, bullets, table = in_blocks(["A sentence.", ["one", "two"], frame], "p")
    assert (text.text, bullets.lines, table.columns) == ("A sentence.", ["one", "two"], ["what", "a", "b"])
    assert [[cell.value for cell in row] for row in table.rows] == [[None, "0.62", "74"], [None, "", None]]
    assert text_cell("−3e+04").value == "-3e+04"
