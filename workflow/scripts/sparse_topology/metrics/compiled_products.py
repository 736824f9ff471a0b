"""Products of a sparse kernel with dense columns, compiled with numba, whose import a small graph need not pay for."""

import numpy as np
from numba import njit


class SparseKernel:
    """The weights [groups, m, n] of a kernel as one matrix W [groups * m, groups * n], by rows and by columns."""

    def __init__(self, weight: np.ndarray, dtype):
        groups, m, n = weight.shape
        self.shape = groups * m, groups * n
        self.rows, self.columns = compressed(weight, dtype), compressed(weight.swapaxes(1, 2), dtype)

    def add_product(self, columns: np.ndarray, result: np.ndarray) -> None:
        """result += W columns."""
        add_product(*self.rows, columns.reshape(self.shape[1], -1), result.reshape(self.shape[0], -1))

    def transposed_product(self, values: np.ndarray, result: np.ndarray, add: bool) -> None:
        """result = W^T values, or result += W^T values."""
        if not add:
            result[:] = 0
        add_product(*self.columns, values.reshape(self.shape[0], -1), result.reshape(self.shape[1], -1))


def compressed(weight: np.ndarray, dtype):
    """(first [groups * m + 1], column, value) of the block-diagonal matrix of weight [groups, m, n], row by row."""
    _, m, n = weight.shape
    flat = weight.ravel()
    place = np.flatnonzero(flat != 0)
    row, column = np.divmod(place, n)
    first = np.searchsorted(row, np.arange(len(flat) // n + 1))
    return first, (row // m * n + column).astype(np.int32), flat[place].astype(dtype)


@njit(cache=True, fastmath=True)
def add_product(first, column, value, x, result):
    """result [m, p] += M x [n, p], for M [m, n] by rows; four entries at a time save loads and stores of the result."""
    for row in range(len(result)):
        sums = result[row]
        k = first[row]
        while k + 4 <= first[row + 1]:
            a, b, c, d = value[k], value[k + 1], value[k + 2], value[k + 3]
            xa, xb, xc, xd = x[column[k]], x[column[k + 1]], x[column[k + 2]], x[column[k + 3]]
            for j in range(len(sums)):
                sums[j] += a * xa[j] + b * xb[j] + c * xc[j] + d * xd[j]
            k += 4
        while k < first[row + 1]:
            a, xa = value[k], x[column[k]]
            for j in range(len(sums)):
                sums[j] += a * xa[j]
            k += 1
