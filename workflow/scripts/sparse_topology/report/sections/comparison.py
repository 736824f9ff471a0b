"""Our cells beside the paper's printed ones, and our pool beside the authors' released one."""

import pandas as pd

from sparse_topology.report import charts, passages
from sparse_topology.report.page import Cell, Chart, Details, Heading, Section, Table, number
from sparse_topology.report.passages import paper_name, row_name
from sparse_topology.report.sections.inputs import PageInputs, claim, in_words, menus, printed_columns, span
from sparse_topology.report.sections.printed_values import signed
from sparse_topology.report.takeaways import reproduced
from sparse_topology.words import printed

AGREES = "agrees"


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
        line = [Cell(f"Table {row.table}", row.table), Cell(paper_name(row.scenario_or_model)), Cell(row_name(row.row))]
        line += [Cell(row.column), number(row.printed, digits), number(row.ours, digits)]
        line.append(Cell(signed(row.difference, digits), f"{row.difference:.6g}", "n") if known else number(None))
        line += [Cell("yes" if row.agrees else "no"), Cell(row.note if isinstance(row.note, str) else "", None, "long")]
        body.append(line)
    titles = ["table", "model or scenario", "row", "column", "printed", "ours", "difference", "agree", "note"]
    return Table("paper-cells", titles, body, csv="paper_comparison")


def reason(row) -> str:
    """Why a cell does not agree, in few words."""
    if row.agrees:
        return AGREES
    if not isinstance(row.note, str) or not row.note:
        return "no reason known"
    if row.note.startswith("printed "):
        return "printed from a part of the runs"
    text = "misprint" if row.note.startswith("misprint") else row.note.split(",")[0]
    return text.replace("delta_r", printed("delta_r"))


def reason_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    names = pd.Series([reason(row) for row in table.itertuples()], table.index)
    frame = pd.DataFrame({"table": "Table " + table["table"].astype(str), "reason": names})
    counts = frame.value_counts(sort=False).rename("cells").reset_index()
    order = counts.groupby("reason")["cells"].sum().sort_values(ascending=False).index
    order = [name for name in [AGREES, *order] if name in set(order)]
    spec = charts.reasons("paper_reasons", table_names(table), list(dict.fromkeys(order)))
    chart = inputs.chart("paper_reasons", spec, counts)
    said = [f"{name} {int(rows['agrees'].sum())} of {len(rows)}" for name, rows in table.groupby("table")]
    chart.alt = f"Chart: cells that agree with the paper, by table, and why the others do not. Table {'; '.join(said)}."
    return chart


def table_names(table: pd.DataFrame) -> list[str]:
    return [f"Table {number}" for number in sorted(set(table["table"]))]


def comparison_chart(inputs: PageInputs, table: pd.DataFrame) -> Chart:
    rows = table[table["printed"].notna() & table["ours"].notna()]
    model = rows["scenario_or_model"].map(paper_name)
    frame = pd.DataFrame(
        {
            "table": "Table " + rows["table"].astype(str),
            "cell": model + ", " + rows["row"].map(row_name) + ", " + rows["column"],
            "printed": rows["printed"],
            "ours": rows["ours"],
            "difference": rows["ours"] - rows["printed"],
            "agrees": rows["agrees"].map({True: "agrees", False: "differs"}),
            "reason": rows["note"].fillna(""),
        }
    )
    spec = charts.beside("paper", {"table": ("show", table_names(rows))}, ["cell", "printed", "ours", "reason"])
    chart = inputs.chart("paper", spec, frame, "canvas")
    chart.alt = "Chart: every cell of a table of the paper, ours against the printed value, and the difference."
    return chart


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
        part.blocks += [reason_chart(inputs, paper), summary_table(paper), comparison_chart(inputs, paper)]
        part.blocks.append(inputs.caption("paper_comparison"))
        part.blocks.append(in_words(passages.reproduction(paper)))
        part.blocks.append(Details(f"All {len(paper)} cells", [cell_table(paper)]))
    if with_pool:
        part.blocks += [Heading("pool_comparison", "Recomputed against released values"), pool_chart(inputs, pool)]
        part.blocks.append(inputs.caption("pool_comparison"))
    return part
