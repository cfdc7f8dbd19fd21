"""Oracle of reconsolidation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def reconsolidate(
    memories: npt.ArrayLike,
    rows: npt.ArrayLike,
    queries: npt.ArrayLike,
    rates: npt.ArrayLike,
    *,
    max_angle: float = 0.1,
) -> F64Array:
    """Return the memories after m <- normalise(m + rate (q - m)), turned by at most max_angle.

    m and q are taken as directions. Prediction-error-driven reconsolidation: Nader, Schafe &
    LeDoux (2000); Lee (2009).
    """
    out = np.array(memories, dtype=np.float64)
    rows, rates = np.asarray(rows), np.asarray(rates, dtype=np.float64)
    queries = np.broadcast_to(np.asarray(queries, dtype=np.float64), (len(rows), out.shape[1]))
    for row, query, rate in zip(rows, queries, rates, strict=True):
        if rate == 0 or not out[row].any() or not query.any():
            continue
        m, q = out[row] / np.linalg.norm(out[row]), query / np.linalg.norm(query)
        across = q - (m @ q) * m
        if np.linalg.norm(across) < 1e-9:
            continue
        moved = m + rate * (q - m)
        angle = np.arctan2(np.linalg.norm(moved - (moved @ m) * m), moved @ m)
        side = np.sign(rate) * across / np.linalg.norm(across)
        angle = min(angle, max_angle)
        out[row] = np.cos(angle) * m + np.sin(angle) * side
    return out
