"""Oracle of centred cosines and their standardization."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def centred_cosines(
    documents: npt.ArrayLike, queries: npt.ArrayLike, prior: float = 16.0
) -> tuple[F64Array, F64Array, F64Array]:
    """Return cosines of the last query, with documents and query as centred.

    The document mean μ is taken from each document, m = (Σ q + prior μ) / (n + prior) from the
    query, Σ over all n rows of `queries`; both are renormalised.

    Parameters
    ----------
    documents : array_like, shape (n, dim)
    queries : array_like, shape (asked, dim)
        In order of asking; the last is the current one.

    Returns
    -------
    cosines : ndarray, shape (n,)
    documents : ndarray, shape (n, dim)
        Centred, unit length.
    query : ndarray, shape (dim,)
        Centred, unit length.
    """
    rows, asked = np.asarray(documents, dtype=float), np.asarray(queries, dtype=float)
    mean = rows.mean(axis=0)
    query = asked[-1] - (asked.sum(axis=0) + prior * mean) / (len(asked) + prior)
    centred = rows - mean
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    centred = np.where(length > 1e-4, centred / np.maximum(length, 1e-4), 0.0)
    query /= max(np.linalg.norm(query), 1e-4)
    return centred @ query, centred, query


def standardize(x: npt.ArrayLike) -> F64Array:
    """Return (x - mean) / (population deviation + 1e-6)."""
    values = np.asarray(x, dtype=float)
    scores: F64Array = (values - values.mean()) / (values.std() + 1e-6)
    return scores
