"""Every topometric against the accuracy drop, one point per network."""

import pandas as pd

from sparse_topology.analysis.design import LAYER_SCORES
from sparse_topology.report import charts
from sparse_topology.report.page import Chart, Details, Heading, Section
from sparse_topology.report.sections.inputs import PageInputs, claim, empty, menus, printed_columns
from sparse_topology.report.takeaways import clouds
from sparse_topology.words import by_group, in_order, printed

ONE_CLOUD = "Nothing tells a trend from a gap between architectures: there are not two with enough networks."


def measured(pool: pd.DataFrame) -> pd.DataFrame:
    """The topometrics of one encoding's networks that have a value, printed names in printing order, and the scores
    of their layer densities.
    """
    names = [name for name in pool.columns if f"raw_{name}" in pool.columns]
    if names and "mge" in set(pool["encoding"]):
        # Of a network, whatever its encoding: shown once.
        names += [name for name in LAYER_SCORES if name in pool.columns]
    return pool[by_group(name for name in names if pool[name].notna().any())].rename(columns=printed)


def scatter_chart(inputs: PageInputs, pool: pd.DataFrame, name: str) -> Chart | None:
    """One encoding: every topometric that it has."""
    values = measured(pool)
    if not len(values.columns):
        return None
    labels = {"dataset": "data set", "architecture": "architecture", "sparsity": "sparsity"}
    frame = printed_columns(pool, [*labels, "pruning"]).rename(columns={"pruning": "algorithm"})
    frame["family"] = pool["family"]
    frame["network"] = frame["algorithm"] + " " + frame["sparsity"] + ", " + frame["architecture"]
    frame["network"] += " on " + frame["dataset"] + ", seed " + pool["seed"].astype(str)
    frame["accuracy drop"], frame["accuracy"] = pool["drop"], pool["accuracy"].map("{:.1%}".format)
    frame["rank drop"] = pool["drop"].rank()
    ranks = values.rank().rename(columns="rank {}".format)
    # Architecture first: what looks like a trend may be the gap between two architectures.
    columns = {"architecture": "architecture", "dataset": "dataset", "algorithm": "pruning"}
    columns |= {"sparsity": "sparsity", "family": "family"}
    groups = {field: (labels.get(field, field), set(pool[column])) for field, column in columns.items()}
    groups = {field: group for field, group in groups.items() if len(group[1]) > 1} or {
        "algorithm": groups["algorithm"]
    }
    choices = menus(pool, labels, everything=labels)
    size = 16 if len(pool) > 500 else 32
    spec = charts.scatter(name, list(values.columns), choices, groups, size)
    return inputs.chart(name, spec, frame.join(values).join(ranks), "canvas")


def section(inputs: PageInputs) -> Section | None:
    pool = inputs.pool
    if pool.empty:
        return None
    part = Section("scatter", "Every topometric against the drop")
    pool = pool[pool["drop"].notna()]
    if not len(measured(pool).columns):
        part.blocks.append(empty("No network has both a topometric and an accuracy drop."))
        return part
    metrics = [name for name in pool.columns if f"raw_{name}" in pool.columns and pool[name].notna().any()]
    told = clouds(pool, metrics) or ONE_CLOUD
    part.blocks += claim("scatter", told)
    first, *others = in_order(pool["encoding"])
    for encoding in [first, *others]:
        # The encodings differ in the topometrics that they have; each has its own panels, so that none is empty.
        name = "networks" if encoding == first else f"networks_{encoding}"
        chart = scatter_chart(inputs, pool[pool["encoding"] == encoding], name)
        if chart is None:
            continue
        what = f"Chart: every topometric of the {printed(encoding)} against the accuracy drop."
        chart.alt = f"{what} {told}" if encoding == first else what
        if encoding == first:
            part.blocks += [Heading("scatter-first", printed(encoding)), chart, inputs.caption("scatter")]
        else:
            part.blocks.append(Details(printed(encoding), [chart]))
    return part
