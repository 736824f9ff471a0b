"""Our cells beside the paper's printed ones, and our pool beside the authors' released one."""

import pandas as pd

from sparse_topology.report import charts, passages
from sparse_topology.report.page import Cell, Chart, Details, Heading, Section, Table, number
from sparse_topology.report.sections.inputs import PageInputs, claim, in_words, menus, printed_columns, span
from sparse_topology.report.sections.printed_values import signed
from sparse_topology.report.takeaways import reproduced
from sparse_topology.words import printed


def row_name(row: str) -> str:
    """A row of a printed table: an algorithm, a strategy, or an encoding and its score."""
    return printed(row).replace("/adjusted_r2", ", adjusted R²").replace("/mae", ", MAE")


def summary_table(table: pd.DataFrame) -> Table:
    """One row per printed table: how many cells agree, how far the others are."""
    body = []
    for name, rows in table.groupby("table"):
        away = rows["difference"].abs()
        line = [Cell(f"Table {name}"), number(len(rows), 0), number(int(rows["agrees"].sum()), 0)]
        body.append([*line, number(away.mean(), 3), number(away.max(), 3)])
    titles = ["of the paper", "cells", "agree", "mean |difference|", "largest"]
    return Table("paper-summary", titles, body)


def cell_table(table: pd.DataFrame) -> Table:
    body = []
    for row in table.itertuples():
        # Tables 8 to 10 are in percent with one decimal, the errors of Table 3 have three.
        digits = 1 if row.table in (8, 9, 10) else 3 if row.row.endswith("/mae") else 2
        known = pd.notna(row.difference)
        line = [Cell(f"Table {row.table}", row.table), Cell(row.scenario_or_model), Cell(row_name(row.row))]
        line += [Cell(row.column), number(row.printed, digits), number(row.ours, digits)]
        line.append(Cell(signed(row.difference, digits), f"{row.difference:.6g}", "n") if known else number(None))
        line += [Cell("yes" if row.agrees else "no"), Cell(row.note if isinstance(row.note, str) else "", None, "long")]
        body.append(line)
    titles = ["table", "model or scenario", "row", "column", "printed", "ours", "difference", "agree", "note"]
    return Table("paper-cells", titles, body, csv="paper_comparison")


def comparison_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    rows = table[table["printed"].notna() & table["ours"].notna()]
    frame = pd.DataFrame(
        {
            "table": [f"Table {number}" for number in rows["table"]],
            "model": rows["scenario_or_model"],
            "cell": rows["scenario_or_model"] + ", " + rows["row"].map(row_name) + ", " + rows["column"],
            "printed": rows["printed"],
            "ours": rows["ours"],
        }
    )
    found = [f"Table {number}" for number in sorted(set(rows["table"]))]
    hints = ["cell", "printed", "ours"]
    words = set(rows["scenario_or_model"])
    spec = charts.against("paper", "printed", "ours", "model", words, {"table": ("show", found)}, hints)
    return inputs.chart("paper", spec, frame, "canvas")


def pool_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    """Recomputed / released, summed up over the cells of each encoding, architecture and measure."""
    rows = table[table["ratio"].notna()]
    groups = rows.groupby(["encoding", "architecture", "metric"])["ratio"]
    middle = pd.DataFrame({"low": groups.quantile(0.05), "ratio": groups.median(), "high": groups.quantile(0.95)})
    middle = middle.assign(cells=groups.size()).reset_index()
    frame = middle.assign(**printed_columns(middle, ["encoding", "architecture", "metric"]))
    frame["median"] = frame["ratio"].map("{:.4g}".format)
    frame["90 % of the cells"] = span(frame["low"], frame["high"], 3)
    measures = [printed(measure) for measure in dict.fromkeys(rows["metric"])]
    choices = menus(rows, {"encoding": "encoding"})
    spec = charts.ratios("pool_comparison", measures, set(rows["architecture"]), choices)
    return inputs.chart("pool_comparison", spec, frame)


def section(inputs: PageInputs) -> Section | None:
    paper, pool = inputs.table("paper_comparison"), inputs.table("pool_comparison")
    if paper is not None:
        paper = paper[paper["ours"].notna()]
    with_paper, with_pool = paper is not None and len(paper), pool is not None and pool["ratio"].notna().any()
    if not (with_paper or with_pool):
        return None
    part = Section("paper", "Beside the paper")
    if with_paper:
        part.blocks += claim("paper", reproduced(paper))
        part.blocks += [summary_table(paper), comparison_chart(inputs, paper), inputs.caption("paper_comparison")]
        part.blocks.append(in_words(passages.reproduction(paper)))
        part.blocks.append(Details(f"All {len(paper)} cells", [cell_table(paper)]))
    if with_pool:
        part.blocks += [Heading("pool_comparison", "Recomputed against released values"), pool_chart(inputs, pool)]
        part.blocks.append(inputs.caption("pool_comparison"))
    return part
