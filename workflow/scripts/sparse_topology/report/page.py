"""What stands on the report page, in blocks, and the page made of them: one self-contained HTML file.

How each block looks is the template's business (workflow/report/page.html.jinja), by the block's `kind`.
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import jinja2
from markupsafe import Markup

from sparse_topology.report.definitions import terms, used
from sparse_topology.words import PALETTE


@dataclass
class Cell:
    """A table cell: printed text, the value it sorts by, its CSS class, further lines in small print, and the length of
    the bar behind it as a fraction of the cell."""

    text: str
    value: object = None
    mark: str = ""
    small: str = ""
    bar: float | None = None


@dataclass
class Table:
    """A table of the page: header groups (text, columns spanned), column titles, rows of Cells; `heads` columns are row
    headings. `csv` names the table file that its download button saves; without one the button saves what is shown.
    `label` names it to a screen reader; without one it gets the heading above it."""

    name: str
    columns: list[str]
    rows: list[list[Cell]]
    groups: list[tuple[str, int]] = field(default_factory=list)
    heads: int = 1
    base: list[int] = field(default_factory=list)
    csv: str | None = None
    label: str = ""
    kind: ClassVar = "table"

    @property
    def numeric(self) -> set[int]:
        """The columns that hold a number, which stand on the right."""
        return {k for row in self.rows for k, cell in enumerate(row) if k >= self.heads and "n" in cell.mark.split()}


@dataclass
class Chart:
    """A Vega-Lite specification and the names of the data sets it reads. `alt` says in words what it shows; without it,
    the heading above it and what its section says first do."""

    name: str
    spec: dict
    data: list[str]
    renderer: str = "svg"
    alt: str = ""
    terms: list[str] = field(default_factory=list)
    kind: ClassVar = "chart"


@dataclass
class Heading:
    """A sub-heading."""

    name: str
    text: str
    kind: ClassVar = "heading"


@dataclass
class Paragraph:
    """A sentence or more; role: "note" (why something is missing) or "soft"."""

    text: str
    role: str = ""
    kind: ClassVar = "paragraph"


@dataclass
class Claim:
    """What a section or a sub-section, whose name is `anchor`, says first."""

    anchor: str
    text: str
    kind: ClassVar = "claim"


@dataclass
class Findings:
    """Claims of the whole page, each with the title of what it links to."""

    claims: list[tuple[Claim, str]]
    kind: ClassVar = "findings"


@dataclass
class Bullets:
    """Sentences one below the other."""

    lines: list[str]
    kind: ClassVar = "bullets"


@dataclass
class Caption:
    """A caption, HTML."""

    text: Markup
    kind: ClassVar = "caption"


@dataclass
class Captioned:
    """A block with its caption."""

    block: object
    caption: Markup
    kind: ClassVar = "captioned"


@dataclass
class Unrolling:
    """A small convolution whose weights can be switched off, beside its rolled and its unrolled graph."""

    kind: ClassVar = "unrolling"


@dataclass
class Glossary:
    """Terms as they are printed, and what they mean."""

    entries: dict[str, str]
    kind: ClassVar = "glossary"


@dataclass
class Code:
    """Text as it is typed."""

    text: str
    kind: ClassVar = "code"


@dataclass
class Facts:
    """Boxes of (name, value, small print)."""

    boxes: list[tuple[str, str, str]]
    kind: ClassVar = "facts"


@dataclass
class Pictures:
    """Images side by side, or one below the other if they are wide: (title, data URL)."""

    pictures: list[tuple[str, str]]
    wide: bool = False
    kind: ClassVar = "pictures"


@dataclass
class Details:
    """Blocks that open by a click."""

    summary: str
    blocks: list
    kind: ClassVar = "details"


@dataclass
class Pair:
    """Lists of blocks side by side where there is room."""

    blocks: list[list]
    kind: ClassVar = "pair"


@dataclass
class Section:
    """A part of the page. blocks: in order."""

    name: str
    title: str
    blocks: list = field(default_factory=list)

    @property
    def headings(self) -> list[Heading]:
        return [block for block in leaves(self.blocks) if isinstance(block, Heading)]


def number(value, digits: int = 2, plus: bool = False) -> Cell:
    """A number as a cell; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return Cell("–", "", "n")
    text = f"{value:{'+' if plus else ''}.{digits}f}".replace("-", "−")
    return Cell(text, f"{value:.6g}", "n")


def leaves(blocks: list):
    """All blocks, also those inside Details and Pairs."""
    for block in blocks:
        match block:
            case Pair(sides):
                for side in sides:
                    yield from leaves(side)
            case Details(_, inner):
                yield from leaves(inner)
            case Captioned(inner):
                yield from leaves([inner])
            case _:
                yield block


def claims(sections: list[Section]) -> dict[str, tuple[Claim, str]]:
    """{anchor: (claim, title of its section or sub-section)} of all sections."""
    found = {}
    for section in sections:
        blocks = list(leaves(section.blocks))
        titles = {section.name: section.title} | {b.name: b.text for b in blocks if isinstance(b, Heading)}
        found |= {b.anchor: (b, titles[b.anchor]) for b in blocks if isinstance(b, Claim)}
    return found


def downloads(sections: list[Section]) -> list[str]:
    """The table files that the page's tables offer."""
    tables = [block for section in sections for block in leaves(section.blocks) if isinstance(block, Table)]
    return sorted({table.csv for table in tables if table.csv})


def with_captions(blocks: list) -> list:
    """The blocks with every caption inside the figure or table that it follows."""
    found = []
    for block in blocks:
        if isinstance(block, Caption) and found and isinstance(found[-1], Chart | Table | Pictures | Pair):
            found[-1] = Captioned(found[-1], block.text)
        elif isinstance(block, Pair):
            found.append(Pair([with_captions(side) for side in block.blocks]))
        else:
            found.append(block)
    return found


def with_words(section: Section) -> Section:
    """The section with its captions in place, and a name in words for every chart and table that has none."""
    heading, says = section.title, ""
    for block in leaves(section.blocks):
        match block:
            case Heading(_, text):
                heading, says = text, ""
            case Chart(alt=""):
                block.alt = f"Chart: {heading}. {says}".strip()
            case Table(label=""):
                block.label = heading
            case _ if block.kind == "claim":
                says = block.text
    return Section(section.name, section.title, with_captions(section.blocks))


def caption(path) -> Caption:
    """A caption in reStructuredText."""
    from docutils.core import publish_parts

    settings = {"report_level": 5, "file_insertion_enabled": False, "raw_enabled": False}
    parts = publish_parts(Path(path).read_text(encoding="utf-8"), writer="html", settings_overrides=settings)
    return Caption(Markup(parts["fragment"]))


def columns_of(frame, digits: int = 5) -> dict[str, list]:
    """A data frame by columns for JSON: numbers to `digits` significant digits, no value as null."""
    columns = {}
    for name in frame.columns:
        values = frame[name].tolist()
        columns[name] = [_plain(value, digits) for value in values]
    return columns


def _plain(value, digits: int):
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = float(f"{value:.{digits}g}")
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    return value


def embedded(content) -> Markup:
    """JSON that may stand inside a script element."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def code(text: str) -> Markup:
    """JavaScript that may stand inside a script element."""
    return Markup(text.replace("</script", "<\\/script"))


@dataclass
class Look:
    """What the page is made with: the paths of its template, style sheet and script."""

    template: str
    style: str
    script: str

    def page(self, **content) -> str:
        environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
        style, script = (
            Markup(Path(self.style).read_text(encoding="utf-8")),
            code(Path(self.script).read_text(encoding="utf-8")),
        )
        return environment.from_string(Path(self.template).read_text(encoding="utf-8")).render(
            style=style, script=script, **content
        )


def render_page(
    look: Look,
    title: str,
    lead: str,
    sections: list[Section],
    data: dict,
    config: dict,
    files: dict[str, str],
    facets: dict[str, list[str]],
) -> str:
    """The whole page. data: {name: columns}; config: Vega-Lite's; files: {table name: CSV text} for the downloads;
    facets: {name: printed words} that the page's filter offers."""
    import vl_convert

    charts = [block for section in sections for block in leaves(section.blocks) if isinstance(block, Chart)]
    for chart in charts:
        chart.terms = [term for name in chart.data for term in used(data[name])]
    shown = {name for chart in charts for name in chart.data}
    content = {
        "data": {name: columns for name, columns in data.items() if name in shown},
        "charts": {c.name: {"spec": c.spec, "data": c.data, "renderer": c.renderer} for c in charts},
        "config": config,
        "facets": facets,
        "hues": PALETTE,
    }
    return look.page(
        title=title,
        lead=lead,
        facets=facets,
        terms=terms(),
        sections=[with_words(section) for section in sections],
        content=embedded(content),
        files={name: embedded(text) for name, text in files.items()},
        library=code(vl_convert.javascript_bundle()) if charts else "",
    )
