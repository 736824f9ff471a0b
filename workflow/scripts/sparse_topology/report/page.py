"""Pieces of one self-contained HTML page: sections with links, tables that sort and filter, charts, captions."""

import html
import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from sparse_topology.report.browser import SCRIPT, STYLE

# Nothing is fetched, whatever a browser or an extension thinks; Vega compiles its expressions (unsafe-eval).
POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"


@dataclass
class Cell:
    """A table cell: printed text, the value it sorts by, its CSS class, and a second line in small print."""

    text: str
    value: object = None
    mark: str = ""
    small: str = ""


@dataclass
class Table:
    """A table of the page: header groups (text, columns spanned), column titles, rows of Cells; `heads` columns are row
    headings. `csv` names the table file that its download button saves; without one the button saves what is shown."""

    name: str
    columns: list[str]
    rows: list[list[Cell]]
    groups: list[tuple[str, int]] = field(default_factory=list)
    heads: int = 1
    base: list[int] = field(default_factory=list)
    csv: str | None = None


@dataclass
class Chart:
    """A Vega-Lite specification and the names of the data sets it reads."""

    name: str
    spec: dict
    data: list[str]
    renderer: str = "svg"


@dataclass
class Heading:
    """A sub-heading."""

    name: str
    text: str


@dataclass
class Details:
    """A block that opens by a click."""

    summary: str
    block: object


@dataclass
class Pair:
    """Lists of blocks side by side where there is room."""

    blocks: list[list]


@dataclass
class Section:
    """A part of the page. blocks: HTML strings, Tables, Charts, Headings, Details and Pairs, in order."""

    name: str
    title: str
    blocks: list = field(default_factory=list)


def escape(text) -> str:
    return html.escape(str(text))


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def heading(level: int, name: str, text: str) -> str:
    link = f'<a class="anchor" href="#{name}" aria-label="Link to this section">#</a>'
    return f'<h{level} id="{name}">{escape(text)}&nbsp;{link}</h{level}>'


def facts(pairs: list[tuple[str, str, str]]) -> str:
    """Boxes of (name, value, small print)."""
    boxes = []
    for name, value, small in pairs:
        detail = f"<small>{escape(small)}</small>" if small else ""
        boxes.append(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{detail}</dd></div>")
    return f'<dl class="facts">{"".join(boxes)}</dl>'


def number(value, digits: int = 2, plus: bool = False) -> Cell:
    """A number as a cell; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return Cell("–", "", "n")
    text = f"{value:{'+' if plus else ''}.{digits}f}".replace("-", "−")
    return Cell(text, f"{value:.6g}", "n")


def render_cell(cell: Cell, is_head: bool) -> str:
    attributes = "" if cell.value is None else f' data-v="{escape(cell.value)}"'
    attributes += f' class="{cell.mark}"' if cell.mark else ""
    tag = "th" if is_head else "td"
    small = f"<small>{escape(cell.small)}</small>" if cell.small else ""
    return f"<{tag}{attributes}>{escape(cell.text)}{small}</{tag}>"


def render_table(table: Table) -> str:
    numeric = [
        any("n" in row[k].mark.split() for row in table.rows) if k >= table.heads else False
        for k in range(len(table.columns))
    ]
    head = ""
    if table.groups:
        spans = (f'<th class="group" colspan="{span}">{escape(text)}</th>' for text, span in table.groups)
        head = f"<tr>{''.join(spans)}</tr>"
    titles = "".join(
        f'<th aria-sort="none"{" class=n" if right else ""}><button>{escape(title)}</button></th>'
        for title, right in zip(table.columns, numeric, strict=True)
    )
    body = []
    for k, row in enumerate(table.rows):
        cells = "".join(render_cell(cell, j < table.heads) for j, cell in enumerate(row))
        body.append(f'<tr class="base">{cells}</tr>' if k in table.base else f"<tr>{cells}</tr>")
    count = len(table.rows)
    search = (
        '<input type="search" placeholder="Filter rows" aria-label="Filter rows">'
        f'<span class="count">{count} rows</span>'
        if count > 8
        else ""
    )
    button = f'<button data-csv="{table.csv or table.name}">CSV</button>'
    return (
        f'<div class="block" id="table-{table.name}"><div class="tools">{search}{button}</div>'
        f'<div class="scroll{" tall" if count > 30 else ""}" tabindex="0"><table><thead>{head}<tr>{titles}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div></div>"
    )


def render_chart(chart: Chart) -> str:
    return (
        f'<figure data-chart="{chart.name}" id="chart-{chart.name}"><div class="menus"></div><div class="plot"></div>'
        '<div class="tools"><button data-svg>SVG</button><button data-csv>data as CSV</button></div></figure>'
    )


def render_block(block) -> str:
    match block:
        case Table():
            return render_table(block)
        case Chart():
            return render_chart(block)
        case Heading(name, text):
            return heading(3, name, text)
        case Details(summary, inner):
            return f"<details><summary>{escape(summary)}</summary>{render_block(inner)}</details>"
        case Pair(blocks):
            return f'<div class="pair">{"".join(f"<div>{render_blocks(inner)}</div>" for inner in blocks)}</div>'
        case _:
            return block


def render_blocks(blocks: list) -> str:
    return "".join(map(render_block, blocks))


def leaves(blocks: list):
    """All blocks, also those inside Details and Pairs."""
    for block in blocks:
        match block:
            case Pair(sides):
                for side in sides:
                    yield from leaves(side)
            case Details(_, inner):
                yield from leaves([inner])
            case _:
                yield block


def downloads(sections: list[Section]) -> list[str]:
    """The table files that the page's tables offer."""
    tables = [block for section in sections for block in leaves(section.blocks) if isinstance(block, Table)]
    return sorted({table.csv for table in tables if table.csv})


def caption(path) -> str:
    """A caption in reStructuredText as HTML."""
    from docutils.core import publish_parts

    settings = {"report_level": 5, "file_insertion_enabled": False, "raw_enabled": False}
    parts = publish_parts(Path(path).read_text(), writer="html", settings_overrides=settings)
    return f"<figcaption>{parts['fragment']}</figcaption>"


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


def embedded(content) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")


def code(text: str) -> str:
    """JavaScript that may stand inside a script element."""
    return text.replace("</script", "<\\/script")


def render_page(title: str, lead: str, sections: list[Section], data: dict, config: dict, files: dict[str, str]) -> str:
    """The whole page. data: {name: columns}; config: Vega-Lite's; files: {table name: CSV text} for the downloads."""
    import vl_convert

    charts = [block for section in sections for block in leaves(section.blocks) if isinstance(block, Chart)]
    used = {name for chart in charts for name in chart.data}
    content = {
        "data": {name: columns for name, columns in data.items() if name in used},
        "charts": {c.name: {"spec": c.spec, "data": c.data, "renderer": c.renderer} for c in charts},
        "config": config,
    }
    links = "".join(f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in sections)
    body = "".join(f"<section>{heading(2, s.name, s.title)}{render_blocks(s.blocks)}</section>" for s in sections)
    tables = "".join(
        f'<script type="application/json" id="csv-{name}">{embedded(text)}</script>' for name, text in files.items()
    )
    library = code(vl_convert.javascript_bundle()) if charts else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<div class="layout">
<nav aria-label="Sections"><ol>{links}</ol></nav>
<main>
<h1>{escape(title)}</h1>
<p class="lead">{escape(lead)}</p>
<noscript><p class="note">The charts of this page are drawn by a script, which this browser does not run.</p></noscript>
{body}
</main>
</div>
<script type="application/json" id="page-data">{embedded(content)}</script>
{tables}
<script>{library}</script>
<script>{code(SCRIPT)}</script>
</body>
</html>
"""
