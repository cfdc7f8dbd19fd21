"""TD(λ) over a table of values, at a cost of the eligible states only."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError

TDKind: TypeAlias = Literal["accumulating", "replacing", "dutch", "true_online"]

_LEAST = 1e-8


class TDLambda:
    """Temporal-difference learning with eligibility traces on one-hot states.

    δ = r + γV(s') - V(s), e ← γλe, then e(s) grows by the kind of trace, V ← V + αδe; the true
    online form adds α(V(s) - V_old)(e - 1_s) (van Seijen et al. 2016; Sutton & Barto 2018,
    chapter 12).

    Parameters
    ----------
    states : int
    alpha : float
        Step size in (0, 1].
    gamma, lambda_ : float
        In [0, 1].
    kind : {'accumulating', 'replacing', 'dutch', 'true_online'}
    start : float
        Value of every state at first.
    """

    def __init__(
        self,
        states: int,
        alpha: float = 0.1,
        gamma: float = 0.95,
        lambda_: float = 0.9,
        kind: TDKind = "accumulating",
        start: float = 0.0,
    ) -> None:
        if not 0.0 < alpha <= 1.0 or not 0.0 <= gamma <= 1.0 or not 0.0 <= lambda_ <= 1.0:
            raise ConfigError(
                f"TD: alpha {alpha} in (0, 1], gamma {gamma}, lambda {lambda_} in [0, 1]"
            )
        if kind not in ("accumulating", "replacing", "dutch", "true_online"):
            raise ConfigError(f"TD: unknown kind of trace {kind!r}")
        self.alpha, self.gamma, self.lambda_, self.kind = alpha, gamma, lambda_, kind
        self.start = start
        self.values: F64Array = np.full(states, start)
        self._states: I64Array = np.zeros(64, dtype=np.int64)
        self._traces: F64Array = np.zeros(64)
        self._where: dict[int, int] = {}
        self._old = 0.0

    def eligibility(self, state: int) -> float:
        """Return the trace of a state."""
        at = self._where.get(state)
        return float(self._traces[at]) if at is not None else 0.0

    def mark(self, state: int) -> None:
        """Lift the trace of a state that is visited now."""
        at = self._where.get(state)
        if at is None:
            at = self._place(state)
        old = self._traces[at]
        if self.kind == "accumulating":
            self._traces[at] = old + 1.0
        elif self.kind == "replacing":
            self._traces[at] = 1.0
        else:
            self._traces[at] = old + 1.0 - self.alpha * old

    def _place(self, state: int) -> int:
        at = len(self._where)
        if at == len(self._states):
            self._states = np.concatenate([self._states, np.zeros_like(self._states)])
            self._traces = np.concatenate([self._traces, np.zeros_like(self._traces)])
        self._where[state] = at
        self._states[at], self._traces[at] = state, 0.0
        return at

    def apply(self, error: float) -> I64Array:
        """V += α · error · e for every eligible state, then e ← γλe; return those states."""
        states = self._credit(error)
        self._decay()
        return states

    def _credit(self, error: float) -> I64Array:
        used = len(self._where)
        states = self._states[:used].copy()
        self.values[states] += (self.alpha * error) * self._traces[:used]
        return states

    def _decay(self) -> None:
        used = len(self._where)
        self._traces[:used] *= self.gamma * self.lambda_
        kept = np.flatnonzero(self._traces[:used] > _LEAST)
        if 2 * len(kept) < used:
            self._states[: len(kept)] = self._states[kept]
            self._traces[: len(kept)] = self._traces[kept]
            names = self._states[: len(kept)].tolist()
            self._where = {state: at for at, state in enumerate(names)}

    def step(self, reward: float, state: int, after: int) -> float:
        """Learn from one transition; `after` is -1 at the end of an episode. Return δ."""
        value = float(self.values[state])
        ahead = float(self.values[after]) if after >= 0 else 0.0
        error = reward + self.gamma * ahead - value
        self._decay()
        self.mark(state)
        if self.kind == "true_online":
            correction = value - self._old
            self._credit(error + correction)
            self.values[state] -= self.alpha * correction
            self._old = ahead
        else:
            self._credit(error)
        if after < 0:
            self.end_episode()
        return error

    def end_episode(self) -> None:
        """Forget the traces."""
        self._where.clear()
        self._old = 0.0

    def forget(self, states: I64Array) -> None:
        """Give states their first value and no trace."""
        self.values[states] = self.start
        for state in states.tolist():
            at = self._where.get(state)
            if at is not None:
                self._traces[at] = 0.0

    def state(self, held: int | None = None) -> dict[str, Any]:
        """Return values of the first `held` states and the traces."""
        used = len(self._where)
        return {
            "values": self.values[:held].copy(),
            "states": self._states[:used].copy(),
            "traces": self._traces[:used].copy(),
            "old": np.float64(self._old),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.values[:] = self.start
        self.values[: len(state["values"])] = state["values"]
        self._where.clear()
        for name, trace in zip(state["states"].tolist(), state["traces"].tolist(), strict=True):
            self._traces[self._place(name)] = trace
        self._old = float(state["old"])
