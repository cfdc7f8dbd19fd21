"""Oracle of the tabular values: Sutton & Barto (2018), ch. 12; van Seijen et al. (2016)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.value import TdRule


def learn_values(
    values: npt.ArrayLike, handles: npt.ArrayLike, outcomes: npt.ArrayLike, alpha: float
) -> tuple[F64Array, F64Array]:
    """Return (values, errors): delta = clip(r - V, -1, 1), V += alpha delta, in order."""
    new, errors = np.array(values, dtype=np.float64), []
    for handle, outcome in zip(np.asarray(handles), np.asarray(outcomes), strict=True):
        errors.append(np.clip(outcome - new[handle], -1, 1))
        new[handle] += alpha * errors[-1]
    return new, np.array(errors, dtype=np.float64)


def td_lambda(
    values: npt.ArrayLike,
    traces: npt.ArrayLike,
    states: npt.ArrayLike,
    next_states: npt.ArrayLike,
    rewards: npt.ArrayLike,
    rule: TdRule,
) -> tuple[F64Array, F64Array, F64Array]:
    """Return (values, traces, errors) after the transitions; -1 ends an episode.

    True online (their algorithm 1, one-hot features): with V_old = V(s') of the step before,
    V += alpha (delta + V(s) - V_old) e, then V(s) -= alpha (V(s) - V_old).
    """
    V, e = np.array(values, dtype=np.float64), np.array(traces, dtype=np.float64)
    errors, old = [], 0.0
    for s, following, r in zip(*map(np.asarray, (states, next_states, rewards)), strict=True):
        v, v_next = V[s], 0.0 if following < 0 else V[following]
        delta = r + rule.gamma * v_next - v
        e *= rule.gamma * rule.lam
        marks = {"accumulating": e[s] + 1, "replacing": 1.0}
        e[s] = marks.get(rule.kind, (1 - rule.alpha) * e[s] + 1)
        change = v - old if rule.kind == "true_online" else 0.0
        V += rule.alpha * (delta + change) * e
        V[s] -= rule.alpha * change
        old = v_next
        errors.append(delta)
        if following < 0:
            e[:], old = 0.0, 0.0
    return V, e, np.array(errors, dtype=np.float64)
