"""How well topology predicts the drop: the paper's Table 3, its baselines, harder tests, single predictions."""

import pandas as pd

from sparse_topology.report import charts, passages
from sparse_topology.report.page import Cell, Chart, Heading, Paragraph, Section, Table, number
from sparse_topology.report.sections.inputs import (
    PageInputs,
    claim,
    empty,
    first_encoding,
    in_words,
    interval_text,
    leaders,
    menus,
    nothing,
    printed_columns,
    scenario_columns,
    scenario_groups,
    span,
)
from sparse_topology.report.sections.printed_values import beside, printed_values
from sparse_topology.report.takeaways import ENOUGH, carried_over, predicted
from sparse_topology.words import GREY, colours, in_order, printed

FEATURES = {
    "graph_size": "nodes and edges only",
    "layer_density": "Layer-Density only",
    "architecture": "architecture only",
    "architecture_dataset": "architecture, data set",
    "architecture_dataset_sparsity": "architecture, data set, sparsity",
    "topometrics_dataset": "MGE + data set",
    "topometrics_architecture_dataset": "MGE + architecture, data set",
}
TOPOMETRICS = {"topometrics": "{}", "topometrics_further": "{} + further"}  # of one encoding
FOLD_TITLES = {
    "random": "at random, as in the paper",
    "grouped": "all seeds of a cell together",
    "leave_one_dataset_out": "a whole data set",
    "leave_one_architecture_out": "a whole architecture",
    "leave_one_algorithm_out": "a whole algorithm",
}
LEAST = -0.3  # where the chart's axis begins
BLOWN_UP = "< −10"
DIGITS = {"adjusted_r2": 2, "mae": 3}


def models(table: pd.DataFrame) -> pd.DataFrame:
    """Random folds, mean over the regressors, with `model`: the printed encoding or feature set."""
    rows = table[(table["folds"] == "random") & (table["regressor"] == "mean") & table["r2"].notna()]
    titles = {**TOPOMETRICS, **FEATURES}
    model = [titles[f].format(printed(e)) for f, e in zip(rows["features"], rows["encoding"], strict=True)]
    enough = rows["networks"] >= ENOUGH * rows["feature_count"]
    return rows.assign(model=model, enough=enough).drop_duplicates(["model", "scenario", "value"])


def too_few(rows: pd.DataFrame) -> str:
    """The sentence that stands for scores that the chart leaves out; empty if it shows all."""
    short = rows[~rows["enough"]]
    if short.empty:
        return ""
    place = {"sparsity_fixed": "sparsity {}".format, "architecture_fixed": printed}
    where = [place[s](v) for s, v in scenario_columns(short)]
    return (
        f"Fewer than {ENOUGH} networks per feature ({short['networks'].min()} to {short['networks'].max()} "
        f"networks, up to {int(short['feature_count'].max())} features) at {', '.join(where)}: a fit without a penalty "
        f"runs away there, so {len(short)} of {len(rows)} scores are not drawn and cannot win a column of the tables."
    )


def clipped(cell: Cell) -> Cell:
    """An R² that far below 0 says that least squares extrapolated; its digits say nothing."""
    if cell.value and float(cell.value) < -10:
        cell.text = BLOWN_UP
    return cell


def score_table(rows: pd.DataFrame, order: list[str], score: str, paper: dict) -> Table:
    """adjusted_r2 or mae in the form of the paper's Table 3; the best row of each column is marked,
    whatever it knows, unless its interval reaches the mean drop's 0 or it has too few networks."""
    columns, digits = scenario_columns(rows), DIGITS[score]
    cells = {(r.model, r.scenario, r.value): r for r in rows.itertuples()}
    marks = {}
    for _, part in rows[rows["enough"]].groupby(["scenario", "value"]):
        useful = part[(part["adjusted_r2"] > 0) & ~(part["adjusted_r2_low"] <= 0)]
        if score == "adjusted_r2":
            marks |= leaders(useful[score], useful["adjusted_r2_low"])
        elif len(useful):
            marks |= leaders(part[score], largest=False)
    longest = rows.loc[rows["enough"], score].max()
    body = []
    for model in order:
        line = [Cell(model)]
        for scenario, value in columns:
            found = cells.get((model, scenario, value))
            ours = getattr(found, score, float("nan"))
            if pd.isna(ours):
                # With as many features as networks R² cannot be adjusted, but there is one.
                line.append(
                    nothing()
                    if found is None
                    else Cell(
                        f"R² = {found.r2:.2f}" if found.r2 > -10 else f"R² {BLOWN_UP}", f"{found.r2:.6g}", "n soft"
                    )
                )
                continue
            cell = clipped(number(ours, digits))
            cell.mark = f"n {marks.get(found.Index, '' if found.enough else 'soft')}".strip()
            if found.enough and longest > 0:
                cell.bar = min(max(ours / (1 if score == "adjusted_r2" else longest), 0), 1)
                cell.small = (
                    interval_text(found.adjusted_r2_low, found.adjusted_r2_high) if score == "adjusted_r2" else ""
                )
            place = (3, printed(scenario), f"{model}/{score}", printed(value))
            line.append(beside(cell, ours, paper, place, digits))
        body.append(line)
    titles = ["features", *(printed(value) for _, value in columns)]
    return Table(f"regression-{score}", titles, body, scenario_groups(columns), csv="regression")


def regression_chart(inputs: PageInputs, rows: pd.DataFrame, order: list[str]) -> Chart:
    rows = rows[rows["adjusted_r2"].notna() & rows["enough"]]
    columns = scenario_columns(rows)
    panels = {(s, v): f"sparsity {v}" if s == "sparsity_fixed" else printed(v) for s, v in columns}
    frame = pd.DataFrame(
        {
            "panel": [panels[pair] for pair in zip(rows["scenario"], rows["value"], strict=True)],
            "model": rows["model"],
            "r2": rows["adjusted_r2"],
            "at": rows["adjusted_r2"].clip(lower=LEAST),
            "low": rows["adjusted_r2_low"],
            "high": rows["adjusted_r2_high"],
            "adjusted R²": rows["adjusted_r2"].map("{:.3f}".format),
            "interval": span(rows["adjusted_r2_low"], rows["adjusted_r2_high"]),
            "mean absolute error": rows["mae"].map("{:.3f}".format),
            "networks": rows["networks"],
        }
    )
    colour = colours(rows["encoding"])
    graphs = {text.format(printed(word)): colour[word] for word in colour for text in TOPOMETRICS.values()}
    look = {model: graphs.get(model, GREY) for model in order}
    return inputs.chart(
        "regression", charts.interval_dots("regression", order, list(panels.values()), look, LEAST), frame
    )


def folds_table(table: pd.DataFrame) -> Table | None:
    """Adjusted R² of the first encoding under every kind of fold; None if there are not two with enough networks."""
    encoding = first_encoding(table)
    rows = table[(table["regressor"] == "mean") & (table["features"] == "topometrics") & table["adjusted_r2"].notna()]
    rows = rows[(rows["encoding"] == encoding) & (rows["networks"] >= ENOUGH * rows["feature_count"])]
    kinds = [kind for kind in FOLD_TITLES if kind in set(rows["folds"])]
    if len(kinds) < 2:
        return None
    columns = scenario_columns(rows)
    cells = rows.set_index(["folds", "scenario", "value"])["adjusted_r2"]
    body = []
    for kind in kinds:
        line = [clipped(number(cells.get((kind, s, v), float("nan")))) for s, v in columns]
        body.append([Cell(FOLD_TITLES[kind]), *line])
    titles = ["left out for the test", *(printed(v) for _, v in columns)]
    return Table("regression-folds", titles, body, scenario_groups(columns), csv="regression")


def prediction_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    """Out-of-fold predictions against the truth."""
    labels = {"encoding": "encoding", "scenario": "scenario", "value": "pool of"}
    frame = printed_columns(table, [*labels, "dataset", "architecture", "pruning", "sparsity"])
    frame = frame.rename(columns={"pruning": "algorithm"})
    frame["network"] = frame["algorithm"] + " " + frame["sparsity"] + ", " + frame["architecture"]
    frame["network"] += " on " + frame["dataset"] + ", seed " + table["seed"].astype(str)
    frame["true drop"], frame["predicted drop"] = table["drop"], table["predicted"]
    choices = menus(table, {"encoding": "encoding"})
    pools = [f"{printed(s)}: {printed(v)}" for s, v in scenario_columns(table)]
    frame["pool"] = frame["scenario"] + ": " + frame["value"]
    choices["pool"] = ("networks of", pools)
    shown = ["network", "true drop", "predicted drop"]
    words, kept = set(table["pruning"]), ["encoding", "pool", "algorithm", *shown]
    spec = charts.against("predictions", "true drop", "predicted drop", "algorithm", words, choices, shown)
    return inputs.chart("predictions", spec, frame[kept], "canvas")


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("regression")
    if table is None:
        return None
    part = Section("regression", "Predicting the accuracy drop")
    rows = models(table)
    if rows.empty:
        reasons = "; ".join(sorted(set(table["note"].dropna()))) or "no model has a score"
        part.blocks.append(empty(f"No regression in this study: {reasons}."))
        return part
    part.blocks += claim("regression", predicted(table))
    graphs = [text.format(printed(e)) for e in in_order(rows["encoding"]) for text in TOPOMETRICS.values()]
    order = [text for text in [*graphs, *FEATURES.values()] if text in set(rows["model"])]
    if rows.loc[rows["features"] == "topometrics", "enough"].any():
        part.blocks += [regression_chart(inputs, rows, order), inputs.caption("regression")]
    if too_few(rows):
        part.blocks.append(empty(too_few(rows)))
    paper = printed_values(inputs.table("paper_comparison"))
    for score, title in (("adjusted_r2", "Adjusted R²"), ("mae", "Mean absolute error")):
        part.blocks += [Heading(f"regression-{score}", title), score_table(rows, order, score, paper)]
    notes = {note for line in rows["note"].dropna() for note in line.split("; ")}
    part.blocks += [Paragraph(note, "soft") for note in sorted(notes) if note and " features" not in note]
    if rows.loc[rows["features"] == "topometrics", "enough"].any():
        part.blocks.append(in_words(passages.baselines(table)))
    folds = folds_table(table)
    if folds:
        part.blocks += [Heading("regression-folds", "Harder tests"), *claim("regression-folds", carried_over(table))]
        part.blocks += [inputs.caption("regression_folds"), folds, in_words(passages.generalisation(table))]
    predictions = inputs.table("predictions")
    if predictions is not None and len(predictions):
        part.blocks += [Heading("predictions", "Predicted against true drop"), prediction_chart(inputs, predictions)]
        part.blocks.append(inputs.caption("predictions"))
    return part
