"""Oracle of the similarity kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def score_rows(rows: npt.ArrayLike, query: npt.ArrayLike) -> F64Array:
    """Return s_i = sum_j rows_ij query_j in float64, shape (n,)."""
    return np.asarray(rows, dtype=np.float64) @ np.asarray(query, dtype=np.float64)


def score_queries(rows: npt.ArrayLike, queries: npt.ArrayLike) -> F64Array:
    """Return s_iq = sum_j rows_ij queries_qj in float64, shape (n, k)."""
    return np.asarray(rows, dtype=np.float64) @ np.asarray(queries, dtype=np.float64).T


def compare_rows(rows: npt.ArrayLike) -> F64Array:
    """Return cos_ij = sum_k rows_ik rows_jk / (|rows_i| |rows_j|), 0 for a row of zeros."""
    x = np.asarray(rows, dtype=np.float64)
    length = np.linalg.norm(x, axis=1)
    unit = x / np.where(length > 0, length, 1.0)[:, None]
    return unit @ unit.T
