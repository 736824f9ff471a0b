"""The eight linear regressors of the paper's appendix A.6, fitted to all cross-validation folds at once.

A fold is a row of 0/1 weights over the networks, so the Gram matrices of all folds are one matrix product and each
regressor is a few batched operations on them. Objectives, priors and stopping rules are those of scikit-learn's
estimators of the same names (the tests compare the predictions); one call per fold there is slower by a factor of 15.

Shapes: n networks, p features, b fits. X [n, p], y [n], weights [b, n]; every regressor returns coefficients [b, p]
for features and outcome centred on each fit's own training networks (Huber: also the intercept's shift).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

# Penalties: scikit-learn's default for ridge; its defaults for lasso and elastic net (1.0) leave empty models here.
RIDGE, L1, HUBER_PENALTY = 1.0, 1e-4, 1e-4
HUBER_EPSILON = 1.35
TINY = np.finfo(float).eps


@dataclass(frozen=True)
class Moments:
    """Centred second moments of each fit's training networks.

    n [b], mean_x [b, p], mean_y [b], gram [b, p, p] = sum (x - mean)(x - mean)', cross [b, p], square [b] (of y).
    """

    n: np.ndarray
    mean_x: np.ndarray
    mean_y: np.ndarray
    gram: np.ndarray
    cross: np.ndarray
    square: np.ndarray

    def __getitem__(self, rows):
        return Moments(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    def residual_square(self, coefficients):
        """Sum of squared training residuals, [b]."""
        fitted = np.einsum("bp,bpq,bq->b", coefficients, self.gram, coefficients)
        return np.maximum(self.square - 2 * (coefficients * self.cross).sum(1) + fitted, 0.0)


def moments(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Moments:
    # Centring on the whole pool first keeps the differences below small.
    centre_x, centre_y = X.mean(0), y.mean()
    X, y = X - centre_x, y - centre_y
    n = weights.sum(1)
    mean_x, mean_y = weights @ X / n[:, None], weights @ y / n
    products = (X[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    gram = (weights @ products).reshape(len(n), X.shape[1], X.shape[1])
    gram = gram - n[:, None, None] * mean_x[:, :, None] * mean_x[:, None, :]
    cross = weights @ (X * y[:, None]) - n[:, None] * mean_x * mean_y[:, None]
    square = weights @ y**2 - n * mean_y**2
    return Moments(n, mean_x + centre_x, mean_y + centre_y, gram, cross, np.maximum(square, 0.0))


def solve(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Batched solution of matrix [b, p, p] x = right [b, p]."""
    return np.linalg.solve(matrix, right[:, :, None])[:, :, 0]


def least_squares(m: Moments) -> np.ndarray:
    """Ordinary least squares, the shortest solution where features are collinear."""
    values, vectors = np.linalg.eigh(m.gram)
    kept = values > values[:, -1:] * m.gram.shape[1] * 10 * TINY
    inverse = np.where(kept, 1.0 / np.where(kept, values, 1.0), 0.0)
    return np.einsum("bpk,bk,bqk,bq->bp", vectors, inverse, vectors, m.cross, optimize=True)


def ridge(m: Moments) -> np.ndarray:
    """|y - Xw|^2 + RIDGE |w|^2."""
    return solve(m.gram + RIDGE * np.eye(m.gram.shape[1]), m.cross)


def soft_threshold_sweeps(m: Moments, w: np.ndarray, l1: float, l2: float, sweeps: int) -> np.ndarray:
    """`sweeps` rounds of cyclic coordinate descent from w [b, p]."""
    w = w.T.copy()
    gram, cross = m.gram.transpose(1, 2, 0).copy(), m.cross.T.copy()
    diagonal = np.einsum("jjb->jb", gram)
    step = np.where(diagonal > 0, 1.0 / np.where(diagonal > 0, diagonal + m.n * l2, 1.0), 0.0)
    threshold = m.n * l1
    for _ in range(sweeps):
        for j in range(len(w)):
            partial = cross[j] - np.add.reduce(gram[j] * w) + diagonal[j] * w[j]
            w[j] = (partial - np.maximum(np.minimum(partial, threshold), -threshold)) * step[j]
    return w.T


def coordinate_descent(m: Moments, l1: float, l2: float, rounds: int = 12, sweeps: int = 25) -> np.ndarray:
    """Minimise |y - Xw|^2 / (2n) + l1 |w|_1 + l2 |w|^2 / 2.

    After every `sweeps` the support and signs that the descent has reached are solved for directly; a fit is finished
    once that solution keeps its signs and satisfies the optimality conditions. The few that never do (nearly collinear
    features) stay at what the last sweep left, closer to the minimum than scikit-learn's default tolerance.
    """
    w = np.zeros_like(m.cross)
    size = w.shape[1]
    active = np.arange(len(w))
    for _ in range(rounds):
        part = m[active]
        moved = soft_threshold_sweeps(part, w[active], l1, l2, sweeps)
        sign = np.sign(moved)
        support = sign != 0
        matrix = part.gram * (support[:, :, None] & support[:, None, :])
        # The hair on the diagonal only keeps exactly collinear supports solvable; the conditions below still decide.
        hair = 1e-13 * np.einsum("bpp->b", part.gram)[:, None]
        matrix[:, np.arange(size), np.arange(size)] += np.where(support, part.n[:, None] * l2 + hair, 1.0)
        exact = solve(matrix, np.where(support, part.cross - part.n[:, None] * l1 * sign, 0.0))
        slope = part.cross - np.einsum("bpq,bq->bp", part.gram, exact) - part.n[:, None] * l2 * exact
        bound = part.n[:, None] * l1 * (1 + 1e-6)
        optimal = ((np.sign(exact) == sign) | (exact == 0)).all(1) & (np.abs(slope) <= bound).all(1)
        w[active] = np.where(optimal[:, None], exact, moved)
        active = active[~optimal]
        if not len(active):
            break
    return w


def lasso(m: Moments) -> np.ndarray:
    return coordinate_descent(m, L1, 0.0)


def elastic_net(m: Moments) -> np.ndarray:
    return coordinate_descent(m, L1 / 2, L1 / 2)


def bayesian_ridge(m: Moments, iterations: int = 300, tolerance: float = 1e-3) -> np.ndarray:
    """Evidence maximisation over one noise precision alpha and one weight precision beta (MacKay 1992)."""
    values, vectors = np.linalg.eigh(m.gram)
    values = np.maximum(values, 0.0)
    rotated = np.einsum("bpk,bp->bk", vectors, m.cross)
    alpha, beta = 1.0 / (m.square / m.n + TINY), np.ones(len(m.n))
    result = np.zeros_like(m.cross)
    active = np.arange(len(m.n))
    previous = np.full_like(m.cross, np.inf)
    for _ in range(iterations):
        a, b, e = alpha[active], beta[active], values[active]
        w = np.einsum("bpk,bk->bp", vectors[active], rotated[active] / (e + (b / a)[:, None]))
        gamma = (a[:, None] * e / (b[:, None] + a[:, None] * e)).sum(1)
        beta[active] = (gamma + 2e-6) / ((w**2).sum(1) + 2e-6)
        alpha[active] = (m.n[active] - gamma + 2e-6) / (m[active].residual_square(w) + 2e-6)
        moving = np.abs(w - previous[active]).sum(1) >= tolerance
        previous[active] = w
        active = active[moving]
        if not len(active):
            break
    result = np.einsum("bpk,bk->bp", vectors, rotated / (values + (beta / alpha)[:, None]))
    return result


def automatic_relevance(m: Moments, iterations: int = 300, tolerance: float = 1e-3, cut: float = 1e4) -> np.ndarray:
    """Automatic relevance determination: one precision per weight; a weight whose precision passes `cut` is dropped."""
    size = m.gram.shape[1]
    alpha, beta = 1.0 / (m.square / m.n + TINY), np.ones_like(m.cross)
    kept = np.ones_like(m.cross, bool)
    w = np.zeros_like(m.cross)
    active = np.arange(len(m.n))

    def posterior(rows):
        """Mean and marginal variances of the kept weights: (alpha G + diag beta)^-1 on them, 0 elsewhere."""
        k = kept[rows]
        matrix = alpha[rows][:, None, None] * m.gram[rows] * (k[:, :, None] & k[:, None, :])
        matrix[:, np.arange(size), np.arange(size)] += np.where(k, beta[rows], 1.0)
        inverse = np.linalg.inv(matrix) * (k[:, :, None] & k[:, None, :])
        mean = alpha[rows][:, None] * np.einsum("bpq,bq->bp", inverse, m.cross[rows])
        return mean, np.einsum("bpp->bp", inverse)

    for step in range(iterations):
        mean, variance = posterior(active)
        k = kept[active]
        gamma = np.where(k, 1.0 - beta[active] * variance, 0.0)
        beta[active] = np.where(k, (gamma + 2e-6) / (mean**2 + 2e-6), beta[active])
        residual = m[active].residual_square(mean)
        alpha[active] = (m.n[active] - gamma.sum(1) + 2e-6) / (residual + 2e-6)
        kept[active] &= beta[active] < cut
        mean = np.where(kept[active], mean, 0.0)
        moving = np.abs(mean - w[active]).sum(1) >= tolerance
        w[active] = mean
        active = active[(moving | (step == 0)) & kept[active].any(1)]
        if not len(active):
            break
    return posterior(np.arange(len(m.n)))[0]


def huber(X, y, weights, start: np.ndarray, iterations: int = 200, tolerance: float = 1e-6) -> np.ndarray:
    """Huber's regression with a free scale s (Owen 2007), by iteratively reweighted least squares: [b, 1 + p].

    Minimises sum_i [s + H(r_i / s) s] + HUBER_PENALTY |w|^2, H quadratic up to HUBER_EPSILON; the first coefficient is
    the intercept, which is not penalised. `start` [b, 1 + p] are any coefficients.
    """
    design = np.column_stack([np.ones(len(X)), X])
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(X), -1)
    penalty = np.diag(np.r_[0.0, np.full(size - 1, HUBER_PENALTY)])
    w = start.copy()
    scale = np.sqrt(np.maximum((weights * (y - w @ design.T) ** 2).sum(1) / weights.sum(1), TINY))
    active = np.arange(len(w))
    for _ in range(iterations):
        rows = weights[active]
        residual = np.abs(y - w[active] @ design.T)
        s = scale[active]
        for _ in range(3):  # the best scale for these residuals, a fixed point of its own
            inside = residual <= HUBER_EPSILON * s[:, None]
            freedom = rows.sum(1) - HUBER_EPSILON**2 * (rows * ~inside).sum(1)
            inner = (rows * inside * residual**2).sum(1)
            s = np.where(freedom > 0, np.sqrt(inner / np.where(freedom > 0, freedom, 1.0)), s / 2)
            s = np.maximum(s, 1e-10)
        down = HUBER_EPSILON * s[:, None] / np.maximum(residual, TINY)
        influence = rows * np.minimum(down, 1.0)
        gram = (influence @ products).reshape(-1, size, size) + s[:, None, None] * penalty
        # A hair of ridge: collinear features have no unique solution, and the prediction does not depend on it.
        gram[:, np.arange(size), np.arange(size)] += 1e-12 * np.einsum("bpp->b", gram)[:, None]
        new = solve(gram, influence @ (design * y[:, None]))
        moved = np.abs((new - w[active]) @ design.T).max(1)
        w[active], scale[active] = new, s
        active = active[moved > tolerance]
        if not len(active):
            break
    return w


REGRESSORS = (
    "linear",
    "ridge",
    "lasso",
    "elastic_net",
    "huber",
    "principal_components",
    "bayesian_ridge",
    "automatic_relevance",
)


def predictions(X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """{regressor: predictions for all networks by each fit, [b, n]}.

    Regression on all principal components is least squares in other coordinates: the same predictions.
    """
    m = moments(X, y, weights)
    ordinary = least_squares(m)
    coefficients = {
        "linear": ordinary,
        "ridge": ridge(m),
        "lasso": lasso(m),
        "elastic_net": elastic_net(m),
        "principal_components": ordinary,
        "bayesian_ridge": bayesian_ridge(m),
        "automatic_relevance": automatic_relevance(m),
    }
    result = {name: w @ X.T + (m.mean_y - (w * m.mean_x).sum(1))[:, None] for name, w in coefficients.items()}
    intercept = m.mean_y - (coefficients["ridge"] * m.mean_x).sum(1)
    robust = huber(X, y, weights, np.column_stack([intercept, coefficients["ridge"]]))
    result["huber"] = robust[:, 1:] @ X.T + robust[:, :1]
    return {name: result[name] for name in REGRESSORS}


def usable(rows: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, list[str], str]:
    """Rows and topometrics without gaps: a metric missing in over a tenth of the rows goes, else the rows go."""
    with_outcome = rows[rows["drop"].notna() & (rows["edges"] > 0)]
    sparse = [name for name in names if with_outcome[name].isna().mean() > 0.1]
    names = [name for name in names if name not in sparse]
    complete = with_outcome.dropna(subset=names)
    notes = []
    if sparse:
        notes.append(f"left out, missing in over a tenth of the networks: {' '.join(sparse)}")
    if len(complete) < len(rows):
        notes.append(f"{len(rows) - len(complete)} networks without a value left out")
    return complete, names, "; ".join(notes)


def one_hot(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Indicator columns, one level of each left out (the intercept stands for it)."""
    blocks = [pd.get_dummies(rows[column], drop_first=True, dtype=float).to_numpy() for column in columns]
    return np.hstack(blocks)


def adjusted(r2, n: int, p: int):
    """Adjusted R^2 = 1 - (1 - R^2) (n - 1) / (n - p - 1); NaN where p features leave no degree of freedom."""
    return 1 - (1 - r2) * (n - 1) / (n - p - 1) if n > p + 1 else np.full_like(r2, np.nan)
