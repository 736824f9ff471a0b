"""Ranking the pruning algorithms: the paper's Tables 4, 11 and 12."""

import pandas as pd

from sparse_topology.analysis.design import RANKING_TABLES, strategies
from sparse_topology.report import charts
from sparse_topology.report.page import Cell, Chart, Details, Heading, Section, Table, number
from sparse_topology.report.passages import ranking
from sparse_topology.report.sections.inputs import (
    PageInputs,
    claim,
    empty,
    in_words,
    interval_text,
    leaders,
    nothing,
    span,
)
from sparse_topology.report.sections.printed_values import beside, printed_values
from sparse_topology.report.takeaways import ordered
from sparse_topology.words import in_order, printed

TITLES = {
    "all": "All algorithms",
    "pruning_at_initialisation": "Pruning at initialisation",
    "layerwise_random": "Layer-wise random pruning",
}


def ranking_table(rows: pd.DataFrame, name: str, paper_table: int, paper: dict) -> Table:
    """RBO in the form of the paper's Table 4; the best of each architecture and sparsity is marked, a random order
    included. paper: what it prints for this way of placing undefined metrics."""
    sparsities = [*sorted(set(rows["sparsity"]) - {"average"}, key=float), "average"]
    cells = {(r.architecture, r.strategy, r.sparsity): r for r in rows.itertuples()}
    marks = {}
    for _, part in rows.groupby(["architecture", "sparsity"]):
        marks |= leaders(part["rbo"], part["rbo_low"])
    body, base = [], []
    for architecture in in_order(rows["architecture"]):
        for strategy in strategies(rows["strategy"]):
            if not any((architecture, strategy, s) in cells for s in sparsities):
                continue
            if strategy == "random":
                base.append(len(body))
            line = [Cell(printed(architecture)), Cell(printed(strategy))]
            for sparsity in sparsities:
                found = cells.get((architecture, strategy, sparsity))
                if found is None:
                    line.append(nothing())
                    continue
                cell = number(found.rbo)
                cell.mark, cell.bar = f"n {marks.get(found.Index, '')}".strip(), found.rbo
                if strategy != "random":
                    cell.small = interval_text(found.rbo_low, found.rbo_high)
                column = "Avg." if sparsity == "average" else sparsity
                line.append(beside(cell, found.rbo, paper, (paper_table, printed(architecture), strategy, column), 2))
            body.append(line)
    titles = ["architecture", "strategy", *(s.replace("average", "mean") for s in sparsities)]
    return Table(name, titles, body, heads=2, base=base, csv="ranking")


def ranking_chart(inputs: PageInputs, rows: pd.DataFrame) -> Chart:
    rows = rows[rows["sparsity"] != "average"]
    frame = pd.DataFrame(
        {
            "subset": rows["subset"].map(TITLES),
            "panel": rows["architecture"].map(printed),
            "strategy": rows["strategy"].where(rows["strategy"] == "random", rows["strategy"].map(printed)),
            "sparsity": rows["sparsity"],
            "rbo": rows["rbo"],
            "low": rows["rbo_low"],
            "high": rows["rbo_high"],
            "RBO": rows["rbo"].map("{:.3f}".format),
            "interval": span(rows["rbo_low"], rows["rbo_high"]),
            "lost points": rows["lost_points"].map("{:.1f}".format),
        }
    )
    panels = [printed(a) for a in in_order(rows["architecture"])]
    menu = {"subset": ("rank", [text for text in TITLES.values() if text in set(frame["subset"])])}
    found = set(rows["strategy"])
    shown = [s for s in strategies(found)[:-1] if s in found]
    spec = charts.ranking("ranking", menu, panels, sorted(set(rows["sparsity"]), key=float), shown)
    return inputs.chart("ranking", spec, frame)


WITH_PAPER = ", which is how the paper's tables come out, beside its values"


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("ranking")
    if table is None:
        return None
    part = Section("ranking", "Ranking the pruning algorithms")
    rows = table[(table["dataset"] == "all") & table["rbo"].notna()]
    if rows.empty:
        part.blocks.append(empty("There are not two pruning algorithms with an accuracy to rank."))
        return part
    random = rows["strategy"] == "random"
    shown, others = rows[rows["default"]], rows[~rows["default"] | random]
    part.blocks += claim("ranking", ordered(table))
    part.blocks += [ranking_chart(inputs, shown), inputs.caption("ranking")]
    paper = printed_values(inputs.table("paper_comparison"))
    for subset, title in TITLES.items():
        for variant, is_default in ((shown, True), (others, False)):
            chosen = variant[variant["subset"] == subset]
            placed = chosen.loc[chosen["strategy"] != "random", "missing"]
            if placed.empty:
                continue
            place = placed.iloc[0]
            # The paper's cells put undefined metrics first.
            beside_it = paper if place == "first" else {}
            result = ranking_table(chosen, f"ranking-{subset}-{place}", RANKING_TABLES[subset], beside_it)
            if is_default:
                part.blocks += [Heading(f"ranking-{subset}", title), result]
            else:
                ending = WITH_PAPER if beside_it else ""
                part.blocks.append(Details(f"The same with undefined metrics ranked {place}{ending}", [result]))
    part.blocks.append(in_words(ranking(table)))
    return part
