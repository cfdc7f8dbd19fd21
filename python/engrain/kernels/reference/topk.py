"""Oracles of exact search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array


def topk(rows: npt.ArrayLike, query: npt.ArrayLike, k: int) -> tuple[I64Array, F64Array]:
    """Return the k largest of rows @ query in float64 and their rows, ties to the smaller index."""
    scores = np.asarray(rows, dtype=np.float64) @ np.asarray(query, dtype=np.float64)
    best = np.argsort(-scores, kind="stable")[:k]
    return best, scores[best]


def topk_int8(rows: npt.ArrayLike, query: npt.ArrayLike, k: int) -> tuple[I64Array, F64Array]:
    """Return the exact `topk`, which the search by codes must equal."""
    return topk(rows, query, k)


def quantize_rows(rows: npt.ArrayLike) -> tuple[I64Array, F64Array]:
    """Return round(row / scale) with scale = max |row| / 127, halves to even."""
    rows = np.asarray(rows, dtype=np.float64)
    scale = np.abs(rows).max(axis=1, initial=0.0) / 127
    codes = np.rint(rows / np.where(scale > 0, scale, 1)[:, None])
    return codes.astype(np.int64), scale


def knn_graph(rows: npt.ArrayLike, k: int) -> tuple[I64Array, F64Array]:
    """Return for each row the k other rows with the largest inner product."""
    rows = np.asarray(rows, dtype=np.float64)
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    best = np.argsort(-scores, axis=1, kind="stable")[:, : max(0, min(k, len(rows) - 1))]
    return best, np.take_along_axis(scores, best, axis=1)
