"""How well `rank` orders the algorithms before training, what nothing can exceed, and where each method fails."""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.evaluation import one_fixed
from sparse_topology.report.page import Chart, Heading, Section
from sparse_topology.report.passages import METHODS, prediction
from sparse_topology.report.sections.inputs import PageInputs, claim, in_blocks
from sparse_topology.report.takeaways import before_training, densities_alone, estimate
from sparse_topology.words import in_order, printed

SHOWN = ["paths", "log_density_sum", "mixture", "one_seed_trained"]
COLUMNS = {"architecture": "", "sparsity": "sparsity ", "dataset": ""}


def weak_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart | None:
    """Kendall's tau of each method over the cells of one architecture, one sparsity, one data set."""
    part = table[table["procedure"].isin(["leave_one_architecture_out", "ceiling"]) & table["method"].isin(SHOWN)]
    rows, order = [], []
    for column, prefix in COLUMNS.items():
        fixed = one_fixed(part, column)
        for value in in_order(fixed[column]):
            order.append(f"{prefix}{printed(value)}")
            for r in fixed[fixed[column] == value].itertuples():
                rows.append([order[-1], METHODS[r.method], r.tau, r.tau_low, r.tau_high, r.lost_points, r.cells])
    if not rows:
        return None
    frame = pd.DataFrame(rows, columns=["row", "method", "tau", "low", "high", "points lost", "cells"])
    frame["Kendall tau"] = [estimate(*v) for v in frame[["tau", "low", "high"]].itertuples(index=False)]
    methods = [METHODS[name] for name in SHOWN if METHODS[name] in set(frame["method"])]
    hints = ["row", "method", "Kendall tau", "points lost", "cells"]
    spec = charts.grouped_dots("evaluation", order, methods, "Kendall's τ with the true order", hints)
    return inputs.chart("evaluation", spec, frame)


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("rank_evaluation")
    if table is None or table.empty:
        return None
    part = Section("before-training", "Ranking before training")
    part.blocks += claim("before-training", before_training(table))
    passage = prediction(table)
    blocks = in_blocks(passage.parts, passage.name)
    # The first table is the summary of rank_evaluation.csv: its download gives the whole.
    first = next(block for block in blocks if block.kind == "table")
    first.csv = "rank_evaluation"
    split = blocks.index(first) + 1
    # The last table and what stands around it say where each method fails.
    fails = max(k for k, block in enumerate(blocks) if block.kind == "table") - 1
    part.blocks += [*blocks[:split], inputs.caption("rank_evaluation")]
    part.blocks.append(Heading("densities-alone", "What layer densities alone explain"))
    part.blocks += [*claim("densities-alone", densities_alone(table)), *blocks[split:fails]]
    part.blocks.append(Heading("weak-spots", "Where each fails"))
    chart = weak_chart(inputs, table)
    part.blocks += [*([chart] if chart else []), *blocks[fails:]]
    return part
