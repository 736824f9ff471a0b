"""Drawings of graphs."""

import base64
from pathlib import Path

import numpy as np
import pandas as pd

from sparse_topology.report.page import Pictures, Section
from sparse_topology.report.sections.inputs import PageInputs
from sparse_topology.words import network_title


def address(path: str) -> str:
    """An SVG file as a data URL, for an image: its identifiers stay its own."""
    return f"data:image/svg+xml;base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


def told(pool: pd.DataFrame, network: dict) -> str:
    """A network's title and, where the pool has it, what it lost and how many of its units are dead."""
    keys = [name for name in ("dataset", "architecture", "pruning", "seed") if name in network]
    rows = pool[(pool["encoding"] == "mge") & np.isclose(pool["sparsity"], float(network["sparsity"]))]
    for name in keys:
        rows = rows[rows[name].astype(str) == network[name]]
    text = network_title(network)
    if len(rows) != 1:
        return text
    row, parts = rows.iloc[0], []
    if pd.notna(row["drop"]):
        parts.append(f"accuracy drop {row['drop']:.1%}")
    dead = [row.get(name, np.nan) for name in ("sink", "source", "disconnected")]
    if np.isfinite(dead).all():
        parts.append(f"{sum(dead):.1%} of its units dead")
    return f"{text}: {', '.join(parts)}" if parts else text


def section(inputs: PageInputs) -> Section | None:
    if not inputs.drawings:
        return None
    pictures = Pictures([(told(inputs.pool, network), address(path)) for network, path in inputs.drawings])
    return Section("graphs", "Graphs", [pictures, inputs.caption("graphs")])
