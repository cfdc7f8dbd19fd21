"""Products of a sparse matrix in compressed rows with a dense one."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I32Array, I64Array


def multiply_sparse(
    starts: I64Array,
    columns: I32Array,
    values: F32Array,
    dense: F32Array,
    out: F32Array | None = None,
) -> F32Array:
    """Return A @ dense, row i of A holding `values` at `columns` from starts[i] to starts[i + 1].

    Parameters
    ----------
    starts : ndarray of int64, shape (n + 1,)
    columns : ndarray of int32, shape (entries,)
    values : ndarray of float32, shape (entries,)
    dense : ndarray of float32, shape (columns of A, width), C-contiguous
    out : ndarray of float32, shape (n, width), optional

    Returns
    -------
    ndarray of float32, shape (n, width)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, or an index lies outside.
    """
    if out is None:
        out = np.empty((len(starts) - 1, dense.shape[1]), dtype=np.float32)
    _kernels.multiply_sparse(starts, columns, values, dense, out)
    return out
