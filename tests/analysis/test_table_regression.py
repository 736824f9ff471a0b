"""The batched regressors against scikit-learn, and the regression table on pools of all shapes."""

import numpy as np
import pandas as pd
import pytest
import table_regression

from helpers.synthetic_pool import synthetic_pool
from sparse_topology.analysis import regressors
from sparse_topology.analysis.design import CELL
from sparse_topology.analysis.pool import TOPOMETRICS

QUICK = {"repetitions": 2, "bootstrap": 20}


@pytest.fixture(scope="module")
def problem():
    """X [80, 6] with two correlated columns, y [80], weights [3, 80] that leave out different networks."""
    rng = np.random.default_rng(0)
    X = rng.random((80, 6))
    X[:, 1] = 0.9 * X[:, 0] + 0.1 * X[:, 1]
    y = X @ [0.3, 0.0, -0.2, 0.0, 0.05, 0.0] + 0.05 * rng.standard_t(3, 80) + 0.4
    weights = np.ones((3, 80))
    for row, start in zip(weights, (0, 20, 50), strict=True):
        row[start : start + 15] = 0
    return X, y, weights


def estimators():
    from sklearn import linear_model
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline

    precise = {"tol": 1e-12, "max_iter": 100000}
    return {
        "linear": (linear_model.LinearRegression(), 1e-9),
        "ridge": (linear_model.Ridge(1.0), 1e-9),
        "lasso": (linear_model.Lasso(1e-4, **precise), 1e-7),
        "elastic_net": (linear_model.ElasticNet(1e-4, **precise), 1e-7),
        "huber": (linear_model.HuberRegressor(max_iter=10000, tol=1e-9), 1e-4),
        "principal_components": (make_pipeline(PCA(), linear_model.LinearRegression()), 1e-9),
        "bayesian_ridge": (linear_model.BayesianRidge(), 1e-9),
        "automatic_relevance": (linear_model.ARDRegression(), 1e-9),
    }


def test_every_regressor_predicts_as_scikit_learn_does(problem):
    X, y, weights = problem
    fitted = regressors.predictions(X, y, weights)
    assert list(fitted) == list(estimators())
    for name, (estimator, tolerance) in estimators().items():
        for row, values in zip(weights > 0, fitted[name], strict=True):
            expected = estimator.fit(X[row], y[row]).predict(X)
            np.testing.assert_allclose(values, expected, atol=tolerance, err_msg=name)


def huber_objective(X, y, coefficients, scale):
    """sum [s + H(r / s) s] + penalty |w|^2 (Owen 2007)."""
    residual = np.abs(y - coefficients[0] - X @ coefficients[1:]) / scale
    eps = regressors.HUBER_EPSILON
    loss = np.where(residual < eps, residual**2, 2 * eps * residual - eps**2)
    return (scale + loss * scale).sum() + regressors.HUBER_PENALTY * (coefficients[1:] ** 2).sum()


def test_huber_reaches_a_minimum_no_higher_than_scikit_learns(problem):
    from sklearn.linear_model import HuberRegressor

    X, y, _ = problem
    reference = HuberRegressor(max_iter=10000, tol=1e-9).fit(X, y)
    theirs = huber_objective(X, y, np.r_[reference.intercept_, reference.coef_], reference.scale_)
    ours = regressors.huber(X, y, np.ones((1, 80)), np.zeros((1, 7)))[0]
    assert min(huber_objective(X, y, ours, s) for s in reference.scale_ * np.linspace(0.99, 1.01, 41)) <= theirs + 1e-7


def test_collinear_features_and_more_features_than_networks_give_finite_predictions():
    rng = np.random.default_rng(1)
    X = rng.random((12, 16))
    X[:, 3] = X[:, 2]
    y = rng.random(12)
    for name, values in regressors.predictions(X, y, np.ones((2, 12))).items():
        assert np.isfinite(values).all(), name


def test_perfectly_linear_outcome_is_recovered():
    pool = synthetic_pool(seeds=(0, 1, 2), encodings=("mge",))
    table = table_regression.regression_tables(pool, QUICK)[0]
    chosen = table.query("features == 'topometrics' and regressor == 'linear' and folds == 'random'")
    # sink is 1 - accuracy and the drop is linear in accuracy.
    assert (chosen["r2"] > 0.999).all()


def test_folds_test_every_network_once_and_grouped_folds_keep_cells_together():
    rows = synthetic_pool(datasets=("digits", "other"), seeds=(0, 1), encodings=("mge",))
    kinds = table_regression.divisions(rows, 3)
    cells = rows.groupby(CELL).ngroup().to_numpy()
    assert set(kinds) == {"random", "grouped", *table_regression.LEAVE_OUT}
    for kind, sets in kinds.items():
        repetitions = 3 if kind in ("random", "grouped") else 1
        assert (sets.sum(0) == repetitions).all(), kind
    for test in kinds["grouped"]:
        assert all(len(set(test[cells == cell])) == 1 for cell in np.unique(cells))
    held_out = rows["architecture"].to_numpy()[kinds["leave_one_architecture_out"][0]]
    assert len(set(held_out)) == 1


def test_bootstrap_interval_holds_the_estimate_and_adjustment_follows_the_formula():
    pool = synthetic_pool(seeds=(0, 1, 2), encodings=("mge",))
    table = table_regression.regression_tables(pool, {"repetitions": 2, "bootstrap": 200})[0]
    part = table.query("features == 'graph_size' and regressor == 'mean' and folds == 'random'")
    assert (part["adjusted_r2_low"] <= part["adjusted_r2"]).all()
    assert (part["adjusted_r2"] <= part["adjusted_r2_high"]).all()
    n, p = part["networks"], part["feature_count"]
    np.testing.assert_allclose(part["adjusted_r2"], 1 - (1 - part["r2"]) * (n - 1) / (n - p - 1))


def test_small_study_has_all_scenarios_and_says_where_there_is_no_adjusted_r2():
    table = table_regression.regression_tables(synthetic_pool(), QUICK)[0]
    topology = table.query("features == 'topometrics' and folds == 'random' and regressor == 'mean'")
    assert len(topology) == 3 * (3 + 2)
    assert np.isfinite(topology["r2"]).all()
    few = topology["networks"] <= topology["feature_count"] + 1
    assert few.any()
    assert topology["adjusted_r2"].isna().equals(few)
    assert topology.loc[few, "note"].str.contains("no adjusted R").all()


def test_few_networks_per_feature_are_noted():
    pool = synthetic_pool(seeds=(0, 1), encodings=("mge",))
    table = table_regression.regression_tables(pool, QUICK)[0].query("features == 'topometrics'")
    assert table["note"].str.contains("unreliable").all()


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (lambda pool: pool.assign(drop=np.nan, accuracy=np.nan), "fewer than three"),
        (lambda pool: pool.assign(drop=0.5), "does not vary"),
        (lambda pool: pool.assign(edges=0.0), "fewer than three"),
        (lambda pool: pool.assign(nodes=np.nan, edges=np.nan), "fewer than three"),
    ],
)
def test_pools_without_anything_to_predict(change, note):
    table = table_regression.regression_tables(change(synthetic_pool()), QUICK)[0]
    assert table["r2"].isna().all()
    assert table["note"].str.contains(note).all()


def test_missing_values_cost_a_network_or_a_metric_but_not_the_table():
    pool = synthetic_pool(seeds=(0, 1), encodings=("mge",))
    pool.loc[pool.index[0], "sink"] = np.nan
    pool.loc[pool["pruning"].isin(["er", "erk"]), "n2"] = np.nan
    table = table_regression.regression_tables(pool, QUICK)[0].query("features == 'topometrics'")
    assert table["note"].str.contains("n2").all()
    assert (table["feature_count"] == 15).all()
    assert table["networks"].min() == 27


def test_one_architecture_and_one_sparsity(tmp_path):
    pool = synthetic_pool(architectures=("conv_small",), sparsities=(0.9,))
    pool.to_parquet(tmp_path / "pool.parquet")
    table_regression.main(tmp_path / "pool.parquet", tmp_path / "regression.csv", tmp_path / "predictions.csv", QUICK)
    table = pd.read_csv(tmp_path / "regression.csv")
    assert set(table["scenario"]) == {"sparsity_fixed", "architecture_fixed"}
    assert set(table["folds"]) == {"random", "leave_one_algorithm_out"}


def test_predictions_are_the_networks_behind_the_scores():
    pool = synthetic_pool(seeds=(0, 1))
    table, predictions = table_regression.regression_tables(pool, QUICK)
    paper = table.query("features == 'topometrics' and folds == 'random' and regressor == 'mean'")
    paper = paper.set_index(table_regression.SCENARIO)
    for where, rows in predictions.groupby(table_regression.SCENARIO):
        assert len(rows) == len(rows.drop_duplicates(table_regression.NETWORK)) == paper["networks"][where]
        # The error of a mean prediction is at most the mean error of the predictions.
        assert (rows["predicted"] - rows["drop"]).abs().mean() <= paper["mae"][where] + 1e-12


def test_the_studys_own_metrics_are_a_set_of_their_own_and_move_nothing_else():
    pool = synthetic_pool(seeds=(0, 1), encodings=("mge", "rolled"))
    own = pool.assign(girth=pool["drop"], raw_girth=pool["drop"])
    (before, predicted), (table, again) = (table_regression.regression_tables(p, QUICK) for p in (pool, own))
    further = table["features"] == "topometrics_further"
    pd.testing.assert_frame_equal(table[~further].reset_index(drop=True), before)
    pd.testing.assert_frame_equal(predicted, again)
    assert set(table.loc[further, "encoding"]) == {"mge", "rolled"}
    assert set(table.loc[further, "feature_count"] - 1) <= set(before["feature_count"])
    known = table[further & (table["folds"] == "random") & (table["regressor"] == "ridge")]
    sixteen = table.query("features == 'topometrics' and folds == 'random' and regressor == 'ridge'")
    assert (known["mae"].to_numpy() < sixteen["mae"].to_numpy()).all()


def test_a_study_of_own_metrics_alone_has_their_rows():
    pool = synthetic_pool(seeds=(0, 1), encodings=("mge",))
    pool = pool.drop(columns=[c for c in pool if c in TOPOMETRICS or c.startswith("raw_")])
    pool = pool.assign(girth=pool["drop"], raw_girth=pool["drop"])
    table, predicted = table_regression.regression_tables(pool, QUICK)
    assert set(table.loc[table["features"] == "topometrics", "note"]) == {"no feature varies in this pool"}
    assert (table.query("features == 'topometrics_further' and regressor == 'linear'")["mae"] < 1e-9).all()
    assert predicted.empty
