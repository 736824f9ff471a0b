"""A few largest eigenvalues of a symmetric operator: block Lanczos with thick restarts."""

import numpy as np


class NotConverged(ArithmeticError):
    """The eigenvalues did not reach their tolerance within the steps allowed."""


def largest_eigenpairs(apply, start, count: int, tolerance: float, most: int = 48, steps: int = 1000, rivals=()):
    """The largest eigenvalues mu of a symmetric operator, [b + 1], descending, and the b leading vectors [n, b].

    The first `count` values are right to the tolerance, the others are estimates from below.

    apply: [n, k] -> [n, k] of start's dtype; start: [n, b] random with b >= count; b is also the largest multiplicity
    that is seen. The orthonormal basis V grows by what A adds to its last block Q: A Q = V H + Q' R. At `most` vectors
    it is restarted from half as many leading Ritz vectors and Q' (Wu & Simon 2000). A Ritz vector V y has the residual
    Q' R y on y's last block. Stops when `error_bounds` are below tolerance * mu_1, or residuals below what the dtype
    resolves. rivals: what is known of the b + 1 largest eigenvalues already.
    """
    size, width = start.shape
    resolution = np.finfo(start.dtype).eps
    basis = np.empty((size, most + width), start.dtype, order="F")
    projected = np.zeros((most + width, most + width))
    block, _ = orthonormal(start)
    used = coupled = 0
    for _ in range(steps):
        last = slice(used, used + block.shape[1])
        used = last.stop
        basis[:, last] = block
        image = apply(block)
        near = basis[:, coupled:used]
        products = near.T @ image
        projected[coupled:used, last], projected[last, coupled:used] = products, products.T
        image -= near @ products
        coupled = last.start
        block, first = orthonormal(image, 30 * resolution * np.abs(products).max())
        block -= basis[:, :used] @ (basis[:, :used].T @ block)
        block, second = orthonormal(block, 1e-3)

        values, turn = np.linalg.eigh(projected[:used, :used])
        values, turn = values[::-1], turn[:, ::-1]
        norms = np.linalg.norm(second @ first @ turn[last, :width], axis=0)
        errors = error_bounds(values[: width + 1], norms, min(count, used), rivals)
        known = (errors <= tolerance * abs(values[0])) | (norms[: len(errors)] <= 20 * resolution * abs(values[0]))
        if not block.shape[1] or (used >= count and known.all()):
            return values[: width + 1], basis[:, :used] @ turn[:, :width].astype(start.dtype)
        if used + block.shape[1] > most:
            coupled, used, keep = 0, most // 2, turn[:, : most // 2]
            basis[:, :used] = basis[:, : len(turn)] @ keep.astype(start.dtype)
            projected[:] = 0
            projected[:used, :used] = np.diag(values[:used])
    raise NotConverged(f"eigenvalues known to {errors.max() / abs(values[0]):.0e} of the largest after {steps} steps")


def refined_eigenpairs(operator, start, count: int, tolerance: float):
    """`largest_eigenpairs` in float32 first, at half the cost of a step, then from there in float64.

    operator: dtype -> apply. The values and their bounds are those of float64.
    """
    single = np.dtype(np.float32)
    rivals, vectors = largest_eigenpairs(operator(single), start.astype(single), count, tolerance)
    double = np.dtype(np.float64)
    return largest_eigenpairs(operator(double), vectors.astype(double), count, tolerance, rivals=rivals)


def error_bounds(values, norms, count: int, rivals=()) -> np.ndarray:
    """Bounds on the errors of the first `count` Ritz values, [count].

    A residual norm r = |A v - mu v| bounds the error itself. Where the j >= count leading values lie apart from the
    others, so does (r_1^2 + ... + r_j^2) / (mu - mu_{j+1}), the sharper one near the end (Kato and Temple); mu_{j+1} is
    the larger of its estimates in `values` and `rivals`.
    """
    known = np.full(max(len(values), len(rivals)), -np.inf)
    known[: len(values)] = values
    known[: len(rivals)] = np.maximum(known[: len(rivals)], rivals)
    bounds = norms[:count].copy()
    squares = np.cumsum(norms**2)
    for j in range(count, min(len(norms), len(known) - 1) + 1):
        distance = values[:count] - known[j]
        quadratic = np.divide(squares[j - 1], distance, out=np.full(count, np.inf), where=distance > 0)
        np.minimum(bounds, quadratic, out=bounds)
    return bounds


def orthonormal(vectors, least: float = 0.0):
    """(Q, R): vectors [n, k] = Q R with orthonormal Q [n, r]; directions shorter than `least` are left out.

    So are those that rounding hides beside longer ones: the Gram matrix, an order of magnitude faster for a few long
    vectors than Householder reflections, holds squares.
    """
    wide = vectors.astype(np.float64, copy=False)
    squares, turn = np.linalg.eigh(wide.T @ wide)
    hidden = max(1e-7, 16 * np.finfo(vectors.dtype).eps)
    kept = squares > max(hidden**2 * squares.max(initial=0), least**2)
    lengths, turn = np.sqrt(squares[kept]), turn[:, kept]
    return vectors @ (turn / lengths).astype(vectors.dtype), lengths[:, None] * turn.T
