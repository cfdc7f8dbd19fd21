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
    sums : ndarray of float64, shape (k, dim)
        Of the rows of each label, at length 1 where directions were clustered.
    counts : ndarray of int64, shape (k,)
    """

    centres: F32Array
    labels: I64Array
    distances: F32Array
    iterations: int
    converged: bool
    sums: F64Array
    counts: I64Array


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
    chosen = np.empty(k, dtype=np.int64)
    if not _kernels.seed_centres(rows, _uniforms(k, seed), chosen):
        raise _not_finite()
    return chosen


def kmeans(
    rows: F32Array,
    k: int,
    *,
    iterations: int = 20,
    spherical: bool = False,
    seed: int = 0,
) -> Clusters:
    """Cluster rows by k-means++ seeding and at most `iterations` of Lloyd's steps.

    One call without the GIL, in one thread; equal seeds give equal clusters at every SIMD level.
    A row as near to two centres goes to the first. An empty cluster restarts at the row farthest
    from its centre.

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
    n, dim = rows.shape
    centres, sums = np.empty((k, dim), dtype=np.float32), np.empty((k, dim))
    labels, counts = np.empty(n, dtype=np.int64), np.empty(k, dtype=np.int64)
    distances = np.empty(n, dtype=np.float32)
    done = _kernels.kmeans(
        rows, _uniforms(k, seed), iterations, spherical, centres, labels, distances, sums, counts
    )
    if done is None:
        raise _not_finite()
    return Clusters(centres, labels, distances, *done, sums, counts)


def _check(rows: F32Array, k: int) -> None:
    if rows.dtype != np.float32 or not rows.flags.c_contiguous:
        raise TypeError(f"rows: expected C-contiguous float32, got {rows.dtype}")
    if rows.ndim != 2:
        raise ShapeError(f"rows: expected shape (n, dim), got {rows.shape}")
    if not 1 <= k <= len(rows):
        raise ValueError(f"k: expected 1..{len(rows)}, the number of rows, got {k}")


def _uniforms(k: int, seed: int) -> F64Array:
    return np.random.Generator(np.random.Philox(seed)).random(k)


def _not_finite() -> NonFiniteError:
    return NonFiniteError("rows: contain NaN or infinity; clean the input before passing it")
