"""A few largest eigenvalues of a symmetric operator: block Lanczos with thick restarts.

The orthonormal basis V = [Q_1, Q_2, ...] [n, m] grows block by block by the three-term recurrence

    A Q_j = Q_{j-1} R_j^T + Q_j H_j + Q_{j+1} R_{j+1},

so that T = V^T A V [m, m] is block tridiagonal. (mu, V y) with T y = mu y is a Ritz pair: an estimate of an eigenpair
of A whose residual A V y - mu V y is Q_{j+1} R_{j+1} times y's last block. Golub and Van Loan, Matrix Computations,
chapter 10; the restart is Wu and Simon's (2000).
"""

from dataclasses import dataclass

import numpy as np

# Numbers that the basis may hold: 512 MB in float64.
BASIS_NUMBERS = 2**26
# Columns of the basis, whatever BASIS_NUMBERS says. At least so many that a restart from half of them keeps several
# blocks of up to three vectors; at most so many that T's eigenvectors cost little beside a product with A.
FEWEST_COLUMNS, MOST_COLUMNS = 24, 96
KEPT_SHARE = 2  # a restart keeps one in two columns: fewer forget what was found, more leave no room to grow
STEPS = 1000  # products with A; graphs of trained networks take tens, and what takes more has no gap to speak of

# A residual, over |mu_1|, above which two nearly equal eigenvalues could still be taken for one: their mixture has a
# residual of half their distance, and error bounds that rest on a gap do not see it.
UNMIXED = 1e-6
# Eigenvalues so close, over |mu_1|, may be in the wrong order in float32.
CLOSE = 1e-5
# Multiples of the dtype's resolution eps. A residual below RESOLVED eps |mu_1| is rounding: no further step lowers it.
RESOLVED = 8
# A direction of A Q shorter than ROUNDING eps |A| after the recurrence is what rounding left of it; normalised it would
# enter the basis as noise. Where that leaves no direction at all, V spans an invariant subspace.
ROUNDING = 30

# Lanczos vectors lose orthogonality to the Ritz vectors that have converged. One step loses too little to matter, two
# can be mended at the price of one.
REORTHOGONALISE_EVERY = 2
# A direction of A Q shorter than this share of |A| has lost two digits to cancellation and is orthogonalised again (the
# rule of Kahan and Parlett, "twice is enough").
CANCELLED = 1e-2
# Unit vectors that this leaves shorter lie in V but for rounding and are dropped.
DEPENDENT = 1e-3

# Squares and products of the Gram matrix lose half of the digits: singular values below these, over the largest, are
# hidden in its rounding. sqrt(eps) of float64 is 1.5e-8; that of float32's vectors is their own eps.
HIDDEN, HIDDEN_EPS = 1e-7, 16
ROWS = 1 << 14  # rows that are worked on at a time stay in the cache

# Gaps that `error_bounds` tries, the one after the last wanted value first: two more values may crowd with it.
GAPS_TRIED = 3


class NotConverged(ArithmeticError):
    """The eigenvalues did not reach their tolerance within the steps allowed."""


@dataclass
class Krylov:
    """The basis V and the projection T of `apply`'s operator on it.

    vectors: [n, capacity + b], the first `size` columns are V; projected: float64 [capacity + b, capacity + b], its
    leading part T; last_start: the first column of the last block Q_j; coupled: the first column that the recurrence
    couples A Q_j to (that of Q_{j-1}; 0 right after a restart, when all Ritz vectors are).
    loses_orthogonality: whether copies of what has converged would do harm. Where only the largest eigenvalue is wanted
    they do none before a restart, which would keep them.
    """

    vectors: np.ndarray
    projected: np.ndarray
    capacity: int
    loses_orthogonality: bool
    size: int = 0
    coupled: int = 0
    last_start: int = 0

    @property
    def basis(self) -> np.ndarray:
        return self.vectors[:, : self.size]

    @property
    def last(self) -> slice:
        return slice(self.last_start, self.size)


def krylov(size: int, width: int, dtype) -> Krylov:
    """An empty basis of vectors [size] that grows by blocks of `width`."""
    capacity = min(max(BASIS_NUMBERS // size, FEWEST_COLUMNS), MOST_COLUMNS)
    vectors = np.empty((size, capacity + width), dtype, order="F")
    return Krylov(vectors, np.zeros((capacity + width, capacity + width)), capacity, loses_orthogonality=width > 1)


def largest_eigenpairs(apply, start, count: int, tolerance: float, magnitude=False, steps=STEPS, rivals=()):
    """The largest eigenvalues mu of a symmetric operator, [m >= count], in order, and the leading vectors [n, >= b].

    The first `count` values are right to the tolerance, the others are estimates. magnitude: largest by |mu|. rivals:
    what is known of the eigenvalues already. NotConverged after `steps` products with A.

    apply: [n, k] -> [n, k] of start's dtype; start: [n, b] random with b >= count, so that no multiplicity is missed.
    """
    space = krylov(*start.shape, start.dtype)
    block, _ = orthonormal(start)
    for step in range(steps):
        extend(space, block)
        image, scale = recurrence(space, apply(block))
        if space.loses_orthogonality and step % REORTHOGONALISE_EVERY == REORTHOGONALISE_EVERY - 1:
            image -= times(space.basis, space.basis.T @ image)
        block, back = next_block(space, image, scale)
        values, turn, norms = ritz_pairs(space, back, magnitude)
        errors = error_bounds(values, norms, min(count, space.size), magnitude, rivals)
        exhausted = not block.shape[1]  # V spans an invariant subspace: its Ritz pairs are eigenpairs
        if exhausted or (space.size >= count and converged(values, norms, errors, tolerance, start.dtype)):
            kept = max(start.shape[1], crowded(np.abs(values) if magnitude else values, count))
            return values, times(space.basis, turn[:, :kept].astype(start.dtype))
        if space.size + block.shape[1] > space.capacity:
            restart(space, values, turn)
    raise NotConverged(f"eigenvalues known to {errors.max() / unit(values):.0e} of the largest after {steps} steps")


def crowded(values, count: int) -> int:
    """How many values, the largest first, are among the `count` largest or may be, of at most twice as many."""
    least = values[:count].min() - CLOSE * unit(values)
    return int((values[: 2 * count] >= least).sum())


def extend(space: Krylov, block: np.ndarray) -> None:
    """Q_j [n, r] becomes the last block of V."""
    space.last_start, space.size = space.size, space.size + block.shape[1]
    space.vectors[:, space.last] = block


def recurrence(space: Krylov, image: np.ndarray) -> tuple[np.ndarray, float]:
    """(A Q_j - Q_{j-1} R_j^T - Q_j H_j, written over image = A Q_j [n, r]; the largest coefficient, of |A|'s order)."""
    near = space.vectors[:, space.coupled : space.size]
    products = near.T @ image
    space.projected[space.coupled : space.size, space.last] = products
    space.projected[space.last, space.coupled : space.size] = products.T
    image -= times(near, products)
    space.coupled = space.last_start
    return image, np.abs(products).max()


def next_block(space: Krylov, image: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """(Q_{j+1} [n, r'], R_{j+1} [r', r]), whose product is the image but for rounding; r' = 0 where nothing is left."""
    block, back = orthonormal(image, ROUNDING * np.finfo(image.dtype).eps * scale)
    if space.loses_orthogonality and len(back) and np.linalg.norm(back, axis=1).min() < CANCELLED * scale:
        block -= times(space.basis, space.basis.T @ block)
        block, second = orthonormal(block, DEPENDENT)
        back = second @ back
    return block, back


def ritz_pairs(space: Krylov, back: np.ndarray, magnitude: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mu [m], the largest first; Y [m, m], whose column k gives the Ritz vector V y_k; its residual norms [m])."""
    values, turn = np.linalg.eigh(space.projected[: space.size, : space.size])
    order = np.argsort(-np.abs(values) if magnitude else -values)
    values, turn = values[order], turn[:, order]
    return values, turn, np.linalg.norm(back @ turn[space.last], axis=0)


def converged(values, norms, errors, tolerance: float, dtype) -> bool:
    """Whether each of the first len(errors) values is known to tolerance * |mu_1|, or as well as the dtype allows."""
    relative, errors = norms[: len(errors)] / unit(values), errors / unit(values)
    known = (errors <= tolerance) & (relative <= UNMIXED) | (relative <= RESOLVED * np.finfo(dtype).eps)
    return bool(known.all())


def unit(values) -> float:
    """|mu_1|, which errors are relative to; 1 for the zero operator."""
    return abs(values[0]) or 1.0


def restart(space: Krylov, values: np.ndarray, turn: np.ndarray) -> None:
    """V becomes its leading Ritz vectors, T their values; the next block is coupled to all of them."""
    kept = space.capacity // KEPT_SHARE
    rotate(space.basis, turn[:, :kept].astype(space.vectors.dtype))
    space.projected[:] = 0
    space.projected[:kept, :kept] = np.diag(values[:kept])
    space.size, space.coupled, space.loses_orthogonality = kept, 0, True


def times(vectors: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """vectors [n, m] @ turn [m, k], column by column in memory, which is faster for whatever follows with long ones."""
    return (turn.T @ vectors.T).T


def rotate(vectors: np.ndarray, turn: np.ndarray) -> None:
    """The first columns of vectors [n, m] become vectors @ turn [m, k]."""
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS]
        part[:, : turn.shape[1]] = part @ turn


def refined_eigenpairs(operator, start, count: int, tolerance: float, magnitude=False):
    """`largest_eigenpairs` in float32 first, at half the cost of a step, then from there in float64.

    operator: dtype -> apply. The values and their bounds are those of float64.
    """
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    rivals, vectors = largest_eigenpairs(operator(single), start.astype(single), count, tolerance, magnitude)
    start = vectors.astype(double)
    return largest_eigenpairs(operator(double), start, count, tolerance, magnitude, rivals=rivals)


def error_bounds(values, norms, count: int, magnitude=False, rivals=()) -> np.ndarray:
    """Bounds on the errors of the first `count` Ritz values, [count].

    A residual norm r = |A v - mu v| bounds the error itself. Where j values at one end of the spectrum lie apart from
    the others, so does (r_1^2 + ... + r_j^2) / (|mu| - |mu_{j+1}|), the sharper one near the end (Kato and Temple);
    mu_{j+1} is the larger of its estimates in `values` and `rivals`. With `magnitude`, both ends are looked at.
    """
    bounds = norms[:count].copy()
    for sign in (1, -1) if magnitude else (1,):
        wanted = sign * values[:count] > 0 if magnitude else np.ones(count, bool)
        order = np.argsort(-sign * values)
        known, also = sign * values[order], np.sort(sign * np.asarray(rivals))[::-1]
        known = np.append(known, np.full(max(0, len(also) - len(known)), -np.inf))
        known[: len(also)] = np.maximum(known[: len(also)], also)
        squares = np.cumsum(norms[order] ** 2)
        for j in range(wanted.sum(), min(count + GAPS_TRIED, len(known), len(values) + 1)):
            distance = sign * values[:count][wanted] - known[j]
            quadratic = np.divide(squares[j - 1], distance, out=np.full(len(distance), np.inf), where=distance > 0)
            bounds[wanted] = np.minimum(bounds[wanted], quadratic)
    return bounds


def orthonormal(vectors, least: float = 0.0):
    """(Q, R): vectors [n, k] = Q R with orthonormal Q [n, r]; directions shorter than `least` are left out.

    So are those that rounding hides beside longer ones: the Gram matrix, an order of magnitude faster for a few long
    vectors than Householder reflections, holds squares.
    """
    gram = np.zeros((vectors.shape[1], vectors.shape[1]))
    for start in range(0, len(vectors), ROWS):
        part = vectors[start : start + ROWS].astype(np.float64, copy=False)
        gram += part.T @ part
    squares, turn = np.linalg.eigh(gram)
    hidden = max(HIDDEN, HIDDEN_EPS * np.finfo(vectors.dtype).eps)
    kept = squares > max(hidden**2 * squares.max(initial=0), least**2)
    lengths, turn = np.sqrt(squares[kept]), turn[:, kept]
    return times(vectors, (turn / lengths).astype(vectors.dtype)), lengths[:, None] * turn.T
