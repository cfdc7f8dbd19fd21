"""TD(λ) over a table of values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.kernels import TdRule, td_lambda


class TDLambda:
    """Temporal-difference learning with eligibility traces on one-hot states.

    δ = r + γV(s') - V(s), V(terminal) = 0; e ← γλe, then e(s) grows by the kind of trace;
    V ← V + αδe. The true online kind equals the online λ-return (van Seijen et al. 2016; Sutton &
    Barto 2018, chapter 12).

    Parameters
    ----------
    states : int
    rule : TdRule, optional
        Step size, discount, λ and kind of trace.
    start : float
        Value of every state at first.
    """

    def __init__(self, states: int, rule: TdRule | None = None, start: float = 0.0) -> None:
        if states < 1 or not math.isfinite(start):
            raise ConfigError(f"TDLambda: needs states {states} above 0 and a finite start {start}")
        self.rule = rule or TdRule()
        self.values: F32Array = np.full(states, start, dtype=np.float32)
        self.traces: F32Array = np.zeros(states, dtype=np.float32)
        self._carry: F32Array = np.zeros(1, dtype=np.float32)

    def step(self, reward: float, state: int, after: int) -> float:
        """Learn from one transition; `after` is -1 at the end of an episode. Return δ."""
        return float(self.run([(reward, state, after)])[0])

    def run(self, transitions: Iterable[tuple[float, int, int]]) -> F32Array:
        """Learn from (reward, state, after) in order; return δ of each, shape (n,).

        Raises
        ------
        NonFiniteError
            A reward is not finite.
        ValueError
            A state is out of range.
        """
        rewards, states, after = zip(*transitions, strict=True)
        given = np.array(rewards, dtype=np.float32)
        if not np.isfinite(given).all():
            raise NonFiniteError("rewards: need finite numbers")
        return td_lambda(
            self.values,
            self.traces,
            np.array(states, dtype=np.int64),
            np.array(after, dtype=np.int64),
            given,
            self.rule,
            self._carry,
        )

    def end_episode(self) -> None:
        """Forget the traces."""
        self.traces[:] = 0.0
        self._carry[:] = 0.0

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        return {
            "values": self.values.copy(),
            "traces": self.traces.copy(),
            "carry": self._carry.copy(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.values[:], self.traces[:] = state["values"], state["traces"]
        self._carry[:] = state["carry"]
