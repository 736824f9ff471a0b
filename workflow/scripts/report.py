"""One self-contained page about a study: what was run, every table, and an interactive form of every figure.

Each section stands for itself: what a study does not have is left out, what came out empty is said in a sentence.
"""

from pathlib import Path

import pandas as pd

from sparse_topology.files import read_json, read_parquet, read_table, write_text
from sparse_topology.job import job
from sparse_topology.report.charts import CONFIG
from sparse_topology.report.page import Look, downloads, render_page
from sparse_topology.report.sections import (
    accuracy,
    before_training,
    comparison,
    controls,
    costs,
    drawings,
    families,
    findings,
    importance,
    layers,
    masks,
    ranking,
    regression,
    run,
    scatter,
    words,
)
from sparse_topology.report.sections.inputs import PageInputs, facets

SECTIONS = [accuracy, scatter, importance, regression, families, ranking, before_training, layers, controls, masks]
SECTIONS += [comparison, drawings, words, costs, run]


def read_tables(paths: dict[str, str]) -> dict[str, pd.DataFrame]:
    """The tables. A column that holds sparsities beside words is text, and so are accuracies as the paper prints them
    (with one seed they have no ± and look like numbers)."""
    text = dict.fromkeys(["value", "column", "detail"], str)
    words_too = {name: {"sparsity": str} for name in ("ranking", "rank_evaluation", "controls")}
    words_too["accuracy"] = {"printed": str, "printed_above_chance": str}
    kinds = {name: text | words_too.get(name, {}) for name in paths}
    return {name: read_table(path, dtype=kinds[name]) for name, path in paths.items()}


def main(tables: dict, pool, manifest, captions: dict, graphs: list, look: Look, output, cfg: dict) -> None:
    """tables: {name: CSV}; pool: topometrics.parquet; manifest: JSON or None; captions: {name: .rst}; graphs: [(words
    of a network, SVG)]; look: template, style sheet and script; cfg: title, lead (a sentence below the title)."""
    inputs = PageInputs(
        read_parquet(pool), read_tables(tables), read_json(manifest) if manifest else {}, captions, graphs
    )
    sections = [part for module in SECTIONS if (part := module.section(inputs))]
    sections.insert(0, findings.section(inputs, sections))
    files = {name: Path(tables[name]).read_text(encoding="utf-8") for name in downloads(sections)}
    write_text(
        output, render_page(look, cfg["title"], cfg["lead"], sections, inputs.data, CONFIG, files, facets(inputs.pool))
    )


if __name__ == "__main__":
    with job(snakemake.log[0]):
        files, cfg = snakemake.input, snakemake.params.cfg
        main(
            {Path(path).stem: path for path in files.tables},
            files.pool,
            files.get("manifest"),
            {Path(path).stem: path for path in files.captions},
            list(zip(cfg.get("graphs", []), files.get("graphs", []), strict=True)),
            Look(files.template, files.style, files.script),
            snakemake.output[0],
            cfg,
        )
