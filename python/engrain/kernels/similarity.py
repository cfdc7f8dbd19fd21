"""Inner products of one query or several with many rows, and cosines among rows."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import NonFiniteError


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


def score_queries(rows: F32Array, queries: F32Array) -> F32Array:
    """Return ``rows @ queries.T`` in one thread, without the GIL, equal at every SIMD level.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous
    queries : ndarray of float32, shape (k, dim), C-contiguous

    Returns
    -------
    ndarray of float32, shape (n, k)

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree.
    """
    out = np.empty((len(rows), len(queries)), dtype=np.float32)
    _kernels.score_queries(rows, queries, out)
    return out


def compare_rows(rows: F32Array) -> F32Array:
    """Return the cosines among rows, equal bit for bit at every SIMD level.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous

    Returns
    -------
    ndarray of float32, shape (n, n)
        Symmetric, 1 on the diagonal; a row of zeros has cosine 0 with all, itself included.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Not two dimensions.
    NonFiniteError
        A row holds NaN or infinity, or is too long to square.
    """
    out = np.empty((len(rows), len(rows)), dtype=np.float32)
    if not _kernels.compare_rows(rows, out):
        raise NonFiniteError("rows: contain NaN or infinity, or are too long to square")
    return out
