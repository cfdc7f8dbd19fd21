"""Reconsolidation: what was recalled turns a little toward, or away from, what recalled it."""

from __future__ import annotations

import math

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError


def reconsolidate(
    memories: F32Array,
    rows: I64Array,
    queries: F32Array,
    rates: F32Array,
    *,
    max_angle: float = 0.1,
) -> F32Array:
    """Turn recalled memories toward or away from their queries, in place and in order.

    ``m <- normalise(m + rate (q - m))`` on directions, with the angle of the turn cut at
    `max_angle`. The result has unit length. A rate of 0 or a vector of length 0 leaves its row
    untouched, bit for bit.

    Parameters
    ----------
    memories : ndarray of float32, shape (memories, dim), C-contiguous, updated in place
    rows : ndarray of int64, shape (n,)
        Which memories were recalled; a row may occur more than once.
    queries : ndarray of float32, shape (dim,) or (n, dim)
    rates : ndarray of float32, shape (n,)
        Learning rate times signed prediction error, in [-1, 1]; negative turns away.
    max_angle : float
        Largest turn of one step, in radians, in (0, pi / 2).

    Returns
    -------
    ndarray of float32, shape (n,)
        Cosine between memory and query before its step; 0 where one has no length.

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, a row does not exist, or a rate lies outside [-1, 1].
    NonFiniteError
        `queries` holds NaN or infinity; nothing was changed.

    References
    ----------
    Nader, Schafe & LeDoux (2000), Nature 406, 722; Lee (2009), Trends in Neurosciences 32, 413:
    recall opens a memory to change, and prediction error decides on it.
    """
    if not 0.0 < max_angle < math.pi / 2:
        raise ConfigError(f"max_angle: expected radians in (0, pi / 2), got {max_angle!r}")
    cosine = np.empty(len(rows), dtype=np.float32)
    done = _kernels.reconsolidate(memories, rows, queries, rates, math.tan(max_angle), cosine)
    if not done:
        raise NonFiniteError("queries: contain NaN or infinity; clean the input before passing it")
    return cosine
