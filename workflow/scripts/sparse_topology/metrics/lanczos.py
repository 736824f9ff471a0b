"""A few largest eigenvalues of a symmetric operator: block Lanczos with thick restarts."""

import numpy as np

BASIS = 2**26  # numbers that the basis may hold
# Of the largest eigenvalue: what residuals must reach, lest a mixture of two eigenvectors passes for one.
NEAR = 1e-6


class NotConverged(ArithmeticError):
    """The eigenvalues did not reach their tolerance within the steps allowed."""


def largest_eigenpairs(apply, start, count: int, tolerance: float, magnitude=False, steps=1000, rivals=()):
    """The largest eigenvalues mu of a symmetric operator, [m >= count], in order, and the b leading vectors [n, b].

    The first `count` values are right to the tolerance, the others are estimates. magnitude: largest by |mu|.

    apply: [n, k] -> [n, k] of start's dtype; start: [n, b] random with b >= count, so that no multiplicity is missed.
    The orthonormal basis V grows by what A adds to its last block Q: A Q = V H + Q' R. When it is full it is
    restarted from half as many leading Ritz vectors and Q' (Wu & Simon 2000). A Ritz vector V y has the residual Q' R y
    on y's last block. Stops when `error_bounds` are below tolerance * |mu_1| and residuals below NEAR * |mu_1|, or
    residuals below what the dtype resolves. rivals: what is known of the eigenvalues already.
    """
    size, width = start.shape
    most = min(max(BASIS // size, 24), 96)
    resolution = np.finfo(start.dtype).eps
    basis = np.empty((size, most + width), start.dtype, order="F")
    projected = np.zeros((most + width, most + width))
    block, _ = orthonormal(start)
    used = coupled = 0
    restarted = False
    for step in range(steps):
        last = slice(used, used + block.shape[1])
        used = last.stop
        basis[:, last] = block
        image = apply(block)
        near = basis[:, coupled:used]
        products = near.T @ image
        projected[coupled:used, last], projected[last, coupled:used] = products, products.T
        image -= near @ products
        coupled = last.start
        everything = basis[:, :used]
        # What was found creeps in again by rounding and would count as a multiple eigenvalue. It grows too little in
        # one step to matter; where only the largest is wanted, its copies do no harm before a restart.
        if (width > 1 or restarted) and step % 2:
            image -= everything @ (everything.T @ image)
        longest = np.abs(products).max()
        block, back = orthonormal(image, 30 * resolution * longest)
        if (width > 1 or restarted) and len(back) and np.linalg.norm(back, axis=1).min() < 0.01 * longest:
            block -= everything @ (everything.T @ block)
            block, second = orthonormal(block, 1e-3)
            back = second @ back

        values, turn = np.linalg.eigh(projected[:used, :used])
        order = np.argsort(-np.abs(values) if magnitude else -values)
        values, turn = values[order], turn[:, order]
        norms = np.linalg.norm(back @ turn[last], axis=0)
        errors = error_bounds(values, norms, min(count, used), magnitude, rivals)
        scale = abs(values[0]) or 1.0
        relative, errors = norms[: len(errors)] / scale, errors / scale
        known = (errors <= tolerance) & (relative <= NEAR) | (relative <= 20 * resolution)
        if not block.shape[1] or (used >= count and known.all()):
            return values, basis[:, :used] @ turn[:, :width].astype(start.dtype)
        if used + block.shape[1] > most:
            restarted, coupled, used, keep = True, 0, most // 2, turn[:, : most // 2]
            basis[:, :used] = basis[:, : len(turn)] @ keep.astype(start.dtype)
            projected[:] = 0
            projected[:used, :used] = np.diag(values[:used])
    raise NotConverged(f"eigenvalues known to {errors.max():.0e} of the largest after {steps} steps")


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
        known, also = sign * values[order], np.sort(sign * np.asarray(rivals))[::-1][: len(values)]
        known[: len(also)] = np.maximum(known[: len(also)], also)
        squares = np.cumsum(norms[order] ** 2)
        for j in range(wanted.sum(), min(count + 3, len(known))):
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
    for start in range(0, len(vectors), 1 << 14):  # pieces that stay in the cache
        part = vectors[start : start + (1 << 14)].astype(np.float64, copy=False)
        gram += part.T @ part
    squares, turn = np.linalg.eigh(gram)
    hidden = max(1e-7, 16 * np.finfo(vectors.dtype).eps)
    kept = squares > max(hidden**2 * squares.max(initial=0), least**2)
    lengths, turn = np.sqrt(squares[kept]), turn[:, kept]
    return vectors @ (turn / lengths).astype(vectors.dtype), lengths[:, None] * turn.T
