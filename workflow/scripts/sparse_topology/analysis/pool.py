"""The pool: one row per network and encoding, which every table of the analysis starts from.

Columns of topometrics.parquet: NETWORK, `family` (sparse_topology/families.py), `encoding`; OUTCOME; LAYER_SCORES;
`nodes`, `edges`; one column per topometric, divided as its script declares; `raw_<topometric>`; the layer metrics (of
families that measure the rolled layers alone), means over a network's layers, repeated on each of its rows.
layers.parquet: NETWORK, `layer_id`, `layer`, `weights`, `kept`, the layer metrics, and what families of the unrolled
graph say of its layers. A missing value is NaN.
"""

import numpy as np
import pandas as pd

from sparse_topology.analysis.design import LAYER_METRICS, LAYER_SCORES, NETWORK, SCENARIOS
from sparse_topology.files import atomic, read_parquet

OUTCOME = ["accuracy", "dense_accuracy", "dense_accuracy_std", "classes", "drop", "collapsed"]

# The paper's topometrics (section 3.3) in the order of the pool's columns. motif3 is the bipartite motif4.
TOPOMETRICS = [
    *("sink", "source", "disconnected", "r_out", "r_in", "n1", "n2", "motif4", "motif3", "strength", "k_core"),
    *("components", "component_size", "cut_edges", "cut_nodes", "spectral_gap", "spectral_radius"),
]


def ordered_columns(columns) -> list[str]:
    """The pool's columns in their fixed order; metrics that the paper does not have come after those it has."""
    known = [*NETWORK, "family", "encoding", *OUTCOME, *LAYER_SCORES, "nodes", "edges", *TOPOMETRICS]
    raw = [f"raw_{name}" for name in TOPOMETRICS]
    columns = list(dict.fromkeys(columns))
    others = [c for c in columns if c not in {*known, *raw, *LAYER_METRICS}]
    raw += [c for c in others if c.startswith("raw_")]
    topometrics = [c for c in others if f"raw_{c}" in raw]
    return [*known, *topometrics, *raw, *LAYER_METRICS, *(c for c in others if c not in {*topometrics, *raw})]


def accuracy_drop(accuracy, dense_accuracy):
    """Relative loss 1 - acc_sparse / acc_dense (section 4.2); NaN where the dense accuracy is 0 or missing."""
    dense = np.where(np.asarray(dense_accuracy, float) > 0, dense_accuracy, np.nan)
    return 1.0 - np.asarray(accuracy, float) / dense


def topometrics(pool: pd.DataFrame, encoding: str) -> list[str]:
    """The topometric columns that have at least one value in the rows of `encoding`."""
    rows = pool[pool["encoding"] == encoding]
    return [c for c in pool.columns if f"raw_{c}" in pool.columns and rows[c].notna().any()]


def topometric_sets(pool: pd.DataFrame, encoding: str) -> dict[str, list[str]]:
    """The topometrics of an encoding by the name of the feature set: the paper's, and where a study has further ones,
    both together."""
    names = topometrics(pool, encoding)
    paper = [name for name in names if name in TOPOMETRICS]
    return {"topometrics": paper} | ({"topometrics_further": names} if len(paper) < len(names) else {})


def layer_metrics(pool: pd.DataFrame) -> list[str]:
    """The columns of the layer metrics: they have no raw value of the network beside them."""
    fixed = {*NETWORK, "family", "encoding", *OUTCOME, *LAYER_SCORES, "nodes", "edges"}
    names = [c for c in pool.columns if c not in fixed and not c.startswith("raw_")]
    return [c for c in names if f"raw_{c}" not in pool.columns]


def encodings(pool: pd.DataFrame) -> list[str]:
    """The encodings in the pool: mge, rolled, rolled_channel."""
    return sorted(set(pool["encoding"]))


def networks(pool: pd.DataFrame) -> pd.DataFrame:
    """One row per network: what does not depend on the encoding."""
    return pool[[*NETWORK, *OUTCOME, *layer_metrics(pool)]].drop_duplicates(NETWORK).reset_index(drop=True)


def scenarios(pool: pd.DataFrame):
    """Yield (scenario, value, rows): all networks of one sparsity, then all of one architecture."""
    for scenario, column in SCENARIOS.items():
        for value, rows in pool.groupby(column, sort=True):
            yield scenario, label(value), rows


def label(value) -> str:
    """A sparsity or an architecture as text, the same for 0.6 read from a float and from a file."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def min_max(values: np.ndarray) -> np.ndarray:
    """Scale each column of values [n, p] to [0, 1]; a constant column becomes 0, NaN stays NaN."""
    values = np.asarray(values, float)
    if not len(values):
        return values
    low = np.fmin.reduce(values, axis=0)
    span = np.fmax.reduce(values, axis=0) - low
    return (values - low) / np.where(span > 0, span, 1.0)


def read_pool(path) -> pd.DataFrame:
    return read_parquet(path)


def write_parquet(frame: pd.DataFrame, path) -> None:
    with atomic(path) as temporary:
        frame.to_parquet(temporary, index=False)


def write_table(frame: pd.DataFrame, path) -> None:
    """A table as CSV, to twelve significant digits (what is left differs between machines)."""
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.12g")
