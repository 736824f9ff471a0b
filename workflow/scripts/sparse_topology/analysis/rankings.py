"""Rankings and how alike two of them are: rank-biased overlap and Kendall's tau.

A ranking of k items is an array of places, int [..., k]: places[i] is the place of item i, 0 the best. Leading axes are
any number of rankings at once (bootstrap resamples).
"""

import numpy as np

ALPHAS = (0.25, 0.5, 0.75)


def places(score: np.ndarray, largest_first: bool = False, missing: str = "last") -> np.ndarray:
    """Places of score [..., k], ascending. Equal scores keep the items' order; NaN goes `last` or `first`."""
    score = np.asarray(score, float)
    key = np.where(np.isnan(score), -np.inf if missing == "first" else np.inf, -score if largest_first else score)
    order = np.argsort(key, axis=-1, kind="stable")
    result = np.empty_like(order)
    np.put_along_axis(result, order, np.broadcast_to(np.arange(score.shape[-1]), order.shape), axis=-1)
    return result


def rank_biased_overlap(first: np.ndarray, second: np.ndarray, alpha: float) -> np.ndarray:
    """Extrapolated RBO of two rankings of the same k items (Webber et al. 2010, equation 32): [...].

    RBO = (X_k / k) alpha^k + (1 - alpha) sum_{d=1..k} alpha^(d-1) X_d / d, X_d the number of items that are among the
    first d of both. Identical rankings give 1.
    """
    depth = np.arange(1, first.shape[-1] + 1)
    overlap = (np.maximum(first, second)[..., :, None] < depth).sum(-2)
    terms = alpha ** (depth - 1) * overlap / depth
    return (1 - alpha) * terms.sum(-1) + alpha ** depth[-1]


def mean_rbo(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """RBO averaged over alpha = 0.25, 0.5, 0.75 (section 4.3)."""
    return np.mean([rank_biased_overlap(first, second, alpha) for alpha in ALPHAS], axis=0)


def random_rbo(k: int) -> float:
    """Expected mean RBO of a random order of k items: the overlap at depth d is d^2 / k on average."""
    depth = np.arange(1, k + 1)
    return float(np.mean([(1 - a) * (a ** (depth - 1) * depth / k).sum() + a**k for a in ALPHAS]))


def kendall_tau(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(concordant - discordant) / pairs of two rankings without ties: [...]; NaN for a single item."""
    k = first.shape[-1]
    if k < 2:
        return np.full(first.shape[:-1], np.nan)
    agree = np.sign(first[..., :, None] - first[..., None, :]) * np.sign(second[..., :, None] - second[..., None, :])
    return agree.sum((-2, -1)) / (k * (k - 1))
