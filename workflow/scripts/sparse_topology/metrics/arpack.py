"""Extreme eigenvalues of explicit sparse matrices with SciPy: the independent check of the structured spectra."""

import numpy as np

DENSE = 400  # below this many rows LAPACK takes milliseconds and knows no convergence


def largest_magnitudes(matrix, count: int) -> np.ndarray:
    """float64 [count]: the largest |eigenvalues| of a symmetric sparse matrix, descending, multiplicity counted.

    A few more than asked for are computed, so that ARPACK, which sees one vector of an eigenspace at a time, does not
    miss a repeated one; what does not converge is tried again with a larger basis, and raises SciPy's
    ArpackNoConvergence then. Padded with 0 below `count` rows.
    """
    n = matrix.shape[0]
    if n <= DENSE:
        magnitudes = np.sort(np.abs(np.linalg.eigvalsh(matrix.toarray())))[::-1] if n else np.zeros(0)
        return np.pad(magnitudes, (0, count))[:count]
    from scipy.sparse.linalg import ArpackNoConvergence, eigsh

    start = np.random.default_rng(0).standard_normal(n)
    more = {"k": count + 3, "which": "LM", "v0": start, "tol": 1e-12, "return_eigenvectors": False}
    try:
        values = eigsh(matrix, ncv=min(n, 40), **more)
    except ArpackNoConvergence:
        values = eigsh(matrix, ncv=min(n, 120), **more)
    return np.sort(np.abs(values))[::-1][:count]
