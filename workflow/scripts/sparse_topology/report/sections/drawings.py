"""Drawings of graphs."""

import base64
from pathlib import Path

from sparse_topology.report.page import Pictures, Section
from sparse_topology.report.sections.inputs import PageInputs


def address(path: str) -> str:
    """An SVG file as a data URL, for an image: its identifiers stay its own."""
    return f"data:image/svg+xml;base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


def section(inputs: PageInputs) -> Section | None:
    if not inputs.drawings:
        return None
    pictures = Pictures([(title, address(path)) for title, path in inputs.drawings])
    return Section("graphs", "Graphs", [pictures, inputs.caption("graphs")])
