"""How well any order of the algorithms could agree with the measured one, which itself varies with the seeds."""

import numpy as np

from sparse_topology.analysis.rankings import kendall_tau, mean_rbo, places

MEASURES = ["rbo", "tau", "lost_points", "first_is_best"]


def agreement(predicted: np.ndarray, drop: np.ndarray) -> dict[str, np.ndarray]:
    """Order by predicted [..., k] against the order by accuracy drop [..., k], both ascending; NaN goes last.

    rbo, tau; lost_points: accuracy drop of the algorithm put first minus the smallest one, in points; first_is_best.
    """
    predicted, drop = np.broadcast_arrays(predicted, drop)
    order, actual = places(predicted), places(drop)
    chosen = np.take_along_axis(drop, order.argmin(-1)[..., None], -1)[..., 0]
    best = drop.min(-1)
    values = mean_rbo(order, actual), kendall_tau(order, actual), 100 * (chosen - best), (chosen == best).astype(float)
    return dict(zip(MEASURES, values, strict=True))


def one_seed(drops: np.ndarray) -> dict[str, float]:
    """One seed of full training as a prediction of the mean of the others: drops [seeds, k], mean over the seeds."""
    count = len(drops)
    others = (drops.sum(0) - drops) / (count - 1)
    return {name: float(values.mean()) for name, values in agreement(drops, others).items()}


def perfect_predictor(drops: np.ndarray, shrunk: bool, repetitions: int = 1000) -> dict[str, float]:
    """The true order against orders by the mean of as many seeds, simulated: drops [seeds, k].

    The true drops are taken to be the observed means, which lie further apart than the true ones, or (`shrunk`) those
    drawn together until their variance is what is left after the seeds' part of it. Every algorithm's seeds vary as its
    own and the average one's do.
    """
    mean = drops.mean(0)
    own = drops.var(0, ddof=1)
    error = (own + own.mean()) / 2 / len(drops)
    if shrunk:
        spread = mean.var(ddof=1)
        kept = np.sqrt(max(0.0, 1 - error.mean() / spread)) if spread > 0 else 0.0
        mean = mean.mean() + kept * (mean - mean.mean())
    noise = np.random.default_rng(0).standard_normal((repetitions, len(mean)))
    return {name: float(values.mean()) for name, values in agreement(mean, mean + noise * np.sqrt(error)).items()}
