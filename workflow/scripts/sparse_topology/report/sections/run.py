"""What was run: the networks, the machine, the versions, the cost."""

import json

import pandas as pd

from sparse_topology.report.page import Cell, Code, Details, Facts, Section, Table
from sparse_topology.report.sections.inputs import PageInputs, empty
from sparse_topology.words import in_order, printed


def network_facts(pool: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Boxes (name, value, small print) about the networks of the pool."""
    networks = pool.drop_duplicates(["dataset", "architecture", "pruning", "sparsity", "seed"])
    boxes = [("sparse networks", f"{len(networks):,}", f"{int(networks['collapsed'].sum())} collapsed")]
    for column, title in {"dataset": "data sets", "architecture": "architectures", "pruning": "algorithms"}.items():
        words = in_order(networks[column])
        boxes.append((title, str(len(words)), ", ".join(map(printed, words))))
    for column, title in {"sparsity": "sparsities", "seed": "seeds"}.items():
        values = sorted(set(networks[column]))
        boxes.append((title, str(len(values)), ", ".join(f"{value:g}" for value in values)))
    edges = pool.loc[pool["encoding"] == "mge", "edges"].dropna()
    if len(edges):
        extremes = f"median; {short(edges.min())} to {short(edges.max())}"
        boxes.append(("edges of a graph", short(edges.median()), extremes))
    return boxes


def short(count: float) -> str:
    """A count in thousands (k) or millions (M)."""
    if count < 1e4:
        return f"{count:,.0f}"
    return f"{count / 1e3:.0f} k" if count < 1e6 else f"{count / 1e6:.1f} M"


def duration(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"


def cost_facts(costs: pd.DataFrame | None) -> list[tuple[str, str, str]]:
    if costs is None or costs.empty:
        return []
    boxes = [("CPU time", duration(costs["cpu_seconds"].sum()), f"{costs['jobs'].sum():,.0f} jobs")]
    if costs["gpu_seconds"].sum() > 0:
        boxes.append(("GPU time", duration(costs["gpu_seconds"].sum()), "of training"))
    return boxes


def run_facts(manifest: dict) -> list[tuple[str, str]]:
    """Lines (what, value) of the manifest."""
    machine, git = manifest.get("machine", {}), manifest.get("git")
    commit = "not in a git repository"
    if git:
        changes = [line.strip() for line in git.get("changes", [])]
        more = f" and {len(changes) - 10} more" if len(changes) > 10 else ""
        named = f" ({', '.join(changes[:10])}{more})" if changes else ""
        commit = git["commit"] + (f", with uncommitted changes{named}" if git["dirty"] else "")
    lines = {
        "command": manifest.get("command"),
        "date": manifest.get("date"),
        "commit": commit,
        "system": machine.get("system"),
        "processor": machine.get("processor"),
        "cores": machine.get("cores"),
        "memory (GB)": machine.get("memory_gb"),
        "GPUs": ", ".join(machine.get("gpus", [])) or "none",
        "versions": ", ".join(f"{name} {version}" for name, version in manifest.get("versions", {}).items()),
    }
    return [(name, str(value)) for name, value in lines.items() if value]


def section(inputs: PageInputs) -> Section:
    part = Section("run", "What was run")
    if inputs.pool.empty:
        part.blocks.append(empty("There are no networks."))
    else:
        part.blocks.append(Facts(network_facts(inputs.pool) + cost_facts(inputs.table("costs"))))
    if inputs.manifest:
        rows = [[Cell(name), Cell(value, None, "long")] for name, value in run_facts(inputs.manifest)]
        part.blocks.append(Table("run", ["", "this run"], rows))
        config = json.dumps(inputs.manifest.get("config", {}), indent=1)
        part.blocks.append(Details("Configuration", [Code(config)]))
    part.blocks.append(inputs.caption("run"))
    return part
