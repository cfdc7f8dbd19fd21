"""Oracle of the cable solver."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def solve_cable(
    parent: npt.ArrayLike, axial: npt.ArrayLike, diagonal: npt.ArrayLike, rhs: npt.ArrayLike
) -> F64Array:
    """Return the solution by a dense factorisation per cell, shape (nodes, cells).

    The matrix holds diagonal[i] and, for each node but the root, -axial[i] towards its parent and
    back. Hines, Int. J. Biomed. Comput. 15 (1984) 69-76.
    """
    parent, axial = np.asarray(parent), np.asarray(axial, dtype=np.float64)
    diagonal, rhs = np.asarray(diagonal, np.float64), np.asarray(rhs, np.float64)
    out = np.empty_like(rhs)
    for cell in range(rhs.shape[1]):
        matrix = np.diag(diagonal[:, cell])
        for i in range(1, len(parent)):
            matrix[i, parent[i]] = matrix[parent[i], i] = -axial[i]
        out[:, cell] = np.linalg.solve(matrix, rhs[:, cell])
    return out
