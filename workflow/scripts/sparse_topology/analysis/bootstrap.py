"""Percentile bootstrap intervals by resampling networks."""

import numpy as np


def resampling_weights(n: int, repetitions: int) -> np.ndarray:
    """How often each of n networks is drawn in each resample of size n: float [repetitions, n]."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1.0 / n), size=repetitions).astype(float)


def interval(values: np.ndarray, axis: int = 0, level: float = 0.95):
    """(low, high) percentiles that hold `level` of the finite values along `axis`; NaN where there is none."""
    values = np.asarray(values, float)
    if not values.shape[axis]:
        nothing = np.full(np.delete(values.shape, axis), np.nan)
        return nothing, nothing
    tail = 50 * (1 - level)
    nothing = ~np.isfinite(values).any(axis=axis)
    filled = np.where(np.expand_dims(nothing, axis), 0.0, np.where(np.isfinite(values), values, np.nan))
    low, high = np.nanpercentile(filled, [tail, 100 - tail], axis=axis)
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson r of each column of x [n, p] with y [n] under each row of weights [b, n]: [b, p].

    Pairs with a missing value count for nothing. NaN where a variance vanishes or fewer than 3 networks are left.
    Columns are centred and scaled first: strength / E and n1 / E are 1e-6 wide, and differences of squares lose that.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    present = np.isfinite(x) & np.isfinite(y)[:, None]
    count = np.maximum(present.sum(0), 1)
    zx, zy = np.where(present, x, 0.0), np.where(present, y[:, None], 0.0)
    zx = np.where(present, zx - zx.sum(0) / count, 0.0)
    zy = np.where(present, zy - zy.sum(0) / count, 0.0)
    scale_x, scale_y = np.abs(zx).max(0, initial=0.0), np.abs(zy).max(0, initial=0.0)
    zx, zy = zx / np.where(scale_x > 0, scale_x, 1.0), zy / np.where(scale_y > 0, scale_y, 1.0)
    total = weights @ present
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y = weights @ zx / total, weights @ zy / total
        variance_x = weights @ zx**2 / total - mean_x**2
        variance_y = weights @ zy**2 / total - mean_y**2
        r = (weights @ (zx * zy) / total - mean_x * mean_y) / np.sqrt(variance_x * variance_y)
    distinct = (weights > 0).astype(float) @ present
    defined = (distinct >= 3) & (variance_x > 1e-14) & (variance_y > 1e-14)
    return np.where(defined, np.clip(r, -1.0, 1.0), np.nan)


def pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson r of each column of x [n, p] with y [n]: [p]."""
    return weighted_pearson(x, y, np.ones((1, len(y))))[0]


def weighted_ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Ranks [b, n] of x [n] where each value is there as many times as a row of weights [b, n] says; ties share."""
    values, place = np.unique(x, return_inverse=True)
    copies = weights @ np.equal.outer(place, np.arange(len(values))).astype(float)
    return (np.cumsum(copies, axis=1) - (copies - 1) / 2)[:, place]


def weighted_spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's correlation of x [n] and y [n] under each row of weights [b, n]: [b]; NaN where one is constant."""
    total = weights.sum(1, keepdims=True)
    centred = [r - (weights * r).sum(1, keepdims=True) / total for r in (weighted_ranks(v, weights) for v in (x, y))]
    a, b = (np.einsum("bn,bn,bn->b", weights, r, r) for r in centred)
    defined = (a > 1e-9) & (b > 1e-9)
    products = np.einsum("bn,bn,bn->b", weights, *centred)
    return np.where(defined, products / np.sqrt(np.where(defined, a * b, 1.0)), np.nan)
