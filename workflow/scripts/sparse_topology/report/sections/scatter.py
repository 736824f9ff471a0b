"""Every topometric against the accuracy drop, one point per network."""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Section
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, menus, printed_columns
from sparse_topology.report.takeaways import clouds
from sparse_topology.words import by_group, printed

ONE_CLOUD = "Nothing tells a trend from a gap between architectures: there are not two with enough networks."


def measured(pool: pd.DataFrame) -> pd.DataFrame:
    """The topometrics of the pool that have a value, in printing order. The motif counts of the multipartite graph
    (size 4) and of the bipartite ones (size 3) share a column: no encoding has both."""
    names = [name for name in pool.columns if f"raw_{name}" in pool.columns]
    found = pool[by_group(name for name in names if pool[name].notna().any())]
    if {"motif3", "motif4"} <= set(found.columns):
        found = found.assign(motif4=found["motif4"].fillna(found["motif3"])).drop(columns="motif3")
        return found.rename(columns=lambda name: "motif" if name == "motif4" else printed(name))
    return found.rename(columns=printed)


def section(inputs: PageInputs) -> Section | None:
    pool = inputs.pool
    if pool.empty:
        return None
    part = Section("scatter", "Every topometric against the drop")
    pool = pool[pool["drop"].notna()]
    values = measured(pool)
    if not len(values.columns):
        part.blocks.append(empty("No network has both a topometric and an accuracy drop."))
        return part
    labels = {"encoding": "encoding", "dataset": "data set", "architecture": "architecture", "sparsity": "sparsity"}
    frame = printed_columns(pool, [*labels, "pruning"]).rename(columns={"pruning": "algorithm"})
    frame["network"] = frame["algorithm"] + " " + frame["sparsity"] + ", " + frame["architecture"]
    frame["network"] += " on " + frame["dataset"] + ", seed " + pool["seed"].astype(str)
    frame["accuracy drop"], frame["accuracy"] = pool["drop"], pool["accuracy"].map("{:.1%}".format)
    metrics = [name for name in pool.columns if f"raw_{name}" in pool.columns and pool[name].notna().any()]
    part.blocks += claim("scatter", clouds(pool, metrics) or ONE_CLOUD)
    choices = menus(pool, labels, everything=["dataset", "architecture", "sparsity"])
    size = 16 if len(pool) > 1000 else 32
    spec = charts.scatter("networks", list(values.columns), choices, set(pool["pruning"]), size)
    part.blocks += [inputs.chart("networks", spec, frame.join(values), "canvas"), inputs.caption("scatter")]
    return part
