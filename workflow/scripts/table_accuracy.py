"""Test accuracy of every cell, in the form of the paper's Tables 8 to 10.

One row per (data set, architecture, sparsity, algorithm), mean and sample standard deviation over seeds in percent, and
one row "dense" (sparsity 0) per data set and architecture. `printed` is the paper's cell: "*" where the mean is at or
below chance. Which runs the paper left out of some cells is undocumented, so the columns `..._above_chance` show the
cell without its runs at chance level beside the one over all runs.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.design import TABLE_CELL
from sparse_topology.analysis.pool import networks, read_pool, write_table
from sparse_topology.job import job


def printed(mean: float, std: float, chance: float) -> str:
    """92.7±0.3; 92.7 for a single run; * at or below chance; empty without a run."""
    if not np.isfinite(mean):
        return ""
    if mean <= chance:
        return "*"
    return f"{mean:.1f}±{std:.1f}" if np.isfinite(std) else f"{mean:.1f}"


def summary(accuracy: pd.Series, chance: float) -> tuple[float, float, str]:
    """Mean and sample standard deviation in percent and the printed cell. The mean's last bits must not decide "*"."""
    mean, std = round(accuracy.mean() * 100, 10), accuracy.std(ddof=1) * 100
    return mean, std, printed(mean, std, round(chance * 100, 10))


def accuracy_cell(key: tuple, rows: pd.DataFrame) -> dict:
    """One row of the table; rows are the runs of one cell."""
    accuracy = rows["accuracy"].dropna()
    chance = 1.0 / rows["classes"].iloc[0]
    above = accuracy[accuracy > chance] if np.isfinite(chance) else accuracy
    mean, std, text = summary(accuracy, chance)
    mean_above, std_above, text_above = summary(above, chance)
    drop = rows["drop"].dropna()
    notes = []
    if len(accuracy) < len(rows):
        notes.append(f"{len(rows) - len(accuracy)} without accuracy")
    if rows["collapsed"].sum():
        notes.append(f"{int(rows['collapsed'].sum())} collapsed")
    return dict(zip(TABLE_CELL, key, strict=True)) | {
        "accuracy_mean": mean,
        "accuracy_std": std,
        "seeds": len(accuracy),
        "printed": text,
        "drop_mean": drop.mean(),
        "at_chance": len(accuracy) - len(above),
        "accuracy_mean_above_chance": mean_above,
        "accuracy_std_above_chance": std_above,
        "printed_above_chance": text_above,
        "note": "; ".join(notes),
    }


def dense_row(key: tuple, row: pd.Series) -> dict:
    """The dense baseline of a data set and architecture, as the pool carries it."""
    mean, std = row["dense_accuracy"] * 100, row["dense_accuracy_std"] * 100
    text = printed(mean, std, 100.0 / row["classes"])
    cell = dict(zip(TABLE_CELL, (*key, 0.0, "dense"), strict=True))
    values = {"accuracy_mean": mean, "accuracy_std": std, "printed": text, "drop_mean": 0.0}
    above = {"accuracy_mean_above_chance": mean, "accuracy_std_above_chance": std, "printed_above_chance": text}
    return cell | values | above


def accuracy_table(pool: pd.DataFrame) -> pd.DataFrame:
    rows = networks(pool)
    cells = [accuracy_cell(key, part) for key, part in rows.groupby(TABLE_CELL, sort=True)]
    dense = rows.dropna(subset=["dense_accuracy"]).groupby(["dataset", "architecture"], sort=True)
    cells.extend(dense_row(key, part.iloc[0]) for key, part in dense)
    return pd.DataFrame(cells).sort_values(["dataset", "architecture", "sparsity"], kind="stable", ignore_index=True)


def main(pool, output) -> None:
    write_table(accuracy_table(read_pool(pool)), output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(snakemake.input.pool, snakemake.output[0])
