"""Nearest rows of large sets: inverted lists of int8 codes, ranked by bfloat16 rows."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I32Array, I64Array, U8Array, U16Array
from engrain.base.errors import ShapeError

BLOCK = 16


def to_bfloat16(values: F32Array) -> U16Array:
    """Return the upper 16 bits of each float32, rounded to nearest, ties to even.

    Parameters
    ----------
    values : ndarray of float32, C-contiguous

    Returns
    -------
    ndarray of uint16
        NumPy has no bfloat16; `from_bfloat16` reads it.

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        `values` hold NaN or infinity.
    """
    out = np.empty(values.shape, dtype=np.uint16)
    _kernels.to_bfloat16(values, out)
    return out


def from_bfloat16(values: U16Array) -> F32Array:
    """Return bfloat16 values as float32, exactly."""
    out = np.empty(values.shape, dtype=np.float32)
    _kernels.from_bfloat16(values, out)
    return out


@dataclass(frozen=True, slots=True, eq=False)
class CodedLists:
    """Rows in lists, in blocks of 16 places, with int8 codes beside them.

    Attributes
    ----------
    rows : ndarray of uint16, shape (n, dim)
        bfloat16.
    ids : ndarray of int32, shape (places,)
        Row at each place, -1 where a block is not full.
    codes : ndarray of uint8, shape (places, dim padded to 64)
        Blocks of 16 rows, interleaved by four values.
    scale : ndarray of float32, shape (places,)
        Value of one code.
    start : ndarray of int64, shape (lists + 1,)
        First place of each list.
    """

    rows: U16Array
    ids: I32Array
    codes: U8Array
    scale: F32Array
    start: I64Array

    @property
    def lists(self) -> int:
        """Number of lists."""
        return len(self.start) - 1


def code_lists(rows: U16Array, labels: I64Array, lists: int) -> CodedLists:
    """Put each row into the list that `labels` name, in order, and code it.

    Parameters
    ----------
    rows : ndarray of uint16, shape (n, dim), C-contiguous
        bfloat16; kept, not copied.
    labels : ndarray of int64, shape (n,)
        List of each row; below 0: in none.
    lists : int

    Raises
    ------
    ShapeError
        Labels of another length, or beyond `lists`.
    """
    if labels.shape != (len(rows),) or (len(labels) and int(labels.max()) >= lists):
        raise ShapeError(f"labels: expected shape ({len(rows)},) with values below {lists}")
    held = np.flatnonzero(labels >= 0)
    held = held[np.argsort(labels[held], kind="stable")]
    counts = np.bincount(labels[held], minlength=lists)
    start = np.concatenate([[0], np.cumsum(-(-counts // BLOCK) * BLOCK)]).astype(np.int64)
    first = np.cumsum(counts) - counts
    places = np.arange(len(held)) + np.repeat(start[:-1] - first, counts)
    ids = np.full(int(start[-1]), -1, dtype=np.int32)
    ids[places] = held
    codes = np.empty((len(ids), -(-rows.shape[1] // 64) * 64), dtype=np.uint8)
    scale = np.empty(len(ids), dtype=np.float32)
    _kernels.code_rows(rows, ids, codes, scale)
    return CodedLists(rows, ids, codes, scale, start)


def search_lists(
    lists: CodedLists,
    queries: U16Array,
    probes: I32Array,
    k: int,
    *,
    candidates: int | None = None,
    own: I32Array | None = None,
    threads: int | None = None,
) -> tuple[I32Array, F32Array]:
    """Return the k rows of largest inner product with each query among the lists it looks into.

    Int8 codes find the candidates, the rows themselves rank them in float32.

    Parameters
    ----------
    lists : CodedLists
    queries : ndarray of uint16, shape (queries, dim), C-contiguous
        bfloat16. Queries that look into the same lists are fastest next to each other.
    probes : ndarray of int32, shape (queries, probes)
        Lists of each query, each once; -1 for none.
    k : int
    candidates : int, optional
        Taken by codes, at least k; 2 k + 1 by default.
    own : ndarray of int32, shape (queries,), optional
        A row that each query must not find: itself.
    threads : int, optional
        As many as the process may use by default; results do not depend on it.

    Returns
    -------
    rows : ndarray of int32, shape (queries, k)
        Best first, -1 where there are fewer.
    scores : ndarray of float32, shape (queries, k)
        Inner products, -inf where there are fewer.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, or an index lies outside.

    References
    ----------
    Sivic & Zisserman (2003), inverted lists; Jégou, Douze & Schmid (2011).
    """
    found = np.empty((len(queries), k), dtype=np.int32)
    scores = np.empty((len(queries), k), dtype=np.float32)
    _kernels.search_lists(
        lists.rows,
        lists.ids,
        lists.codes,
        lists.scale,
        lists.start,
        queries,
        np.empty(0, np.int32) if own is None else own,
        probes,
        2 * k + 1 if candidates is None else candidates,
        found,
        scores,
        (os.cpu_count() or 1) if threads is None else threads,
    )
    return found, scores
