"""The k rows with the largest inner product: exact, by int8 codes, for many queries, as a graph."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I8Array, I64Array
from engrain.base.errors import NonFiniteError, ShapeError

BLOCK = 4096  # rows whose scores with all queries are held at a time


def topk(rows: F32Array, queries: F32Array, k: int) -> tuple[I64Array, F32Array]:
    """Return the k rows with the largest inner product, best first, ties to the smaller index.

    One query is one pass over the rows, summed over 16 logical lanes; many queries are blocks of a
    matrix product. Rows that hold NaN are never returned: one query then gets fewer, and of many
    queries the last places hold index -1.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous
    queries : ndarray of float32, shape (dim,) or (queries, dim), C-contiguous
    k : int
        At least 0; at most n are returned.

    Returns
    -------
    indices : ndarray of int64, shape (min(k, n),) or (queries, min(k, n))
    scores : ndarray of float32, of the same shape

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, or k is below 0.
    NonFiniteError
        `queries` hold NaN or infinity.
    """
    _check_query(queries, k)
    if queries.ndim == 2:
        return _topk_batch(rows, queries, k)
    index, score = _places((min(k, len(rows)),))
    found = _kernels.topk_rows(rows, queries, index, score)
    return index[:found], score[:found]


def topk_int8(
    codes: I8Array, scale: F32Array, rows: F32Array, query: F32Array, k: int
) -> tuple[I64Array, F32Array]:
    """Return what `topk` returns, exactly, reading a quarter of the bytes.

    The codes bound every row's inner product; only rows whose upper bound reaches the k-th best
    lower one are read and scored.

    Parameters
    ----------
    codes, scale : ndarray of int8 and of float32
        What `quantize_rows` returned for `rows`.
    rows : ndarray of float32, shape (n, dim), C-contiguous
    query : ndarray of float32, shape (dim,), C-contiguous
    k : int

    Returns
    -------
    indices : ndarray of int64, shape (min(k, n),)
    scores : ndarray of float32, shape (min(k, n),)

    Raises
    ------
    TypeError, ValueError, NonFiniteError
        As in `topk`.
    """
    _check_query(query, k)
    index, score = _places((min(k, len(rows)),))
    found = _kernels.topk_codes(codes, scale, rows, query, index, score)
    return index[:found], score[:found]


def quantize_rows(rows: F32Array) -> tuple[I8Array, F32Array]:
    """Return int8 codes of each row and its scale: ``row ~ scale * codes``.

    ``codes = round(row / scale)`` with ``scale = max |row| / 127``; widths are padded with zeros to
    a multiple of 64.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous

    Returns
    -------
    codes : ndarray of int8, shape (n, dim padded)
    scale : ndarray of float32, shape (n,)

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        `rows` hold NaN or infinity.
    """
    _check_rank(rows, "rows")
    codes = np.empty((len(rows), -(-rows.shape[1] // 64) * 64), dtype=np.int8)
    scale = np.empty(len(rows), dtype=np.float32)
    _kernels.quantize_rows(rows, codes, scale)
    return codes, scale


def knn_graph(rows: F32Array, k: int, *, block: int = 512) -> tuple[I64Array, F32Array]:
    """Return the k nearest other rows of every row by inner product, exactly, in O(n^2 dim).

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous
    k : int
    block : int
        Rows whose neighbours are searched at a time.

    Returns
    -------
    neighbours : ndarray of int64, shape (n, min(k, n - 1))
    scores : ndarray of float32, of the same shape

    Raises
    ------
    TypeError, ValueError, NonFiniteError
        As in `topk`.
    """
    _check_rank(rows, "rows")
    n = len(rows)
    kept = max(0, min(k, n - 1))
    neighbours, scores = _places((n, kept))
    for start in range(0, n, block):
        index, score = topk(rows, rows[start : start + block], kept + 1)
        others = index != np.arange(start, start + len(index))[:, None]
        others[others.all(axis=1), -1] = False
        neighbours[start : start + block] = index[others].reshape(len(index), kept)
        scores[start : start + block] = score[others].reshape(len(index), kept)
    return neighbours, scores


def _topk_batch(rows: F32Array, queries: F32Array, k: int) -> tuple[I64Array, F32Array]:
    if rows.dtype != np.float32 or not rows.flags.c_contiguous:
        raise TypeError(f"rows: expected C-contiguous float32, got {rows.dtype}")
    _check_rank(rows, "rows")
    if queries.ndim != 2 or queries.shape[1] != rows.shape[1]:
        raise ValueError(f"queries: expected shape (queries, {rows.shape[1]}), got {queries.shape}")
    n = len(rows)
    index = np.full((len(queries), min(k, n)), -1, dtype=np.int64)
    score = np.full(index.shape, -np.inf, dtype=np.float32)
    sizes = np.zeros(len(queries), dtype=np.int64)
    for start in range(0, n, BLOCK):
        scores = np.matmul(queries, rows[start : start + BLOCK].T)
        _kernels.topk_merge(scores, start, start + BLOCK >= n, sizes, index, score)
    return index, score


def _places(shape: tuple[int, ...]) -> tuple[I64Array, F32Array]:
    return np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.float32)


def _check_rank(rows: F32Array, name: str) -> None:
    if rows.ndim != 2:
        raise ShapeError(f"{name}: expected shape (n, dim), got {rows.shape}")


def _check_query(queries: F32Array, k: int) -> None:
    if queries.dtype != np.float32 or not queries.flags.c_contiguous:
        raise TypeError(f"queries: expected C-contiguous float32, got {queries.dtype}")
    if k < 0:
        raise ValueError(f"k: expected at least 0, got {k}")
    if not np.isfinite(queries).all():
        raise NonFiniteError("queries: contain NaN or infinity")
