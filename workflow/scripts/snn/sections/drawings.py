"""Drawings of graphs."""

import base64
from pathlib import Path

from snn.page import Section, escape
from snn.sections.study import Study


def picture(title: str, path: str) -> str:
    """An SVG file as an image: its identifiers stay its own."""
    data = base64.b64encode(Path(path).read_bytes()).decode()
    image = f'<img alt="{escape(title)}" src="data:image/svg+xml;base64,{data}">'
    return f"<figure>{image}<figcaption>{escape(title)}</figcaption></figure>"


def section(study: Study) -> Section | None:
    if not study.drawings:
        return None
    pictures = "".join(picture(title, path) for title, path in study.drawings)
    return Section("graphs", "Graphs", [f'<div class="drawings">{pictures}</div>', study.caption("graphs")])
