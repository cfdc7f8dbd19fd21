"""k-means: D^2 seeding and Lloyd's iterations, on points or on directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.errors import NonFiniteError, ShapeError


@dataclass(frozen=True, slots=True)
class Clusters:
    """What `kmeans` found.

    Attributes
    ----------
    centres : ndarray of float32, shape (k, dim)
    labels : ndarray of int64, shape (n,)
        Nearest centre of each row.
    distances : ndarray of float32, shape (n,)
        Squared distance of each row to it.
    iterations : int
    converged : bool
        Whether no label changed in the last iteration.
    """

    centres: F32Array
    labels: I64Array
    distances: F32Array
    iterations: int
    converged: bool


def kmeans_plus_plus(rows: F32Array, k: int, *, seed: int = 0) -> I64Array:
    """Choose k rows as centres by D^2 sampling: each with odds of its squared distance.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous
    k : int
        In 1..n. Rows are chosen twice only where all distinct ones are already centres.
    seed : int
        Equal seeds choose equal rows, at every SIMD level.

    Returns
    -------
    ndarray of int64, shape (k,)
        Indices of the chosen rows.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        `k` is outside 1..n.
    NonFiniteError
        `rows` hold NaN or infinity.

    References
    ----------
    Arthur & Vassilvitskii (2007), k-means++; Elkan (2003) for what the triangle inequality spares.
    """
    _check(rows, k)
    return _seed(rows, k, seed)[0]


def kmeans(
    rows: F32Array,
    k: int,
    *,
    iterations: int = 20,
    spherical: bool = False,
    seed: int = 0,
) -> Clusters:
    """Cluster rows by k-means++ seeding and at most `iterations` of Lloyd's steps.

    An empty cluster restarts at the row farthest from its centre.

    Parameters
    ----------
    rows : ndarray of float32, shape (n, dim), C-contiguous
    k : int
        In 1..n.
    iterations : int
    spherical : bool
        Cluster directions: rows (copied) and centres have length 1, so that nearest means largest
        cosine (Dhillon & Modha 2001). A row of length 0 stays 0.
    seed : int

    Returns
    -------
    Clusters

    Raises
    ------
    TypeError, ValueError, NonFiniteError
        As in `kmeans_plus_plus`.
    """
    _check(rows, k)
    if spherical:
        rows = _directions(rows)
    chosen, distances, labels = _seed(rows, k, seed)
    centres = rows[chosen]
    norms = np.einsum("ij,ij->i", rows, rows)
    done, step = iterations == 0, 0
    while not done and step < iterations:
        step += 1
        centres = _means(rows, labels, distances, k)
        if spherical:
            centres = _directions(centres)
        before = labels
        labels, distances = _assign(rows, norms, centres)
        done = np.array_equal(labels, before)
    return Clusters(centres, labels, distances, step, bool(done and step > 0))


def _check(rows: F32Array, k: int) -> None:
    if rows.dtype != np.float32 or not rows.flags.c_contiguous:
        raise TypeError(f"rows: expected C-contiguous float32, got {rows.dtype}")
    if rows.ndim != 2:
        raise ShapeError(f"rows: expected shape (n, dim), got {rows.shape}")
    if not 1 <= k <= len(rows):
        raise ValueError(f"k: expected 1..{len(rows)}, the number of rows, got {k}")
    if not np.isfinite(rows).all():
        raise NonFiniteError("rows: contain NaN or infinity; clean the input before passing it")


def _seed(rows: F32Array, k: int, seed: int) -> tuple[I64Array, F32Array, I64Array]:
    uniforms = np.random.Generator(np.random.Philox(seed)).random(k)
    chosen = np.empty(k, dtype=np.int64)
    distances = np.empty(len(rows), dtype=np.float32)
    nearest = np.empty(len(rows), dtype=np.int64)
    _kernels.seed_centres(rows, uniforms, chosen, distances, nearest)
    return chosen, distances, nearest


def _assign(rows: F32Array, norms: F32Array, centres: F32Array) -> tuple[I64Array, F32Array]:
    labels = np.empty(len(rows), dtype=np.int64)
    least = np.empty(len(rows), dtype=np.float32)
    bias = np.einsum("ij,ij->i", centres, centres)
    _kernels.assign_rows(np.matmul(rows, centres.T), bias, labels, least)
    return labels, np.maximum(least + norms, np.float32(0))


def _means(rows: F32Array, labels: I64Array, distances: F32Array, k: int) -> F32Array:
    sums: F64Array = np.zeros((k, rows.shape[1]))
    counts = np.zeros(k, dtype=np.int64)
    _kernels.sum_rows(rows, labels, sums, counts)
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        farthest = np.argsort(-distances, kind="stable")[: len(empty)]
        sums[empty], counts[empty] = rows[farthest], 1
    return (sums / counts[:, None]).astype(np.float32)


def _directions(rows: F32Array) -> F32Array:
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    scaled: F32Array = (rows / np.where(lengths > 0, lengths, 1)[:, None]).astype(np.float32)
    return scaled
