"""Oracle of sparse products."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def multiply_sparse(
    starts: npt.ArrayLike, columns: npt.ArrayLike, values: npt.ArrayLike, dense: npt.ArrayLike
) -> F64Array:
    """Return A @ dense in float64; A given by compressed rows, repeated columns add up."""
    offsets, right = np.asarray(starts), np.asarray(dense, dtype=np.float64)
    left = np.zeros((len(offsets) - 1, len(right)))
    rows = np.repeat(np.arange(len(left)), np.diff(offsets))
    np.add.at(left, (rows, np.asarray(columns)), np.asarray(values, dtype=np.float64))
    return left @ right
