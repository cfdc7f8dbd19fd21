"""Eligibility traces on two time scales with lazy decay."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from engrain import _kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError

TRACE = np.dtype([("fast", np.float32), ("slow", np.float32), ("last", np.float64)])
KINDS = ("accumulating", "replacing", "dutch")

TraceArray: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class TraceRule:
    """How traces decay and grow.

    A trace is read as ``e = mix * fast + (1 - mix) * slow``; each part decays as
    ``exp(-dt / tau)``. The defaults make one trace of 20 s.

    Attributes
    ----------
    tau_fast, tau_slow : float
        Time constants in seconds, > 0.
    mix : float
        Weight of the fast trace, in [0, 1].
    kind : {"accumulating", "replacing", "dutch"}
        What activity a does to a trace: ``e + a``, ``a`` or ``(1 - dutch) e + a``
        (Sutton & Barto 2018, ch. 12).
    dutch : float
        Step size of the dutch trace, in [0, 1].
    cascade : float
        Per second. 0: activity marks both traces. Above 0: activity marks the fast trace, which
        feeds the slow one, ``slow' = -slow / tau_slow + cascade * fast`` (tag and capture,
        Frey & Morris 1997).
    native : TraceRule of the compiled module

    Raises
    ------
    ConfigError
        A value is out of its range, or a cascade is asked for with equal time constants.
    """

    tau_fast: float = 20.0
    tau_slow: float = 20.0
    mix: float = 1.0
    kind: Literal["accumulating", "replacing", "dutch"] = "accumulating"
    dutch: float = 0.1
    cascade: float = 0.0
    native: _kernels.TraceRule = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("tau_fast", "tau_slow"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                raise ConfigError(f"{name}: must be above 0 seconds, got {value}")
        for name in ("mix", "dutch"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: must be in [0, 1], got {getattr(self, name)}")
        if self.kind not in KINDS:
            raise ConfigError(f"kind: must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if not (isfinite(self.cascade) and self.cascade >= 0):
            raise ConfigError(f"cascade: must be 0 or above, got {self.cascade}")
        if self.cascade and self.tau_fast == self.tau_slow:
            raise ConfigError("cascade: needs different time constants")
        native = _kernels.TraceRule(
            KINDS.index(self.kind), self.dutch, self.mix, self.tau_fast, self.tau_slow, self.cascade
        )
        object.__setattr__(self, "native", native)


def touch_traces(
    traces: TraceArray, handles: I64Array, activity: F32Array, now: float, rule: TraceRule
) -> None:
    """Decay the traces of `handles` to `now` and mark them with `activity`, in place.

    The cost is that of the handles, whatever the number of traces. A handle may repeat; a time
    before a trace's last touch counts as no time passed.

    Parameters
    ----------
    traces : ndarray of TRACE, shape (n,)
    handles : ndarray of int64, shape (k,)
        Each in [0, n).
    activity : ndarray of float32, shape (k,)
    now : float
        Seconds.
    rule : TraceRule

    Raises
    ------
    TypeError
        Another dtype or layout: nothing is converted or copied.
    ValueError
        Shapes do not agree, a handle is out of range, or a value is not finite.
    """
    _kernels.touch_traces(traces, handles, activity, now, rule.native)


def read_traces(
    traces: TraceArray,
    handles: I64Array,
    now: float,
    rule: TraceRule,
    reward: float = 1.0,
    out: F32Array | None = None,
) -> F32Array:
    """Return ``reward * e(now)`` of `handles` without changing a trace.

    With reward 1 this reads the traces; with another it is the credit of a three-factor rule
    (Frémaux & Gerstner 2016).

    Parameters
    ----------
    traces : ndarray of TRACE, shape (n,)
    handles : ndarray of int64, shape (k,)
    now : float
        Seconds.
    rule : TraceRule
    reward : float
    out : ndarray of float32, shape (k,), optional

    Returns
    -------
    ndarray of float32, shape (k,)

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, a handle is out of range, or a value is not finite.
    """
    if out is None:
        out = np.empty(len(handles), dtype=np.float32)
    _kernels.read_traces(traces, handles, now, rule.native, reward, out)
    return out


def step_traces(
    fast: F32Array,
    slow: F32Array,
    weights: F32Array,
    decay_fast: float,
    decay_slow: float,
    mix: float,
    reward: float,
) -> None:
    """Decay dense traces and credit the weights in one pass, in place.

    ``fast *= decay_fast``, ``slow *= decay_slow``, then
    ``weights += reward * (mix * fast + (1 - mix) * slow)``.

    Parameters
    ----------
    fast, slow, weights : ndarray of float32, shape (n,)
        Not overlapping.
    decay_fast, decay_slow : float
        ``exp(-dt / tau)``.
    mix : float
    reward : float

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, or the reward is not finite.
    """
    _kernels.step_traces(fast, slow, weights, decay_fast, decay_slow, mix, reward)
