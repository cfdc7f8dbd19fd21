"""Oracle of the tests by betting and of what they keep from doing harm."""

from __future__ import annotations

from math import pi

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import BoolArray, F64Array
from engrain.kernels.reference.rank import log_loss

STAKES = (0.05, 0.1, 0.2, 0.4, 0.8)
GATE_ALPHA = 0.001


def bet_on(x: npt.ArrayLike, *, renewed: bool) -> F64Array:
    """Return the mean wealth of five bets after each number of a sequence in [-1, 1].

    ``W <- min(W (1 + stake x), 1e12)``, with W at least 1 before each bet where it is renewed.
    Ville (1939); Shin, Ramdas & Rinaldo (2024).
    """
    wealth, out = np.ones(len(STAKES)), []
    for value in np.asarray(x, dtype=np.float64):
        held = np.maximum(wealth, 1.0) if renewed else wealth
        wealth = np.minimum(held * (1.0 + np.array(STAKES) * value), 1e12)
        out.append(wealth.mean())
    return np.array(out)


def blend_weights(
    full: npt.ArrayLike, control: npt.ArrayLike, group: npt.ArrayLike, open: npt.ArrayLike
) -> F64Array:
    """Return the weights in force: those of open groups and static columns, else the control."""
    of, stands = np.asarray(group), np.asarray(open, dtype=bool)
    if not stands.any():
        return np.asarray(control, dtype=np.float64)
    kept = (of < 0) | stands[np.maximum(of, 0)]
    return np.where(kept, np.asarray(full, dtype=np.float64), 0.0)


def gate_gains(
    rows: npt.ArrayLike,
    outcomes: npt.ArrayLike,
    full: npt.ArrayLike,
    control: npt.ArrayLike,
    group: npt.ArrayLike,
    open: BoolArray,
) -> F64Array:
    """Return what a list would gain in nats, within one, by each group on its other side."""
    x = np.asarray(rows, dtype=np.float64)

    def loss(stands: BoolArray) -> float:
        return log_loss(x @ blend_weights(full, control, group, stands), outcomes)

    flipped = open ^ np.eye(len(open), dtype=bool)
    return np.array([np.clip(loss(open) - loss(stands), -1, 1) for stands in flipped])


def needed_wealth(alpha: float, chapter: int) -> float:
    """Return the wealth that the n-th proof needs, so that all together err with alpha."""
    return pi**2 / 6 * chapter**2 / alpha
