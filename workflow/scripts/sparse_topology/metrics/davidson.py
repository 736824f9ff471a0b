"""The largest eigenvalue of a symmetric operator whose eigenvector sits where the diagonal is largest: Davidson (1975).

The orthonormal basis V [n, m] gives Ritz pairs (theta, u) of A. It grows by the residual r = A u - theta u of the first
one, divided by the distance of the diagonal D to the eigenvalue,

    t = r / (theta + |r| - D):

where D is far below theta, the next term of u's perturbation series. The Laplacian of a network has its largest
eigenvector on the few units of largest weighted degree; this takes a third to a sixth of the products with A that
Lanczos' method takes to find them. A restart keeps the leading Ritz vectors (Stathopoulos, Saad and Wu 1998).
"""

import numpy as np

from sparse_topology.metrics.lanczos import ROWS, STEPS, NotConverged, converged, error_bounds, rotate, unit

# Numbers that V and A V may hold together, and columns of each: at least so many that a restart from half of them keeps
# the eigenvalue's neighbours, at most so many that they cost little beside a product with A.
BASIS_NUMBERS, FEWEST_COLUMNS, MOST_COLUMNS = 2**26, 8, 96
# float32 goes as far as this residual over the eigenvalue, well above its own rounding, or so many steps.
COARSE, COARSE_STEPS = 1e-4, 100
# theta + |r| - D is at least this share of theta: in the first steps, units may have D > theta.
NEAREST = 1e-3
# A direction that orthogonalisation shortens to less than this is orthogonalised again; one that it shortens so twice
# lies in V but for rounding.
CANCELLED = 0.1


def largest_eigenvalue(operator, diagonal, start, tolerance: float, steps=STEPS) -> float:
    """The largest eigenvalue, known to `tolerance` over itself as `lanczos.converged` says; else NotConverged.

    operator: dtype -> apply, [n, 1] -> [n, 1] of that dtype; diagonal: float64 [n]; start: [n]. The first steps are in
    float32, at half the cost; the value and its bound are those of float64.
    """
    single, double = np.dtype(np.float32), np.dtype(np.float64)
    rivals, start = coarse(operator(single), diagonal, start.astype(single, copy=False))
    for values, norm, _ in ritz_pairs(operator(double), diagonal, start.astype(double), steps):
        norms = np.append(norm, np.full(len(values) - 1, np.inf))
        errors = error_bounds(values, norms, 1, rivals=rivals)
        if converged(values, norms, errors, tolerance, double):
            return float(values[0])
    raise NotConverged(f"eigenvalue known to {errors[0] / unit(values):.0e} of itself after {steps} steps")


def coarse(apply, diagonal, start) -> tuple[np.ndarray, np.ndarray]:
    """(the Ritz values [m], the largest first; the first Ritz vector [n]) as far as float32 goes."""
    for values, norm, vector in ritz_pairs(apply, diagonal, start, COARSE_STEPS):
        if norm <= COARSE * unit(values):
            return values, vector
    return values, vector


def ritz_pairs(apply, diagonal, start, steps: int):
    """Yield after every product with A: the Ritz values [m], the largest first; the residual norm and the Ritz vector
    [n] of the first. Ends early where V spans an invariant subspace."""
    n, dtype = len(start), start.dtype
    capacity = min(max(BASIS_NUMBERS // (2 * n), FEWEST_COLUMNS), MOST_COLUMNS, n)
    basis, image = (np.empty((n, capacity), dtype, order="F") for _ in range(2))
    projected, size, direction = np.zeros((capacity, capacity)), 0, start / np.linalg.norm(start)
    for _ in range(steps):
        basis[:, size] = direction
        image[:, size] = apply(basis[:, size : size + 1])[:, 0]
        size += 1
        projected[size - 1, :size] = projected[:size, size - 1] = basis[:, :size].T @ image[:, size - 1]
        values, turn = (part[..., ::-1] for part in np.linalg.eigh(projected[:size, :size]))
        first = turn[:, 0].astype(dtype)
        vector, residual = basis[:, :size] @ first, image[:, :size] @ first
        for part in chunks(n):
            residual[part] -= dtype.type(values[0]) * vector[part]
        norm = float(np.linalg.norm(residual))
        yield values, norm, vector
        if size == capacity:
            size = max(1, capacity // 2)
            for vectors in (basis, image):
                rotate(vectors, turn[:, :size].astype(dtype))
            projected = np.diag(np.pad(values[:size], (0, capacity - size)))
        for part in chunks(n):
            residual[part] /= np.maximum(values[0] + norm - diagonal[part], max(norm, NEAREST * unit(values)))
        direction = orthogonal(basis[:, :size], residual)
        if direction is None:
            return


def chunks(n: int) -> list[slice]:
    return [slice(start, start + ROWS) for start in range(0, n, ROWS)]


def orthogonal(basis, direction) -> np.ndarray | None:
    """The unit vector along `direction` [n], which is overwritten, less its part in the basis; None if that is all."""
    for _ in range(2):
        length = np.linalg.norm(direction)
        if not length:
            return None
        direction /= length
        direction -= basis @ (basis.T @ direction)
        length = np.linalg.norm(direction)
        if length > CANCELLED:
            return np.divide(direction, length, out=direction)
    return None
