"""Runtimes and memory per stage."""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Cell, Section, Table, number
from sparse_topology.report.sections.inputs import PageInputs, claim, nothing
from sparse_topology.report.sections.run import duration
from sparse_topology.report.takeaways import most_time


def stage_names(table: pd.DataFrame) -> list[str]:
    """A stage, or for the metrics the stage and the family."""
    pairs = zip(table["stage"], table["detail"].fillna(""), strict=True)
    return [f"{stage}: {detail}" if detail else stage for stage, detail in pairs]


def time(seconds: float) -> Cell:
    return Cell(duration(seconds), f"{seconds:.6g}", "n")


def cost_table(table: pd.DataFrame, names: list[str]) -> Table:
    body = []
    for name, row in zip(names, table.itertuples(), strict=True):
        line = [Cell(name), number(row.jobs, 0), time(row.cpu_seconds), time(row.seconds)]
        line += [number(row.seconds / row.jobs, 1), number(row.longest_seconds, 1), number(row.peak_memory_mb, 0)]
        body.append([*line, time(row.gpu_seconds) if row.gpu_seconds else nothing()])
    titles = ["stage", "jobs", "CPU time", "wall time", "s per job", "longest (s)", "peak memory (MB)", "GPU time"]
    return Table("costs", titles, body, csv="costs")


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("costs")
    if table is None or table.empty:
        return None
    part = Section("costs", "Runtimes")
    table = table.sort_values("seconds", ascending=False)
    names = stage_names(table)
    part.blocks += claim("costs", most_time(table, names, duration))
    frame = pd.DataFrame({"row": names, "seconds": table["seconds"], "jobs": table["jobs"]})
    frame["time"] = table["seconds"].map(duration)
    spec = charts.bars("costs", names, "seconds", ["row", "time", "jobs"])
    part.blocks += [inputs.chart("costs", spec, frame), inputs.caption("costs"), cost_table(table, names)]
    return part
