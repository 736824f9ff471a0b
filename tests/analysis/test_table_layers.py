"""Layer profiles and correlations: the numbers of Figures 2 and 5."""

import numpy as np
import pandas as pd
import pytest
import table_layers

CELL = {"dataset": "digits", "architecture": "tiny", "sparsity": 0.9, "pruning": "er"}


@pytest.fixture
def layers():
    density = np.array([0.5, 0.2, 0.1])
    rows = []
    for seed in (0, 1):
        for i, value in enumerate(density):
            row = CELL | {"seed": seed, "layer_id": i, "layer": f"conv{i}", "weights": 100, "kept": int(100 * value)}
            row |= {"layer_density": value, "delta_r": 2 * value + 0.1, "delta_r_imdb": np.nan}
            rows.append(row | {"lambda_imsg": -value if seed == 0 else np.nan})
    return pd.DataFrame(rows)


def test_shares_sum_to_one_over_the_layers(layers):
    profile = table_layers.layer_profile(layers)
    assert len(profile) == 3
    assert profile["layer_density_share"].sum() == pytest.approx(1)
    assert profile["layer_density_share"].tolist() == pytest.approx([0.625, 0.25, 0.125])
    assert profile["delta_r_imdb_share"].isna().all()


def test_correlation_with_density(layers):
    table = table_layers.layer_correlation(layers).set_index("metric")
    assert table.loc["delta_r", "r"] == pytest.approx(1)
    assert table.loc["lambda_imsg", "r"] == pytest.approx(-1)
    assert table.loc["lambda_imsg", "layers"] == 3
    assert table.loc["delta_r_imdb", "note"] == "no layer has a value"
