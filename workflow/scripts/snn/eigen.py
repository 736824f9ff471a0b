"""A few largest eigenvalues of a symmetric operator: block Lanczos with thick restarts, in float64."""

import numpy as np


class NotConverged(ArithmeticError):
    """The eigenvalues did not reach their tolerance within the steps allowed."""


def largest_eigenpairs(apply, start, count: int, tolerance: float, most: int = 48, steps: int = 1000):
    """The `count` largest eigenvalues mu of a symmetric operator, descending, and their vectors [n, count].

    apply: [n, k] -> [n, k]; start: [n, b] random with b >= count; b is also the largest multiplicity that is seen.
    The orthonormal basis V grows by what A adds to its last block Q: A Q = V H + Q' R. At `most` vectors it is
    restarted from half as many leading Ritz vectors and Q' (Wu & Simon 2000). A Ritz vector V y has the residual Q' R y
    on y's last block. Stops when `error_bounds` are below tolerance * mu_1.
    """
    size, width = start.shape
    basis = np.empty((size, most + width), order="F")
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
        block, first = orthonormal(image, 1e-13 * np.abs(products).max())
        block -= basis[:, :used] @ (basis[:, :used].T @ block)
        block, second = orthonormal(block, 1e-6)

        values, turn = np.linalg.eigh(projected[:used, :used])
        values, turn = values[::-1], turn[:, ::-1]
        norms = np.linalg.norm(second @ first @ turn[last, :width], axis=0)
        errors = error_bounds(values, norms, min(count, used))
        if not block.shape[1] or (used >= count and (errors <= tolerance * abs(values[0])).all()):
            return values[:count], basis[:, :used] @ turn[:, :count]
        if used + block.shape[1] > most:
            coupled, used, keep = 0, most // 2, turn[:, : most // 2]
            basis[:, :used] = basis[:, : len(turn)] @ keep
            projected[:] = 0
            projected[:used, :used] = np.diag(values[:used])
    raise NotConverged(f"eigenvalues known to {errors.max() / abs(values[0]):.0e} of the largest after {steps} steps")


def error_bounds(values, norms, count: int) -> np.ndarray:
    """Bounds on the errors of the first `count` Ritz values, [count].

    A residual norm r = |A v - mu v| bounds the error itself. Where the j >= count leading values lie apart from the
    others, so does (r_1^2 + ... + r_j^2) / (mu - mu_{j+1}), the sharper one near the end (Kato and Temple).
    """
    bounds = norms[:count].copy()
    squares = np.cumsum(norms**2)
    for j in range(count, min(len(norms), len(values) - 1) + 1):
        distance = values[:count] - values[j]
        quadratic = np.divide(squares[j - 1], distance, out=np.full(count, np.inf), where=distance > 0)
        np.minimum(bounds, quadratic, out=bounds)
    return bounds


def orthonormal(vectors, least: float = 0.0):
    """(Q, R): vectors [n, k] = Q R with orthonormal Q [n, r]; directions shorter than `least` are left out.

    So are those that rounding hides beside longer ones: the Gram matrix, an order of magnitude faster for a few long
    vectors than Householder reflections, holds squares.
    """
    squares, turn = np.linalg.eigh(vectors.T @ vectors)
    kept = squares > max(1e-14 * squares.max(initial=0), least**2)
    lengths, turn = np.sqrt(squares[kept]), turn[:, kept]
    return vectors @ (turn / lengths), lengths[:, None] * turn.T
