"""Extreme eigenvalues of explicit sparse matrices with SciPy: the independent check of the structured spectra."""

import numpy as np

DENSE = 400  # below this many rows LAPACK takes milliseconds and knows no convergence


class NotConverged(ArithmeticError):
    """An eigenvalue did not reach its tolerance."""


def largest_magnitudes(matrix, count: int) -> np.ndarray:
    """float64 [count]: the largest |eigenvalues| of a symmetric sparse matrix, descending, multiplicity counted.

    A few more than asked for are computed, so that ARPACK, which sees one vector of an eigenspace at a time, does not
    miss a repeated one; what does not converge is tried again with a larger basis. Padded with 0 below `count` rows.
    """
    n = matrix.shape[0]
    if n <= DENSE:
        magnitudes = np.sort(np.abs(np.linalg.eigvalsh(matrix.toarray())))[::-1] if n else np.zeros(0)
        return np.pad(magnitudes, (0, count))[:count]
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    start = np.random.default_rng(0).standard_normal(n)
    for basis in (40, 120):
        try:
            values = eigsh(
                matrix, k=count + 3, which="LM", v0=start, ncv=min(n, basis), tol=1e-12, return_eigenvectors=False
            )
            return np.sort(np.abs(values))[::-1][:count]
        except ArpackNoConvergence:
            continue
    raise NotConverged(f"ARPACK found no {count} eigenvalues of {n} rows")
