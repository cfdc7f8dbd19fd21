"""Oracle of FSRS-6 (open-spaced-repetition, the algorithm text)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def retrieve_cards(
    stability: npt.ArrayLike, elapsed: npt.ArrayLike, parameters: npt.ArrayLike
) -> F64Array:
    """Return R = (1 + F t / S)^-w20 with F = .9^(-1 / w20) - 1, and 0 where S = 0."""
    w, s = np.asarray(parameters, dtype=np.float64), np.asarray(stability, dtype=np.float64)
    forgetting = 0.9 ** (-1 / w[20]) - 1
    r: F64Array = (1 + forgetting * np.asarray(elapsed) / np.where(s > 0, s, 1)) ** -w[20]
    return np.where(s > 0, r, 0.0)


def review_cards(
    stability: npt.ArrayLike,
    difficulty: npt.ArrayLike,
    elapsed: npt.ArrayLike,
    rating: npt.ArrayLike,
    parameters: npt.ArrayLike,
) -> tuple[F64Array, F64Array]:
    """Return stability and difficulty after a review; the formulas stand in `kernels.fsrs`."""
    w, t = np.asarray(parameters, dtype=np.float64), np.asarray(elapsed, dtype=np.float64)
    given, g = np.asarray(stability, dtype=np.float64), np.asarray(rating, dtype=np.int64)
    known = given > 0
    s = np.where(known, given, 1.0)
    d = np.where(known, np.asarray(difficulty, dtype=np.float64), 5.0)
    r = retrieve_cards(s, t, w)
    bonus = np.where(g == 2, w[15], np.where(g == 4, w[16], 1.0))
    growth = np.exp(w[8]) * (11 - d) * s ** -w[9] * (np.exp(w[10] * (1 - r)) - 1) * bonus
    lapsed = w[11] * d ** -w[12] * ((s + 1) ** w[13] - 1) * np.exp(w[14] * (1 - r))
    later = np.where(g > 1, s * (1 + growth), np.minimum(lapsed, s / np.exp(w[17] * w[18])))
    factor = np.exp(w[17] * (g - 3 + w[18])) * s ** -w[19]
    same_day = s * np.where(g > 1, np.maximum(factor, 1.0), factor)
    first_d = w[4] - np.exp(w[5] * (np.arange(1, 5) - 1)) + 1
    next_s = np.where(known, np.where(t < 1, same_day, later), w[g - 1])
    eased = d + (10 - d) * (-w[6] * (g - 3)) / 9
    next_d = np.where(known, w[7] * first_d[3] + (1 - w[7]) * eased, first_d[g - 1])
    return np.maximum(next_s, 0.001), np.clip(next_d, 1, 10)


def fsrs_interval(
    stability: npt.ArrayLike, retention: float, parameters: npt.ArrayLike
) -> F64Array:
    """Return the days, not rounded, after which R = retention: S / F (retention^(-1 / w20) - 1)."""
    w, s = np.asarray(parameters, dtype=np.float64), np.asarray(stability, dtype=np.float64)
    days: F64Array = s / (0.9 ** (-1 / w[20]) - 1) * (retention ** (-1 / w[20]) - 1)
    return days
