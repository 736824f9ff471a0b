"""What the study cost: time and memory per stage, from Snakemake's benchmark files and the training records.

One row per stage (for the metrics: per family): jobs; seconds, cpu_seconds, gpu_seconds, summed; longest_seconds and
peak_memory_mb of one job. CPU time and memory are sampled while a job runs, so very short jobs count as 0. The training
records know which trainings ran on a GPU: their seconds are the GPU time.
"""

import csv
from collections import defaultdict
from pathlib import Path

from sparse_topology.files import atomic, read_json
from sparse_topology.job import job

COLUMNS = ["stage", "detail", "jobs", "seconds", "cpu_seconds", "gpu_seconds", "longest_seconds", "peak_memory_mb"]


def stage_of(path: str) -> tuple[str, str]:
    """(stage, detail) of .../benchmarks/<stage>[/<wildcards>].tsv; the detail is a metric's family, or "published"."""
    parts = Path(path).with_suffix("").parts
    inside = parts[len(parts) - parts[::-1].index("benchmarks") :]
    if inside[0] == "published" and len(inside) > 1:
        return inside[1], "published"
    return inside[0], inside[-1] if inside[0] == "metric" else ""


def value(text: str) -> float:
    """A benchmark's number; what was not measured counts as 0."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def runs(path: str) -> list[dict[str, float]]:
    """The measured runs of one benchmark file."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, delimiter="\t"))
    names = {"seconds": "s", "cpu_seconds": "cpu_time", "memory": "max_rss"}
    return [{ours: value(line[theirs]) for ours, theirs in names.items()} for line in lines]


def gpu_seconds(records: list[str]) -> dict[str, float]:
    """{stage: seconds of the trainings that ran on a GPU}."""
    total = defaultdict(float)
    for path in records:
        record = read_json(path)
        if record["device"] != "cpu":
            total[record["stage"]] += record["seconds"]
    return total


def cost_rows(benchmarks: list[str], records: list[str]) -> list[dict]:
    stages = defaultdict(list)
    for path in benchmarks:
        stages[stage_of(path)] += runs(path)
    on_gpu = gpu_seconds(records)
    rows = []
    for (stage, detail), measured in sorted(stages.items()):
        row = {"stage": stage, "detail": detail, "jobs": len(measured)}
        row |= {name: round(sum(run[name] for run in measured), 2) for name in ("seconds", "cpu_seconds")}
        row["gpu_seconds"] = round(on_gpu.get(stage, 0.0), 2)
        row["longest_seconds"] = max((run["seconds"] for run in measured), default=0.0)
        row["peak_memory_mb"] = max((run["memory"] for run in measured), default=0.0)
        rows.append(row)
    return rows


def main(benchmarks: list[str], records: list[str], output: str) -> None:
    with atomic(output) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(cost_rows(benchmarks, records))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files = snakemake.input
        main(list(files.benchmarks), list(files.get("records", [])), snakemake.output[0])
