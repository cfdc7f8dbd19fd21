"""Oracle of prioritised sampling: Schaul et al. (2016)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array


def sample_priorities(
    priorities: npt.ArrayLike, uniforms: npt.ArrayLike, alpha: float, beta: float
) -> tuple[I64Array, F64Array]:
    """Return (items, weights): item i with P_i = p_i^alpha / sum, one draw from each stratum.

    w = (N P)^-beta / max w.
    """
    mass = np.asarray(priorities, np.float64) ** alpha * (np.asarray(priorities) > 0)
    u = np.asarray(uniforms, np.float64)
    points = (np.arange(len(u)) + u) / len(u) * mass.sum()
    items = np.searchsorted(np.cumsum(mass), points, side="right")
    weights = (len(mass) * mass[items] / mass.sum()) ** -beta
    return items, weights / weights.max()
