"""Drawings of graphs."""

import base64
from pathlib import Path

from sparse_topology.report.page import Section, escape
from sparse_topology.report.sections.inputs import PageInputs


def picture(title: str, path: str) -> str:
    """An SVG file as an image: its identifiers stay its own."""
    data = base64.b64encode(Path(path).read_bytes()).decode()
    image = f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(title)}</figcaption></figure>"


def section(inputs: PageInputs) -> Section | None:
    if not inputs.drawings:
        return None
    pictures = "".join(picture(title, path) for title, path in inputs.drawings)
    return Section("graphs", "Graphs", [f'<div class="drawings">{pictures}</div>', inputs.caption("graphs")])
