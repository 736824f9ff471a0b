"""How tables/rank_evaluation.csv is read: a row is a mean over cells; its TASK columns say which, or "all"."""

import pandas as pd

from sparse_topology.analysis.design import TASK


def overall(table: pd.DataFrame) -> pd.DataFrame:
    """The rows over all cells, by (method, procedure)."""
    return table[(table[TASK].astype(str) == "all").all(axis=1)].set_index(["method", "procedure"])


def one_fixed(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows over the cells of one architecture, sparsity or data set, whichever `column` is."""
    others = [name for name in TASK if name != column]
    return table[(table[column] != "all") & (table[others] == "all").all(axis=1)]
