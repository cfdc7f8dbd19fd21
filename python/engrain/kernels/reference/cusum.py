"""Oracle of the cumulative sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def follow_cusum(
    rows: npt.ArrayLike,
    mean: npt.ArrayLike,
    deviation: npt.ArrayLike,
    sums: npt.ArrayLike,
    *,
    allowance: float,
    clip: float,
    threshold: float,
) -> tuple[int, F64Array]:
    """Return the row of the first alarm, or n, and the sums after it (Page 1954).

    ``S <- max(0, S + clip(z) - allowance)`` in closed form: how far the walk is above its lowest
    point so far.
    """
    x, m, d, s = (np.asarray(v, dtype=np.float64) for v in (rows, mean, deviation, sums))
    z = (x - m) / d
    steps = np.stack([z, -z], axis=1).clip(-clip, clip) - allowance
    free = s + np.cumsum(steps, axis=0)
    walked: F64Array = free - np.minimum(np.minimum.accumulate(free, axis=0), 0.0)
    over = np.flatnonzero((walked > threshold).any(axis=(1, 2)))
    at = int(over[0]) if len(over) else len(walked)
    return at, walked[min(at, len(walked) - 1)] if len(walked) else s
