"""Drawings of graphs."""

import base64
import re
from pathlib import Path

import numpy as np
import pandas as pd

from sparse_topology.report.page import Pictures, Section
from sparse_topology.report.sections.inputs import PageInputs
from sparse_topology.words import network_title

BESIDE = 7  # inches: what is wider is not read beside another


def address(path: str) -> str:
    """An SVG file as a data URL, for an image: its identifiers stay its own."""
    return f"data:image/svg+xml;base64,{base64.b64encode(Path(path).read_bytes()).decode()}"


def inches(path: str) -> float:
    """The width of an SVG that matplotlib made; 0 without one."""
    found = re.search(r'<svg[^>]* width="([0-9.]+)pt"', Path(path).read_text(encoding="utf-8")[:2000])
    return float(found[1]) / 72 if found else 0.0


def told(pool: pd.DataFrame, network: dict) -> str:
    """A network's title and, where the pool has it, what it lost and how many of its units are dead; without a seed,
    what those of its cell lost."""
    keys = [name for name in ("dataset", "architecture", "pruning", "seed") if name in network]
    rows = pool[(pool["encoding"] == "mge") & np.isclose(pool["sparsity"], float(network["sparsity"]))]
    for name in keys:
        rows = rows[rows[name].astype(str) == network[name]]
    text = network_title(network)
    if not {"seed", "name"} & set(network) and rows["drop"].notna().any():
        # A mask that was made for the drawing alone stands for the networks of its cell.
        drops = rows["drop"].dropna()
        lost = f"the {len(drops)} networks of the pool lost {drops.mean():.1%} of the dense accuracy"
        return f"{text}: a mask made here; {lost}"
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
    pictures = [(told(inputs.pool, network), address(path)) for network, path in inputs.drawings]
    wide = any(inches(path) > BESIDE for _, path in inputs.drawings)
    return Section("graphs", "Graphs", [Pictures(pictures, wide), inputs.caption("graphs")])
