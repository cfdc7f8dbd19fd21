"""Serotonin: mood, patience, and what memories turn out to be worth in the long run."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.base.clock import Clock
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.base.ids import Id
from engrain.kernels import Handles
from engrain.learning.config import LearningConfig
from engrain.learning.eligibility import EligibilityTrace
from engrain.learning.modulation import Modulation, MoodGate, rule_from

_NOTHING = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class TemporalContext:
    """One session.

    Attributes
    ----------
    session : str
    mood : float
        When it began.
    outcomes : int
        Heard so far.
    total : float
        Sum of them.
    """

    session: str
    mood: float
    outcomes: int = 0
    total: float = 0.0


class SerotoninSystem:
    """Mood follows outcomes; long traces credit what was active far back.

    mood ← mood + .1(outcome - mood). As gate it is one less the distance of mood from ½, an
    inverted U; as discount it is γ = .9 + .1·mood, patience that grows with good times (Doya 2002).
    Long-term values are kept apart from eligibility: V ← V + α·e·(outcome - mood before), with e
    fading over hours.

    Parameters
    ----------
    baseline_mood : float
        In [0, 1].
    mood_gate : {'inverted_u', 'discount'}
        'discount' leaves the gate at 1.
    learning_rate : float
        α of long-term values, in (0, 1].
    tau : float
        Seconds over which long traces fade.
    max_memories, max_traces, max_sessions : int
        Caps of long-term values, long traces and open sessions.
    clock : callable, optional
        Seconds. Without it, time is moved by `step` alone.
    modulation : Modulation, optional
        A state shared with the other systems.
    handles : Handles, optional
        Shared with other tables of the same memories.
    """

    def __init__(
        self,
        baseline_mood: float = LearningConfig().serotonin_baseline_mood,
        *,
        mood_gate: MoodGate = "inverted_u",
        learning_rate: float = 0.1,
        tau: float = 72_000.0,
        max_memories: int = 100_000,
        max_traces: int = 10_000,
        max_sessions: int = 10_000,
        clock: Clock | None = None,
        modulation: Modulation | None = None,
        handles: Handles | None = None,
    ) -> None:
        if not 0.0 < learning_rate <= 1.0 or max_sessions < 1:
            raise ConfigError("SerotoninSystem: learning_rate in (0, 1], max_sessions >= 1")
        config = LearningConfig(serotonin_baseline_mood=baseline_mood)
        self._modulation = modulation or Modulation(rule_from(config, mood_gate))
        self.learning_rate = learning_rate
        self.max_sessions = max_sessions
        self.handles = handles if handles is not None else Handles(max_memories)
        self.handles.watch(self._forget)
        self.traces = EligibilityTrace(
            tau=tau,
            max_traces=min(max_traces, self.handles.capacity),
            clock=clock,
            handles=self.handles,
        )
        self._values: F64Array = np.zeros(0)
        self._sessions: OrderedDict[str, TemporalContext] = OrderedDict()

    def _forget(self, handles: I64Array) -> None:
        self._values[handles[handles < len(self._values)]] = 0.0

    def get_current_mood(self) -> float:
        """Return the mood, in [0, 1]."""
        return self._modulation.now.mood

    @property
    def factor(self) -> float:
        """Current factor of the gate."""
        return self._modulation.now.serotonin

    @property
    def discount(self) -> float:
        """Current discount γ per step."""
        return self._modulation.now.discount

    def compute_patience_factor(self, steps: float) -> float:
        """Return γ^steps, what a reward that many steps away is worth now."""
        if not steps >= 0:
            raise NonFiniteError(f"steps: needs a number >= 0, got {steps!r}")
        return float(self.discount**steps)

    def add_eligibility(self, id: Id, activity: float = 1.0) -> None:
        """Mark a memory for outcomes that may come much later."""
        self.traces.update(id, activity)

    def step(self, dt: float) -> None:
        """Let time pass for the long traces."""
        self.traces.step(dt)

    def receive_outcome(self, outcome: float, session: str | None = None) -> dict[Id, float]:
        """Move mood and long-term values; return the change of each credited memory.

        Raises
        ------
        NonFiniteError
            The outcome is not in [0, 1]; nothing was changed.
        """
        if not 0.0 <= outcome <= 1.0:
            raise NonFiniteError(f"outcome: needs a number in [0, 1], got {outcome!r}")
        handles, change = self.credit(outcome)
        kept = change != 0.0
        credited = dict(zip(self.handles.ids(handles[kept]), change[kept].tolist(), strict=True))
        self._modulation.outcome(_NOTHING, _NOTHING, _NOTHING, outcome)
        self._note(outcome, session)
        return credited

    def credit(self, outcome: float) -> tuple[I64Array, F32Array]:
        """Credit the long traces with outcome - mood, and leave the mood as it is.

        Returns
        -------
        handles : ndarray of int64, shape (n,)
        change : ndarray of float32, shape (n,)
        """
        advantage = outcome - self.get_current_mood()
        handles, change = self.traces.credit(self.learning_rate * advantage)
        if len(handles):
            self._reserve(int(handles.max()))
            self._values[handles] += change
        return handles, change

    def _reserve(self, highest: int) -> None:
        if highest >= len(self._values):
            size = min(max(2 * len(self._values), highest + 1, 64), self.handles.capacity)
            self._values = np.concatenate([self._values, np.zeros(size - len(self._values))])

    def _note(self, outcome: float, session: str | None) -> None:
        if session is None:
            return
        held = self.context(session)
        self._sessions[session] = replace(
            held, outcomes=held.outcomes + 1, total=held.total + outcome
        )

    def context(self, session: str) -> TemporalContext:
        """Return a session's record, beginning it where there is none."""
        if session not in self._sessions:
            self._sessions[session] = TemporalContext(session, self.get_current_mood())
        self._sessions.move_to_end(session)
        if len(self._sessions) > self.max_sessions:
            self._sessions.popitem(last=False)
        return self._sessions[session]

    def end_session(self, session: str) -> TemporalContext:
        """Return a session's record and forget it."""
        record = self.context(session)
        del self._sessions[session]
        return record

    def get_long_term_value(self, id: Id) -> float:
        """Return what a memory turned out to be worth, 0 where nothing is known."""
        handle = self.handles.find(id)
        return float(self._values[handle]) if 0 <= handle < len(self._values) else 0.0

    def state(self) -> dict[str, Any]:
        """Return values, traces and open sessions, without what is shared."""
        return {
            "values": self._values.copy(),
            "traces": self.traces.state(),
            "sessions": [list(astuple(record)) for record in self._sessions.values()],
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.traces.load(state["traces"])
        self._values = np.array(state["values"])
        records = [TemporalContext(*fields) for fields in state["sessions"]]
        self._sessions = OrderedDict((record.session, record) for record in records)
