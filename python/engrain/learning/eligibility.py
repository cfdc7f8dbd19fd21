"""Eligibility traces: which memories were active lately, and so deserve credit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.clock import Clock
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.base.ids import Id
from engrain.kernels import Handles, TraceRule, TraceTable
from engrain.learning.config import LearningConfig, check_decay

MAX_ACTIVITY = 10.0
_DEFAULT = LearningConfig()


class EligibilityTrace:
    """Traces e that activity lifts and time lowers: ė = -e / τ + activity.

    Credit of a reward is reward · e (Sutton & Barto 2018, chapter 12; Frémaux & Gerstner 2016). A
    trace grows by the activity itself: step sizes belong to the rule that uses the trace. Reading
    decays nothing, and k steps of dt equal one of k · dt.

    Parameters
    ----------
    decay : float, optional
        Factor of a step of no stated length; alone it sets τ = -1 / ln(decay).
    tau : float, optional
        Time constant in seconds, default 20. Both may be given if they agree to 1 %.
    tau_trace : float, optional
        Another name of `tau`.
    kind : {'accumulating', 'replacing', 'dutch'}
        What activity does to a trace that is there.
    max_traces : int
        At the cap a new trace takes the place of a weak one, in constant time.
    min_trace : float
        Smaller traces are not reported.
    clock : callable, optional
        Seconds. Without it, time is moved by `step` alone.
    handles : Handles, optional
        Shared with other tables of the same memories.

    Raises
    ------
    ConfigError
        A setting is out of range, or `decay` contradicts `tau`.
    """

    def __init__(
        self,
        decay: float | None = None,
        tau: float | None = None,
        *,
        tau_trace: float | None = None,
        kind: Literal["accumulating", "replacing", "dutch"] = "accumulating",
        max_traces: int = 10_000,
        min_trace: float = 1e-4,
        clock: Clock | None = None,
        handles: Handles | None = None,
    ) -> None:
        self.decay, self.tau = _time_constant(decay, tau if tau is not None else tau_trace)
        rule = TraceRule(tau_fast=self.tau, tau_slow=self.tau, kind=kind)
        self._start(rule, max_traces, min_trace, clock, handles)

    def _start(
        self,
        rule: TraceRule,
        max_traces: int,
        min_trace: float,
        clock: Clock | None,
        handles: Handles | None,
    ) -> None:
        self.max_traces = max_traces
        self.min_trace = min_trace
        self._clock = clock
        self._stepped = 0.0
        self.handles = handles if handles is not None else Handles(2 * max_traces)
        self.table = TraceTable(max_traces, rule, max_handles=self.handles.capacity)
        self.handles.watch(self.table.forget)

    @property
    def now(self) -> float:
        """Current time of the traces in seconds."""
        return self._stepped + (self._clock() if self._clock is not None else 0.0)

    def __len__(self) -> int:
        return len(self.table)

    count = property(__len__, doc="Number of traces held.")

    def update(self, id: Id, activity: float = 1.0) -> None:
        """Mark one memory as active.

        Raises
        ------
        TypeError
            Not an id.
        NonFiniteError
            `activity` outside [0, 10].
        """
        if not 0.0 <= activity <= MAX_ACTIVITY:
            raise NonFiniteError(f"activity: needs a number in [0, 10], got {activity!r}")
        self.table.touch_one(self.handles.intern(id), activity, self.now)

    def update_all(self, ids: Iterable[Id], activity: Sequence[float] | F32Array) -> None:
        """Mark several memories as active in one call; activity has shape (n,)."""
        marks = np.ascontiguousarray(activity, dtype=np.float32)
        if marks.size and not (marks.min() >= 0.0 and marks.max() <= MAX_ACTIVITY):
            raise NonFiniteError("activity: needs numbers in [0, 10]")
        self.table.touch(self.handles.intern_all(ids), marks, self.now)

    def step(self, dt: float | None = None) -> None:
        """Let time pass: `dt` seconds, or without it one step by the factor `decay`.

        Raises
        ------
        NonFiniteError
            `dt` is negative or not finite.
        """
        if dt is None:
            dt = -self.tau * math.log(self.decay)
        if not 0.0 <= dt < math.inf:
            raise NonFiniteError(f"dt: needs a finite number of seconds >= 0, got {dt!r}")
        self._stepped += dt

    def get_trace(self, id: Id) -> float:
        """Return the trace of a memory now, 0 where there is none."""
        return self.table.read_one(self.handles.find(id), self.now)

    def get_traces(self, ids: Iterable[Id]) -> F32Array:
        """Return the traces of memories now, shape (n,), 0 where there is none."""
        return self.table.read(self.handles.find_all(ids), self.now)

    def assign_credit(self, reward: float) -> dict[Id, float]:
        """Return reward · e of every memory whose trace is at least `min_trace`.

        Raises
        ------
        NonFiniteError
            `reward` is not finite.
        """
        handles, credit = self.credit(reward)
        kept = np.abs(credit) >= abs(reward) * self.min_trace
        ids = self.handles.ids(handles[kept])
        return dict(zip(ids, credit[kept].tolist(), strict=True))

    assign_credit_with_decay = assign_credit

    def credit(self, reward: float) -> tuple[I64Array, F32Array]:
        """Return the handles of all traces and reward · e of each, both of shape (n,)."""
        if not math.isfinite(reward):
            raise NonFiniteError(f"reward: needs a finite number, got {reward!r}")
        out = np.empty(len(self.table), dtype=np.float32)
        self.table.credit(float(reward), self.now, out)
        return self.table.handles, out

    def get_all_active(self, threshold: float = 0.01) -> dict[Id, float]:
        """Return the traces of at least `threshold`."""
        handles, traces = self.credit(1.0)
        kept = traces >= threshold
        return dict(zip(self.handles.ids(handles[kept]), traces[kept].tolist(), strict=True))

    def clear(self) -> None:
        """Drop every trace."""
        self.table.clear()

    def get_stats(self) -> dict[str, float]:
        """Return count, sum, mean and largest of the traces now."""
        _, traces = self.credit(1.0)
        total = float(traces.sum(dtype=np.float64))
        return {
            "count": float(len(traces)),
            "total": total,
            "mean": total / len(traces) if len(traces) else 0.0,
            "max": float(traces.max(initial=0.0)),
        }

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        return {
            "handles": self.handles.state(),
            "table": self.table.state(),
            "stepped": np.float64(self._stepped),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.table.load(state["table"])
        self.handles.load(state["handles"])
        self._stepped = float(state["stepped"])


class LayeredEligibilityTrace(EligibilityTrace):
    """A fast and a slow trace read as one: e = w · fast + (1 - w) · slow.

    Both grow by the activity, so that e is 1 after one activity of 1. As a cascade, activity marks
    the fast trace only, and the slow one follows it: tag, then capture (Frey & Morris 1997).

    Parameters
    ----------
    fast_tau, slow_tau : float
        Seconds.
    fast_weight : float
        w, in [0, 1].
    cascade : bool
        The slow trace is fed by the fast one, at 1 / fast_tau per second.
    kind, max_traces, min_trace, clock, handles
        As in `EligibilityTrace`.
    """

    def __init__(
        self,
        fast_tau: float = 5.0,
        slow_tau: float = 60.0,
        fast_weight: float = 0.7,
        *,
        cascade: bool = False,
        kind: Literal["accumulating", "replacing", "dutch"] = "accumulating",
        max_traces: int = 10_000,
        min_trace: float = 1e-4,
        clock: Clock | None = None,
        handles: Handles | None = None,
    ) -> None:
        self.fast_tau, self.slow_tau, self.fast_weight = fast_tau, slow_tau, fast_weight
        self.tau = slow_tau
        self.decay = math.exp(-1.0 / slow_tau) if slow_tau > 0 else math.nan
        rule = TraceRule(
            tau_fast=fast_tau,
            tau_slow=slow_tau,
            mix=fast_weight,
            kind=kind,
            cascade=1.0 / fast_tau if cascade and fast_tau > 0 else 0.0,
        )
        self._start(rule, max_traces, min_trace, clock, handles)


def _time_constant(decay: float | None, tau: float | None) -> tuple[float, float]:
    if decay is not None and not 0.0 < decay < 1.0:
        raise ConfigError(f"decay: needs a factor in (0, 1), got {decay!r}")
    if tau is not None and not 0.0 < tau < math.inf:
        raise ConfigError(f"tau: needs a finite number of seconds above 0, got {tau!r}")
    if decay is None and tau is None:
        return _DEFAULT.decay, _DEFAULT.tau_trace
    if decay is not None and tau is not None:
        check_decay(decay, tau)
        return decay, tau
    if decay is not None:
        return decay, -1.0 / math.log(decay)
    constant = float(tau if tau is not None else 0.0)
    return math.exp(-1.0 / constant), constant
