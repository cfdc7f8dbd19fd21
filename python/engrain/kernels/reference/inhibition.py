"""Oracle of lateral inhibition: Földiák (1990), Biological Cybernetics 64, 165-170."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.inhibition import InhibitionRule


def inhibit(
    scores: npt.ArrayLike, similarity: npt.ArrayLike | None, rule: InhibitionRule
) -> F64Array:
    """Return a after rounds of a_i <- max(0, a_i - s/rounds sum_{j!=i} w_j max(0, S_ij))."""
    a = np.array(scores, dtype=np.float64)
    S = np.ones((len(a), len(a))) if similarity is None else np.array(similarity, np.float64)
    pressure = np.maximum(S, 0)
    np.fill_diagonal(pressure, 0)
    for _ in range(rule.rounds if len(a) > 1 else 0):
        w = np.exp((a - a.max()) / rule.temperature)
        a = np.maximum(0, a - rule.strength / rule.rounds * pressure @ (w / w.sum()))
    a = np.maximum(a, 0)
    order = sorted(range(len(a)), key=lambda i: (a[i], -i))
    a[order[: int(np.float32(rule.sparsity) * np.float32(len(a)))]] = 0
    return a
