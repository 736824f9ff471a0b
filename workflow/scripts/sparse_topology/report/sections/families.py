"""Regression across families: does what the topology says of one kind of mask hold for another?"""

import pandas as pd

from sparse_topology.report import charts
from sparse_topology.report.page import Cell, Chart, Section, Table, number
from sparse_topology.report.sections.inputs import PageInputs, claim, first_encoding, interval_text
from sparse_topology.report.takeaways import ENOUGH, across_families, estimate
from sparse_topology.words import in_order, printed

FEATURES = {
    "topometrics": "topometrics",
    "topometrics_further": "topometrics and further metrics",
    "layer_density": "Layer-Density only",
    "architecture_dataset_sparsity": "architecture, data set, sparsity",
}
FEW = f"Nothing can be told of the topometrics: there are fewer than {ENOUGH} networks for each in every family."
LEAST = -0.5  # where the chart's axis begins


def transfers(table: pd.DataFrame, regressor: str) -> pd.DataFrame:
    """All networks together, the first encoding, one regressor, where there are enough networks for a fit."""
    rows = table[(table["scenario"] == "all") & (table["encoding"] == first_encoding(table))]
    rows = rows[(rows["regressor"] == regressor) & rows["adjusted_r2"].notna() & rows["features"].isin(list(FEATURES))]
    return rows[rows["trained_networks"] >= ENOUGH * rows["feature_count"]]


def pair_name(row) -> str:
    return f"{row.trained_on} → {row.tested_on}" if row.trained_on != row.tested_on else f"{row.tested_on}, itself"


def transfer_chart(inputs: PageInputs, rows: pd.DataFrame) -> Chart:
    frame = pd.DataFrame(
        {
            "row": [pair_name(row) for row in rows.itertuples()],
            "method": rows["features"].map(FEATURES),
            "value": rows["adjusted_r2"].clip(lower=LEAST),
            "beyond": rows["adjusted_r2"] < LEAST,
            "low": rows["adjusted_r2_low"],
            "high": rows["adjusted_r2_high"],
            "networks learned on": rows["trained_networks"],
            "networks tested": rows["tested_networks"],
        }
    )
    values = rows[["adjusted_r2", "adjusted_r2_low", "adjusted_r2_high"]]
    frame["adjusted R²"] = [estimate(*v) for v in values.itertuples(index=False)]
    hints = ["row", "method", "adjusted R²", "networks learned on", "networks tested"]
    order = list(dict.fromkeys(frame.sort_values("row", key=lambda names: names.str.split(" → |, ").str[-1])["row"]))
    methods = [name for name in FEATURES.values() if name in set(frame["method"])]
    spec = charts.grouped_dots("families", order, methods, "adjusted R² of ridge", hints, x="value", least=LEAST)
    return inputs.chart("families", spec, frame)


def transfer_table(mean: pd.DataFrame, ridge: pd.DataFrame) -> Table:
    """One row per pair of families and feature set: ridge, and the mean of the eight regressors."""
    key = ["features", "trained_on", "tested_on"]
    others = mean.set_index(key)
    body = []
    for row in ridge.itertuples():
        r2, rank = number(row.adjusted_r2), number(row.rank_correlation)
        r2.small = interval_text(row.adjusted_r2_low, row.adjusted_r2_high)
        rank.small = interval_text(row.rank_correlation_low, row.rank_correlation_high)
        place = (row.features, row.trained_on, row.tested_on)
        all_eight = number(others.loc[place, "adjusted_r2"] if place in others.index else float("nan"))
        line = [Cell(row.trained_on), Cell(row.tested_on), Cell(FEATURES[row.features])]
        line += [number(row.trained_networks, 0), number(row.tested_networks, 0)]
        body.append([*line, r2, rank, all_eight])
    titles = ["learned on", "tested on", "features", "networks", "tested", "adjusted R², ridge", "rank correlation"]
    return Table("families", [*titles, "adjusted R², mean of eight"], body, heads=3, csv="families")


def section(inputs: PageInputs) -> Section | None:
    table = inputs.table("families")
    if table is None or table.empty:
        return None
    names = in_order(set(table["trained_on"]))
    if len(names) < 2:
        return None
    part = Section("families", "From one family to another")
    ridge = transfers(table, "ridge")
    if ridge.empty:
        counts = table.drop_duplicates("trained_on").set_index("trained_on")["trained_networks"]
        found = ", ".join(f"{printed(name)} {counts[name]}" for name in names)
        reason = f"Nothing can be told: fewer than {ENOUGH} networks per topometric in each family ({found})."
        part.blocks += claim("families", reason)
        return part
    part.blocks += claim("families", across_families(table) or FEW)
    part.blocks += [transfer_chart(inputs, ridge), inputs.caption("families")]
    part.blocks.append(transfer_table(transfers(table, "mean"), ridge))
    return part
