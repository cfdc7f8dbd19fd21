"""Oracle of the eligibility traces: Sutton & Barto (2018), ch. 12, in continuous time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.traces import TraceArray, TraceRule


def _decayed(
    trace: npt.NDArray[Any] | np.void, now: float, rule: TraceRule
) -> tuple[F64Array, F64Array]:
    """Return (fast, slow) at `now`.

    ``fast exp(-dt / tau_f)`` and ``slow exp(-dt / tau_s)``, plus, in a cascade k, the solution of
    slow' = -slow / tau_s + k fast: ``k fast (exp(-dt/tau_s) - exp(-dt/tau_f)) /
    (1/tau_f - 1/tau_s)``.
    """
    dt = np.maximum(0.0, now - trace["last"])
    factor_fast, factor_slow = np.exp(-dt / rule.tau_fast), np.exp(-dt / rule.tau_slow)
    fast, slow = trace["fast"] * factor_fast, trace["slow"] * factor_slow
    if rule.cascade:
        rate = 1 / rule.tau_fast - 1 / rule.tau_slow
        slow = slow + rule.cascade / rate * trace["fast"] * (factor_slow - factor_fast)
    return fast, slow


def _marked(value: Any, activity: float, rule: TraceRule) -> Any:
    if rule.kind == "replacing":
        return activity
    return (1 - rule.dutch if rule.kind == "dutch" else 1) * value + activity


def touch_traces(
    traces: TraceArray, handles: npt.ArrayLike, activity: npt.ArrayLike, now: float, rule: TraceRule
) -> TraceArray:
    """Return the traces after touching `handles` in order, in float64."""
    out = traces.astype([("fast", np.float64), ("slow", np.float64), ("last", np.float64)])
    for handle, amount in zip(np.asarray(handles), np.asarray(activity, float), strict=True):
        fast, slow = _decayed(out[handle], now, rule)
        slow = slow if rule.cascade else _marked(slow, amount, rule)
        out[handle] = (_marked(fast, amount, rule), slow, max(now, out[handle]["last"]))
    return out


def read_traces(
    traces: TraceArray, handles: npt.ArrayLike, now: float, rule: TraceRule, reward: float = 1.0
) -> F64Array:
    """Return reward (mix fast + (1 - mix) slow) at `now`, shape (k,)."""
    wide = traces.astype([("fast", np.float64), ("slow", np.float64), ("last", np.float64)])
    fast, slow = _decayed(wide[np.asarray(handles)], now, rule)
    return np.asarray(reward * (rule.mix * fast + (1 - rule.mix) * slow))


def step_traces(
    fast: npt.ArrayLike,
    slow: npt.ArrayLike,
    weights: npt.ArrayLike,
    decay_fast: float,
    decay_slow: float,
    mix: float,
    reward: float,
) -> tuple[F64Array, F64Array, F64Array]:
    """Return (fast, slow, weights) after one dense step of decay and credit."""
    decayed_fast = np.asarray(fast, float) * decay_fast
    decayed_slow = np.asarray(slow, float) * decay_slow
    credit = reward * (mix * decayed_fast + (1 - mix) * decayed_slow)
    return decayed_fast, decayed_slow, np.asarray(weights, float) + credit
