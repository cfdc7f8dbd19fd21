"""Oracle of the similarity kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def score_rows(rows: npt.ArrayLike, query: npt.ArrayLike) -> F64Array:
    """Return s_i = sum_j rows_ij query_j in float64, shape (n,)."""
    return np.asarray(rows, dtype=np.float64) @ np.asarray(query, dtype=np.float64)
