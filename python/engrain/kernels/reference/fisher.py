"""Oracles of the diagonal Fisher information and of the elastic penalty."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array


def update_fisher(
    fisher: npt.ArrayLike, gradient: npt.ArrayLike, *, decay: float, gain: float
) -> F64Array:
    """Return decay F + gain g^2 (Schwarz et al. 2018; Chaudhry et al. 2018)."""
    f, g = np.asarray(fisher, dtype=np.float64), np.asarray(gradient, dtype=np.float64)
    return decay * f + gain * g**2


def linear_fisher(inputs: npt.ArrayLike, deltas: npt.ArrayLike) -> F64Array:
    """Return mean_n (delta_n input_n^T)^2, sample by sample."""
    a, d = np.asarray(inputs, dtype=np.float64), np.asarray(deltas, dtype=np.float64)
    total = np.zeros((d.shape[1], a.shape[1]))
    for input_, delta in zip(a, d, strict=True):
        total += np.outer(delta, input_) ** 2
    return total / len(a)


def elastic_penalty(
    weights: npt.ArrayLike, anchor: npt.ArrayLike, fisher: npt.ArrayLike, *, strength: float
) -> tuple[float, F64Array]:
    """Return strength / 2 sum F (w - w*)^2 and its gradient (Kirkpatrick et al. 2017)."""
    w, a, f = (np.asarray(v, dtype=np.float64) for v in (weights, anchor, fisher))
    force = strength * f * (w - a)
    return float(0.5 * (force * (w - a)).sum()), force
