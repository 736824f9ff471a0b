"""The path scores of a pool: one row per network, its own sum, and the score of the fitted parameters."""

import numpy as np
import pandas as pd
import table_path_scores

from helpers.synthetic_pool import synthetic_layers, synthetic_pool
from sparse_topology.analysis.path_score import NAMES
from sparse_topology.analysis.pool import NETWORK


def test_every_network_has_its_sum_and_its_score():
    pool = synthetic_pool()
    layers = synthetic_layers(pool)
    parameters = pd.DataFrame([[0, 1.0, 0.0, 0.0, 0.5], [1, 9, 9, 9, 9]], columns=["draw", *NAMES])
    table = table_path_scores.path_score_table(pool, layers, parameters)
    assert len(table) == len(pool.drop_duplicates(NETWORK))
    density = (layers["kept"] + 1) / (layers["weights"] + 1)
    for column, value in (("log_density_sum", np.log(density)), ("path_score", 1 - density)):
        expected = layers.assign(value=value).groupby(NETWORK)["value"].sum()
        np.testing.assert_allclose(table.set_index(NETWORK)[column].sort_index(), expected)
    assert table["drop"].notna().all()
