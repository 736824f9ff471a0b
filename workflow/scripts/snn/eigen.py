"""A few largest eigenvalues of a symmetric operator, by a block Davidson method in float64."""

import numpy as np


class NotConverged(ArithmeticError):
    """The residual did not fall below the tolerance within the products allowed."""


def largest_eigenpairs(apply, start, count: int, tolerance: float, scale=None, precondition=None, most=64, steps=1000):
    """The `count` largest eigenvalues of a symmetric operator, descending, and their vectors [n, count].

    apply: [n, k] -> [n, k]; start: [n, b] random, b >= count; b is also the largest multiplicity that is seen. The
    basis grows by the (preconditioned) residuals of the b leading Ritz pairs and is restarted from the leading ones;
    without a preconditioner this spans the Krylov space of block Lanczos. Stops when each residual norm |A v - mu v| is
    below tolerance * mu_1: mu is then wrong by less than that, and by about its square over the distance to the next
    eigenvalue that is not sought.
    """
    basis, _ = np.linalg.qr(start)
    width = basis.shape[1]
    image = apply(basis)
    for _ in range(steps):
        small = basis.T @ image
        values, turn = np.linalg.eigh((small + small.T) / 2)
        values, turn = values[::-1], turn[:, ::-1]
        lead = turn[:, :width]
        vectors = basis @ lead
        residual = image @ lead - vectors * values[:width]
        norms = np.linalg.norm(residual, axis=0)
        if (norms[:count] <= tolerance * abs(values[0])).all():
            return values[:count], vectors[:, :count]
        if basis.shape[1] + width > most:
            keep = turn[:, : most // 2]
            basis, image = basis @ keep, image @ keep
        if precondition is not None:
            residual = precondition(residual, values[:width])
        new = orthonormal(residual, basis)
        if new.shape[1] == 0:
            return values[:count], vectors[:, :count]
        basis, image = np.hstack([basis, new]), np.hstack([image, apply(new)])
    raise NotConverged(f"residual {norms[:count].max() / abs(values[0]):.1e} after {steps} steps")


def orthonormal(vectors, basis):
    """An orthonormal basis of what `vectors` [n, k] add to the orthonormal `basis` [n, m]."""
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=0), np.finfo(float).tiny)
    for _ in range(2):
        vectors = vectors - basis @ (basis.T @ vectors)
    q, r = np.linalg.qr(vectors)
    q = q[:, np.abs(np.diag(r)) > 1e-10]
    q = q - basis @ (basis.T @ q)
    return q / np.linalg.norm(q, axis=0)
