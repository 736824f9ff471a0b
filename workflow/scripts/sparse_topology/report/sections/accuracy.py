"""Accuracy against sparsity, and the paper's Tables 8 to 10."""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Cell, Chart, Heading, Section, Table
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, nothing, printed_columns
from sparse_topology.report.sections.printed_values import beside, printed_values
from sparse_topology.report.takeaways import lowest_drop
from sparse_topology.words import in_order, printed

PAPER_TABLES = {"cifar10": 8, "cifar100": 9, "tiny_imagenet": 10}


def spaced(cell) -> str:
    """92.7±0.3 with room to break; a dash for an empty cell."""
    return cell.replace("±", " ± ") if isinstance(cell, str) else "–"


def accuracy_table(table: pd.DataFrame, dataset: str, paper: dict) -> Table:
    """One data set in the form of the paper's tables; the best algorithm of each column is marked."""
    rows = table[table["dataset"] == dataset]
    dense = rows[rows["pruning"] == "dense"].set_index("architecture")["printed"]
    sparse = rows[rows["pruning"] != "dense"]
    cells = {(r.architecture, r.sparsity, r.pruning): r for r in sparse.itertuples()}
    columns = [(a, s) for a in in_order(sparse["architecture"]) for s in sorted(set(sparse["sparsity"]))]
    columns = [pair for pair in columns if any(key[:2] == pair for key in cells)]
    best = sparse[sparse["printed"] != "*"].groupby(["architecture", "sparsity"])["accuracy_mean"].max()
    groups = [("", 1)]
    for a in in_order(sparse["architecture"]):
        title = f"{printed(a)} (dense {spaced(dense[a])})" if a in dense.index else printed(a)
        groups.append((title, sum(a == other for other, _ in columns)))
    body = []
    for algorithm in in_order(sparse["pruning"]):
        line = [Cell(printed(algorithm))]
        for a, s in columns:
            found = cells.get((a, s, algorithm))
            if found is None or pd.isna(found.accuracy_mean):
                line.append(nothing())
                continue
            winner = found.printed != "*" and found.accuracy_mean == best.get((a, s))
            cell = Cell(spaced(found.printed), f"{found.accuracy_mean:.6g}", "n best" if winner else "n")
            place = (PAPER_TABLES.get(dataset), printed(a), algorithm, f"{s:g}")
            line.append(beside(cell, found.accuracy_mean, paper, place, 1))
        body.append(line)
    return Table(f"accuracy-{dataset}", ["algorithm", *(f"{s:g}" for _, s in columns)], body, groups, csv="accuracy")


def accuracy_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    sparse = table[(table["pruning"] != "dense") & table["accuracy_mean"].notna()]
    dense = table[table["pruning"] == "dense"].set_index(["dataset", "architecture"])
    where = list(zip(sparse["dataset"], sparse["architecture"], strict=True))
    spread = sparse["accuracy_std"].fillna(0.0)
    frame = printed_columns(sparse, ["sparsity"]).assign(
        panel=[f"{printed(d)}, {printed(a)}" for d, a in where],
        algorithm=sparse["pruning"].map(printed),
        mean=sparse["accuracy_mean"],
        low=sparse["accuracy_mean"] - spread,
        high=sparse["accuracy_mean"] + spread,
        dense=[dense["accuracy_mean"].get(pair) for pair in where],
        seeds=sparse["seeds"],
    )
    frame["accuracy (%)"] = sparse["printed"].map(spaced)
    frame["dense network (%)"] = [spaced(dense["printed"].get(pair)) for pair in where]
    found = set(frame["panel"])
    grid = [f"{printed(d)}, {printed(a)}" for d in in_order(table["dataset"]) for a in in_order(table["architecture"])]
    sparsities = [f"{s:g}" for s in sorted(set(sparse["sparsity"]))]
    spec = charts.accuracy("accuracy", set(sparse["pruning"]), sparsities, [panel for panel in grid if panel in found])
    return inputs.chart("accuracy", spec, frame)


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("accuracy")
    if table is None:
        return None
    part = Section("accuracy", "Accuracy")
    sparse = table[table["pruning"] != "dense"]
    if not sparse["accuracy_mean"].notna().any():
        part.blocks.append(empty("No sparse network of this study has an accuracy."))
        return part
    part.blocks += claim("accuracy", lowest_drop(inputs.pool))
    part.blocks += [accuracy_chart(inputs, table), inputs.caption("accuracy")]
    paper = printed_values(inputs.table("paper_comparison"))
    for dataset in in_order(sparse["dataset"]):
        part.blocks += [Heading(f"accuracy-{dataset}", printed(dataset)), accuracy_table(table, dataset, paper)]
    return part
