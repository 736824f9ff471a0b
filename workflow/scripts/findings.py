"""What the tables say, as Markdown: the passages of the page without its charts."""

import pandas as pd

from sparse_topology.files import read_table, write_text
from sparse_topology.job import job
from sparse_topology.report.passages import (
    Passage,
    baselines,
    generalisation,
    importance,
    layers,
    prediction,
    ranking,
    redundancy,
    reproduction,
)

TEXT = {"value": str, "sparsity": str, "column": str}
PASSAGES = {
    "paper_comparison": [reproduction],
    "regression": [baselines, generalisation],
    "redundancy": [redundancy],
    "importance": [importance],
    "layer_correlation": [layers],
    "ranking": [ranking],
    "rank_evaluation": [prediction],
}


def markdown(part) -> str:
    """A paragraph, bullets, or a table of strings with the index as its first column."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        return "\n".join(f"- {line}" for line in part)
    head = [part.index.name or "", *map(str, part.columns)]
    rows = [[str(name), *map(str, row)] for name, row in zip(part.index, part.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *rows])


def text_of(passage: Passage) -> str:
    return "\n\n".join([f"## {passage.title}", *map(markdown, passage.parts)])


def page(tables: dict[str, pd.DataFrame], title: str) -> str:
    """The passages of the tables that are there and hold at least one value."""
    parts = [f"# {title}", "Generated from the tables of the run that made it; every number stands in one of them."]
    for name, passages in PASSAGES.items():
        table = tables.get(name)
        if table is None:
            continue
        for passage in passages:
            parts.append(text_of(passage(table)) if has_values(table) else f"## {name}\n\nThe table holds no values.")
    return "\n\n".join(parts) + "\n"


def has_values(table: pd.DataFrame) -> bool:
    scores = [c for c in ("adjusted_r2", "r", "rbo", "variance_inflation", "agrees") if c in table]
    return len(table) > 0 and bool(table[scores].notna().any(axis=None))


def main(tables: dict, output, cfg: dict) -> None:
    """tables: {name: path of the CSV} for the keys of PASSAGES that there are; cfg: title."""
    found = {name: read_table(path, dtype=TEXT) for name, path in tables.items()}
    write_text(output, page(found, cfg["title"]))


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(dict(snakemake.input.items()), snakemake.output[0], snakemake.params.cfg)
