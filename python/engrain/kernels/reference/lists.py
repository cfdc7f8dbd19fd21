"""Oracles of the search in inverted lists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array


def to_bfloat16(values: npt.ArrayLike) -> F64Array:
    """Return each value rounded to 8 significant bits, ties to even (normal numbers)."""
    values = np.asarray(values, dtype=np.float64)
    mantissa, exponent = np.frexp(values)
    rounded: F64Array = np.ldexp(np.round(mantissa * 256), exponent - 8)
    return rounded


def search_lists(
    rows: npt.ArrayLike, labels: npt.ArrayLike, query: npt.ArrayLike, probes: npt.ArrayLike, k: int
) -> tuple[I64Array, F64Array]:
    """Return the k rows of the probed lists with the largest inner products, best first."""
    rows, query = np.asarray(rows, dtype=np.float64), np.asarray(query, dtype=np.float64)
    members = np.flatnonzero(np.isin(labels, probes))
    scores = rows[members] @ query
    order = np.argsort(-scores, kind="stable")[:k]
    return members[order].astype(np.int64), scores[order]
