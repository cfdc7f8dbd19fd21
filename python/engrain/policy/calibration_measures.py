"""How well probabilities fit what came of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ShapeError


def calibration_error(
    probabilities: npt.ArrayLike,
    successes: npt.ArrayLike,
    bins: int = 15,
    *,
    groups: npt.ArrayLike | None = None,
) -> float:
    """Return the debiased root mean squared calibration error over bins of equal mass.

    ``sqrt(max(0, sum_b n_b/n ((p_b - y_b)^2 - v_b)))`` where v_b is what chance alone makes of the
    first: ``y_b (1 - y_b) / (n_b - 1)`` (Kumar, Liang & Ma 2019). Observations of one group, such
    as one question asked in several streams, mostly come out alike and tell little more than one:
    then v_b is the variance of a mean of clusters (Liang & Zeger 1986).

    Parameters
    ----------
    probabilities : array_like, shape (n,)
    successes : array_like of bool, shape (n,)
    bins : int
        Fewer where a bin would hold less than 10.
    groups : array_like of int, shape (n,), optional
        Whose observation each is. Default: all are independent.

    Raises
    ------
    ShapeError
        Lengths disagree, or there are fewer than 2.
    """
    p, y = np.asarray(probabilities, np.float64), np.asarray(successes, np.float64)
    if p.ndim != 1 or p.shape != y.shape or len(p) < 2:
        raise ShapeError(f"expected two arrays of one shape (n,), n > 1, got {p.shape}, {y.shape}")
    owner = None if groups is None else np.asarray(groups)
    if owner is not None and owner.shape != p.shape:
        raise ShapeError(f"groups: expected shape {p.shape}, got {owner.shape}")
    total = 0.0
    for part in np.array_split(np.argsort(p, kind="stable"), max(1, min(bins, len(p) // 10))):
        error = float(p[part].mean() - y[part].mean())
        if owner is None:
            rate = float(y[part].mean())
            chance = rate * (1.0 - rate) / (len(part) - 1)
        else:
            chance = _clustered_variance(p[part] - y[part], owner[part])
        total += len(part) / len(p) * (error**2 - chance)
    return float(np.sqrt(max(0.0, total)))


def _clustered_variance(values: F64Array, groups: npt.NDArray[Any]) -> float:
    """Return the variance of the mean of values that are independent between groups only."""
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, weights=values - values.mean())
    n = len(sums)
    return float((sums**2).sum()) / len(values) ** 2 * n / max(n - 1, 1)


def brier_score(probabilities: npt.ArrayLike, successes: npt.ArrayLike) -> float:
    """Return the mean of ``(p - y)^2`` (Brier 1950)."""
    p, y = np.asarray(probabilities, np.float64), np.asarray(successes, np.float64)
    return float(np.mean((p - y) ** 2))
