"""Inner products of one query with many rows."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array


def score_rows(rows: F32Array, query: F32Array, out: F32Array | None = None) -> F32Array:
    """Return ``rows @ query``, equal bit for bit at every SIMD level.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous
    query : ndarray of float32, shape (dim,), C-contiguous
    out : ndarray of float32, shape (n,), optional

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.
    """
    if out is None:
        out = np.empty(len(rows), dtype=np.float32)
    _kernels.score_rows(rows, query, out)
    return out
