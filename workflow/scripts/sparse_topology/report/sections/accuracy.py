"""Accuracy against sparsity, and the paper's Tables 8 to 10."""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Bullets, Cell, Chart, Heading, Pair, Paragraph, Section, Table
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, nothing, printed_columns
from sparse_topology.report.sections.printed_values import differing, key
from sparse_topology.report.takeaways import lowest_drop
from sparse_topology.words import in_order, printed

PAPER_TABLES = {"cifar10": 8, "cifar100": 9, "tiny_imagenet": 10}


def spaced(cell) -> str:
    """92.7±0.3 with room to break; a dash for an empty cell."""
    return cell.replace("±", " ± ") if isinstance(cell, str) else "–"


def accuracy_tables(table: pd.DataFrame, dataset: str, off: dict) -> tuple[list[Table], list[str]]:
    """One data set in the form of the paper's tables, an architecture each, the best algorithm of each column marked;
    and a line for every cell that the paper prints otherwise. off: see `differing`."""
    rows = table[table["dataset"] == dataset]
    dense = rows[rows["pruning"] == "dense"].set_index("architecture")["printed"]
    sparse = rows[rows["pruning"] != "dense"]
    tables, lines = [], []
    for architecture in in_order(sparse["architecture"]):
        part = sparse[sparse["architecture"] == architecture]
        title = printed(architecture)
        if architecture in dense.index:
            title += f" (dense {spaced(dense[architecture])})"
        sparsities = sorted(set(part["sparsity"]))
        best = part[part["printed"] != "*"].groupby("sparsity")["accuracy_mean"].max()
        cells = {(row.pruning, row.sparsity): row for row in part.itertuples()}
        body = []
        for algorithm in in_order(part["pruning"]):
            line = [Cell(printed(algorithm))]
            for sparsity in sparsities:
                found = cells.get((algorithm, sparsity))
                if found is None or pd.isna(found.accuracy_mean):
                    line.append(nothing())
                    continue
                winner = found.printed != "*" and found.accuracy_mean == best.get(sparsity)
                mean, _, spread = found.printed.partition("±")
                cell = Cell(mean, f"{found.accuracy_mean:.6g}", "n best" if winner else "n")
                cell.small = f"± {spread}" if spread else ""
                place = (PAPER_TABLES.get(dataset), key(printed(architecture)), key(algorithm), key(f"{sparsity:g}"))
                if place in off:
                    value, reason = off[place]
                    cell.mark += " off"
                    cell.small += f"\npaper {value}"
                    where = f"{printed(architecture)}, {printed(algorithm)} at {sparsity:g}"
                    lines.append(f"{where}: {found.printed} here, {value} in the paper: {reason}.")
                line.append(cell)
            body.append(line)
        name, groups = f"accuracy-{dataset}-{architecture}", [("", 1), (title, len(sparsities))]
        columns = ["algorithm", *(f"{s:g}" for s in sparsities)]
        label = f"Accuracy on {printed(dataset)}, {title}"
        tables.append(Table(name, columns, body, groups, csv="accuracy", label=label))
    return tables, lines


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
    off = differing(inputs.table("paper_comparison"))
    for dataset in in_order(sparse["dataset"]):
        tables, lines = accuracy_tables(table, dataset, off)
        part.blocks += [Heading(f"accuracy-{dataset}", printed(dataset)), Pair([[each] for each in tables])]
        if lines:
            part.blocks += [Paragraph("Where the paper prints something else:"), Bullets(lines)]
    return part
