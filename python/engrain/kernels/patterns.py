"""A bank of patterns: directions that many questions share, merged where they say the same."""

from __future__ import annotations

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, F64Array, I64Array, NamedArrays
from engrain.base.errors import NonFiniteError, ShapeError


def merge_patterns(
    bank: NamedArrays,
    held: int,
    next: int,
    centroids: F32Array,
    confidences: F64Array,
    sizes: F64Array,
    *,
    level: int = 0,
    cosine: float,
    capacity: int,
) -> tuple[int, I64Array, I64Array]:
    """Add patterns to a bank one after the other, in one call without the GIL.

    A pattern comes in as the sum ``size * confidence * centroid / |centroid|`` of its members. If
    the cosine with another pattern of its level is at least `cosine`, it is merged with the
    nearest: sums and counts add up, the older one stays, and what it has become is compared again.
    Beyond `capacity` the pattern of the smallest count goes. Equal bit for bit at every SIMD level
    and in whatever batches patterns come.

    Parameters
    ----------
    bank : dict of str to ndarray, updated in place
        ``ids`` and ``levels`` of int64, ``counts`` of float64, shape (room,); ``sums`` and
        ``units``, the sums at length 1, of float64, shape (room, dim). Room for all that is added.
    held : int
        Rows of the bank in use.
    next : int
        Id of the first pattern added; the others follow.
    centroids : ndarray of float32, shape (n, dim)
    confidences, sizes : ndarray of float64, shape (n,)
    level : int
    cosine : float
    capacity : int

    Returns
    -------
    held : int
        Rows in use afterwards.
    kept : ndarray of int64, shape (n,)
        Id that each pattern was part of when it had been added.
    gone : ndarray of int64, shape (m, 2)
        Which id, or -1 for none, stays for which one that went, in order.

    Raises
    ------
    TypeError, ValueError
        Another dtype, layout or shape; nothing was changed.
    NonFiniteError
        Something that is added is NaN or infinite; nothing was changed.
    ShapeError
        A centroid has length 0; nothing was changed.
    """
    if not all(np.isfinite(values).all() for values in (centroids, confidences, sizes)):
        raise NonFiniteError("centroids, confidences, sizes: contain NaN or infinity")
    if not centroids.any(axis=1).all():
        raise ShapeError("centroids: a vector of length 0 has no direction; leave it out")
    kept = np.empty(len(centroids), dtype=np.int64)
    gone = np.empty((held + len(centroids), 2), dtype=np.int64)
    held, went = _kernels.merge_patterns(
        bank["ids"],
        bank["levels"],
        bank["counts"],
        bank["sums"],
        bank["units"],
        held,
        next,
        centroids,
        confidences,
        sizes,
        level,
        cosine,
        capacity,
        kept,
        gone,
    )
    return held, kept, gone[:went]
