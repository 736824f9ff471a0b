"""The topometrics of one network of the user's own: a single row, as in the study's pool.

Columns: nodes, edges, the topometrics normalised (paper, section 3.3), then `raw_<topometric>`. An empty cell is a
value that does not exist; its reason goes to the log.
"""

import csv

from sparse_topology.files import atomic, read_json
from sparse_topology.job import job
from sparse_topology.words import by_group


def row(families: list[dict]) -> dict:
    """One row from the metric families' results on the MGE; motif classes and other parts of a metric come last."""
    entries = [family["encodings"]["mge"] for family in families if "mge" in family["encodings"]]
    normalised = {name: value for entry in entries for name, value in entry["normalised"].items()}
    raw = {name: value for entry in entries for name, value in entry["raw"].items()}
    for entry in entries:
        for name, reason in entry["missing"].items():
            print(f"{name} has no value: {reason}")
    return (
        {"nodes": entries[0]["nodes"], "edges": entries[0]["edges"]}
        | {name: normalised[name] for name in by_group(normalised)}
        | {f"raw_{name}": raw[name] for name in by_group(raw)}
    )


def main(metrics, output) -> None:
    """metrics: the families' JSON files; output: topometrics.csv."""
    values = row([read_json(path) for path in metrics])
    with atomic(output) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(values))
        writer.writeheader()
        writer.writerow(values)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(list(snakemake.input), snakemake.output[0])
