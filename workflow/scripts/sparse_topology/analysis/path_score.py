"""The path score: pruning algorithms ranked by the densities of their layers, before anything is trained.

    S = - sum_l w_l^q exp(k t_l c) (d_l^p - 1) / p,   d_l = (kept_l + 1) / (w_l + 1),   c = log10(C / 10) - 0.75

w_l is the number of weights of layer l, t_l its position from 0 (first) to 1 (last) in module order, shortcuts and
classifier included, C the number of classes (tried for 10 to 200). The smallest S is the best. With p = q = k = 0, S is
minus the logarithm of the share of all paths that would survive if the layers' masks were independent of each other;
p, q and k say how much an almost empty layer, a large layer and, by the number of classes, a late layer counts.

n is a number of networks, m of cells (networks that differ in their seed alone), L the largest number of layers.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit, ndtr

from sparse_topology.analysis.design import LAYER_SCORES, NETWORK, RANKED_CELL, TASK
from sparse_topology.files import read_table

NAMES = ["p", "q", "k", "log_slope"]
# Gaussian priors of p, q, k and of the logarithm of the logistic slope: mean and standard deviation.
PRIOR_MEAN = np.array([0.0, 0.2, 0.0, 0.5])
PRIOR_DEVIATION = np.array([0.3, 0.2, 1.0, 2.0])
PARAMETER_FREE = np.zeros(3)


@dataclass(frozen=True)
class Profile:
    """Layers of n networks. networks: DataFrame [n] of NETWORK; the arrays float64 [n, L], log_density 0 where a
    network has no such layer; class_term: c, float64 [n].
    """

    networks: pd.DataFrame
    log_density: np.ndarray
    log_weights: np.ndarray
    position: np.ndarray
    class_term: np.ndarray

    def part(self, chosen: np.ndarray) -> "Profile":
        """The chosen networks (bool [n])."""
        arrays = {
            name: getattr(self, name)[chosen] for name in ("log_density", "log_weights", "position", "class_term")
        }
        return Profile(self.networks[chosen].reset_index(drop=True), **arrays)


def profile(layers: pd.DataFrame, classes: dict[str, float]) -> Profile:
    """From the rows of layers.parquet and the number of classes of each data set."""
    layers = layers.sort_values([*NETWORK, "layer_id"])
    number = layers.groupby(NETWORK, sort=True).ngroup().to_numpy()
    column = layers.groupby(NETWORK, sort=True).cumcount().to_numpy()
    networks = layers[NETWORK].drop_duplicates().reset_index(drop=True)
    shape = len(networks), column.max() + 1
    weights = layers["weights"].to_numpy(float)
    arrays = {
        "log_density": np.log((layers["kept"].to_numpy(float) + 1) / (weights + 1)),
        "log_weights": np.log(weights),
        "position": column / np.maximum(np.bincount(number)[number] - 1, 1),
    }
    filled = {name: np.zeros(shape) for name in arrays}
    for name, values in arrays.items():
        filled[name][number, column] = values
    class_term = np.log10(networks["dataset"].map(classes).to_numpy(float) / 10) - 0.75
    return Profile(networks, class_term=class_term, **filled)


def path_score(parameters: np.ndarray, of: Profile) -> np.ndarray:
    """S of each network, float64 [n]; parameters: p, q, k and perhaps more."""
    p, q, k = parameters[:3]
    value = np.expm1(p * of.log_density) / p if p else of.log_density
    return -(np.exp(q * of.log_weights + k * of.class_term[:, None] * of.position) * value).sum(1)


def with_scores(pool: pd.DataFrame, layers: pd.DataFrame, parameters) -> pd.DataFrame:
    """The pool with LAYER_SCORES of each network: log_density_sum, the sum of ln d_l, and path_score, S with the
    parameters of the CSV file `parameters` that are no resample (draw 0), comparable within one architecture and data
    set. layers: the rows of layers.parquet. A network without layers has none.
    """
    of = profile(layers, pool.groupby("dataset")["classes"].first().to_dict())
    table = read_table(parameters)
    fitted = table.loc[table["draw"] == 0, NAMES].to_numpy(float)[0]
    scores = of.networks.assign(log_density_sum=-path_score(PARAMETER_FREE, of), path_score=path_score(fitted, of))
    return pool.drop(columns=LAYER_SCORES, errors="ignore").merge(scores, how="left", on=NETWORK)


@dataclass(frozen=True)
class Comparisons:
    """What the fit compares: networks -> cells -> pairs of cells of one task.

    cell: int [n], the cell of each network; task: int [m]; first, second: int [pairs], cells; label: float [pairs], how
    sure the data are that the first is the better one; weight: float [m], copies of the cell's task in a resample.
    """

    of: Profile
    cell: np.ndarray
    task: np.ndarray
    first: np.ndarray
    second: np.ndarray
    label: np.ndarray
    weight: np.ndarray


def comparisons(of: Profile, drop: np.ndarray) -> Comparisons:
    """Pairs of algorithms of one task with Phi((drop_second - drop_first) / its standard error) as labels.

    drop: accuracy drop of each network [n]. The standard error comes from the seeds: the variance of each cell is
    averaged with that of its task, since a variance of three numbers says little. Networks without a drop are left out.
    """
    known = np.isfinite(drop)
    of, drop = of.part(known), drop[known]
    cell = of.networks.groupby(RANKED_CELL, sort=True).ngroup().to_numpy()
    cells = of.networks[RANKED_CELL].drop_duplicates().sort_values(RANKED_CELL)
    task = cells.groupby(TASK, sort=True).ngroup().to_numpy()
    seeds = np.bincount(cell)
    mean = np.bincount(cell, drop) / seeds
    squares = np.bincount(cell, (drop - mean[cell]) ** 2)
    pooled = np.bincount(task, squares) / np.maximum(np.bincount(task, seeds - 1), 1)
    own = np.where(seeds > 1, squares / np.maximum(seeds - 1, 1), pooled[task])
    error = (own + pooled[task]) / 2 / seeds
    first, second = np.triu_indices(len(task), 1)
    same = task[first] == task[second]
    first, second = first[same], second[same]
    scale = np.sqrt(np.maximum(error[first] + error[second], 1e-12))
    label = ndtr((mean[second] - mean[first]) / scale)
    return Comparisons(of, cell, task, first, second, label, np.ones(len(task)))


def cell_means(values: np.ndarray, cell: np.ndarray) -> np.ndarray:
    return np.bincount(cell, values) / np.bincount(cell)


def standardised(values: np.ndarray, task: np.ndarray) -> np.ndarray:
    """z-scores of values [m] within each task; 0 where a task's values do not differ."""
    centred = values - cell_means(values, task)[task]
    deviation = np.sqrt(cell_means(centred**2, task))[task]
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 1e-12)


def negative_log_posterior(theta: np.ndarray, data: Comparisons) -> float:
    """theta: the NAMES; P(first better) = logistic(slope (z_second - z_first))."""
    z = standardised(cell_means(path_score(theta, data.of), data.cell), data.task)
    chance = np.clip(expit(np.exp(theta[3]) * (z[data.second] - z[data.first])), 1e-12, 1 - 1e-12)
    likelihood = data.label * np.log(chance) + (1 - data.label) * np.log1p(-chance)
    return -(data.weight[data.first] @ likelihood) + 0.5 * (((theta - PRIOR_MEAN) / PRIOR_DEVIATION) ** 2).sum()


def fit(data: Comparisons, fixed: dict[str, float] | None = None) -> np.ndarray:
    """The most probable p, q, k and logarithm of the slope (float64 [4]), those of `fixed` held."""
    start = PRIOR_MEAN.copy()
    for name, value in (fixed or {}).items():
        start[NAMES.index(name)] = value
    free = [j for j, name in enumerate(NAMES) if name not in (fixed or {})]

    def objective(values):
        theta = start.copy()
        theta[free] = values
        return negative_log_posterior(theta, data)

    options = {"xatol": 1e-3, "fatol": 1e-3, "maxfev": 2000}
    simplex = start[free] + np.vstack([np.zeros(len(free)), np.diag(PRIOR_DEVIATION[free] / 2)])
    found = minimize(objective, start[free], method="Nelder-Mead", options=options | {"initial_simplex": simplex})
    result = start.copy()
    result[free] = found.x
    return result


def resampled(data: Comparisons, rng: np.random.Generator) -> Comparisons:
    """Whole tasks drawn with replacement."""
    count = data.task.max() + 1
    drawn = rng.multinomial(count, np.full(count, 1 / count))
    return replace(data, weight=drawn[data.task].astype(float))
