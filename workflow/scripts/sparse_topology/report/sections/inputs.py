"""What every section of the page starts from."""

import re
from dataclasses import dataclass, field

import pandas as pd

from sparse_topology.report.page import (
    Bullets,
    Caption,
    Cell,
    Chart,
    Claim,
    Details,
    Paragraph,
    Table,
    caption,
    columns_of,
    number,
)
from sparse_topology.report.passages import Passage
from sparse_topology.words import in_order, printed


@dataclass
class PageInputs:
    """The inputs of the page. tables: {name: frame}, of a study without a network also without rows; captions: {name:
    path of an .rst}; drawings: [(words of a network, path of an SVG)]. `data` collects what the charts read, {name:
    columns}."""

    pool: pd.DataFrame
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    manifest: dict = field(default_factory=dict)
    captions: dict[str, str] = field(default_factory=dict)
    drawings: list[tuple[dict, str]] = field(default_factory=list)
    data: dict[str, dict] = field(default_factory=dict)

    def table(self, name: str) -> pd.DataFrame | None:
        return self.tables.get(name)

    def chart(self, name: str, spec: dict, frame: pd.DataFrame, renderer: str = "svg") -> Chart:
        """A chart that reads `frame`, which the page embeds under the chart's name."""
        self.data[name] = columns_of(frame)
        return Chart(name, spec, [name], renderer)

    def caption(self, name: str) -> Caption:
        return caption(self.captions[name])


def claim(anchor: str, text: str | None) -> list[Claim]:
    """What the section or sub-section `anchor` says first, if it says anything."""
    return [Claim(anchor, text)] if text else []


def in_blocks(parts: list, name: str) -> list:
    """The parts of a passage as blocks of the page; its tables are named after it."""
    blocks = []
    for number_of_part, part in enumerate(parts):
        if isinstance(part, str):
            blocks.append(Paragraph(part))
        elif isinstance(part, list):
            blocks.append(Bullets(part))
        else:
            lines = zip(part.index, part.to_numpy(), strict=True)
            rows = [[Cell(str(label)), *(text_cell(str(text)) for text in line)] for label, line in lines]
            blocks.append(Table(f"{name}-{number_of_part}", [part.index.name or "", *map(str, part.columns)], rows))
    return blocks


def in_words(passage: Passage) -> Details:
    """A passage that opens by a click."""
    return Details(passage.title, in_blocks(passage.parts, passage.name))


def text_cell(text: str) -> Cell:
    """A cell of a passage's table: one that begins with a number sorts by it, a dash is empty, a sentence wraps."""
    found = re.match(r"(−?[0-9.]+(?:e[−+]?[0-9]+)?)(?= |,|%|$)", text)
    if text == "–" or found:
        return Cell(text, found[1].replace("−", "-") if found else "", "n")
    return Cell(text, None, "long" if len(text) > 40 else "")


def empty(reason: str) -> Paragraph:
    """The sentence that stands for a chart without data."""
    return Paragraph(reason, "note")


def menus(frame: pd.DataFrame, labels: dict[str, str], everything=()) -> dict[str, tuple[str, list[str]]]:
    """{column: (label, printed options)} for charts; the columns in `everything` also offer "all", first."""
    found = {}
    for column, label in labels.items():
        options = [printed_value(value) for value in in_order(frame[column])]
        found[column] = (label, ["all", *options] if column in everything else options)
    return found


def facets(pool: pd.DataFrame) -> dict[str, list[str]]:
    """{what the page can be filtered by: printed values}, where there is a choice."""
    labels = {"dataset": "data set", "architecture": "architecture", "pruning": "algorithm", "sparsity": "sparsity"}
    return {label: options for label, options in menus(pool, labels).values() if len(options) > 1}


def printed_value(value) -> str:
    return f"{value:g}" if isinstance(value, float) else printed(value)


def printed_columns(frame: pd.DataFrame, names) -> pd.DataFrame:
    """The named columns with their words as they are printed."""
    return pd.DataFrame({name: frame[name].map(printed_value) for name in names})


def span(low: pd.Series, high: pd.Series, digits: int = 2) -> list[str]:
    """Intervals as text."""
    pairs = zip(low, high, strict=True)
    return [f"{a:.{digits}f} to {b:.{digits}f}" if pd.notna(a) and pd.notna(b) else "none" for a, b in pairs]


def first_encoding(table: pd.DataFrame) -> str | None:
    """The encoding that a section shows where it shows one: the unrolled graph if the study has it."""
    return next(iter(in_order(table["encoding"])), None)


def leaders(values: pd.Series, low: pd.Series | None = None, largest: bool = True) -> dict:
    """{index: "best" or "near"} of what competes in a column: the best of all, and what lies inside its interval (`low`
    is the lower end of each one's). Without an interval only what ties with the best is marked."""
    values = values.dropna()
    if values.empty:
        return {}
    best = values.idxmax() if largest else values.idxmin()
    bound = values[best] if low is None or pd.isna(low[best]) else min(low[best], values[best])
    near = values >= bound - 1e-9 if largest else values <= bound + 1e-9
    tied = (values - values[best]).abs() <= 1e-9
    return {key: "best" if tied[key] else "near" for key in values.index[near]}


def interval_text(low, high, digits: int = 2) -> str:
    """Low to high, which a narrow cell does not break; empty without an interval."""
    if pd.isna(low) or pd.isna(high):
        return ""
    return f"{low:.{digits}f}\u00a0to\u00a0{high:.{digits}f}".replace("-", "−")


def scenario_columns(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """(scenario, value) of a table of both scenarios, in printing order."""
    pairs = set(zip(rows["scenario"], rows["value"], strict=True))
    sparsities = sorted((v for s, v in pairs if s == "sparsity_fixed"), key=float)
    architectures = in_order(v for s, v in pairs if s == "architecture_fixed")
    return [("sparsity_fixed", v) for v in sparsities] + [("architecture_fixed", v) for v in architectures]


def scenario_groups(columns: list[tuple[str, str]]) -> list[tuple[str, int]]:
    """Header groups for those columns after one of row headings."""
    spans = [(printed(s), sum(s == t for t, _ in columns)) for s in ("sparsity_fixed", "architecture_fixed")]
    return [("", 1), *((text, width) for text, width in spans if width)]


def nothing() -> Cell:
    return number(float("nan"))
