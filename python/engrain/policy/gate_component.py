"""The inline gate as a column of a memory's ranking: ``Memory(components=["gate"])``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.base.protocols import Query, Record, Trace
from engrain.policy.gate import GuardedGate, InlineGate


class GateComponent:
    """What the gate adds to the cosine of each candidate; 0 until it beats the cosine.

    Its weight in the ranking is learned like any other's and at least 0. Learns from feedback on
    what was shown. Implements `Component`.

    Parameters
    ----------
    rank, radius, learning_rate, seed
        As in `InlineGate`.
    """

    name = "gate"
    version = 1
    kind: Literal["static", "evidence"] = "evidence"
    sign: Literal[-1, 0, 1] = 1

    def __init__(
        self, rank: int = 16, radius: float = 2.0, learning_rate: float = 0.004, seed: int = 0
    ) -> None:
        self._made = partial(
            InlineGate, rank=rank, radius=radius, learning_rate=learning_rate, seed=seed
        )
        self.guarded: GuardedGate | None = None
        self._rows: F32Array = np.empty((0, 0), np.float32)

    def remember(self, record: Record) -> None:
        """Keep the direction of a memory."""
        vector = record.vector
        if vector is None:
            return
        if record.handle >= len(self._rows):
            grown = np.zeros((max(64, 2 * record.handle), len(vector)), np.float32)
            if len(self._rows):
                grown[: len(self._rows)] = self._rows
            self._rows = grown
        self._rows[record.handle] = vector

    def forget(self, handle: int) -> None:
        """Drop the direction of a memory."""
        if handle < len(self._rows):
            self._rows[handle] = 0.0

    def score(self, query: Query, handles: I64Array, out: F32Array) -> None:
        """Write what the gate adds to each cosine."""
        if self.guarded is not None and query.vector is not None and len(handles):
            out[:] = self.guarded.gain(query.vector, self._vectors(handles))

    def learn(self, trace: Trace, outcomes: F32Array) -> None:
        """Learn which of the shown helped."""
        situation, told = trace.query.vector, ~np.isnan(outcomes)
        if situation is None or not told.any() or not len(self._rows):
            return
        if self.guarded is None:
            self.guarded = GuardedGate(self._made(len(situation)))
        memories = self._vectors(trace.handles[told])
        self.guarded.learn(situation, memories, np.ascontiguousarray(outcomes[told]))

    def _vectors(self, handles: I64Array) -> F32Array:
        """Return directions of memories; 0 for those that came without one."""
        found = np.zeros((len(handles), self._rows.shape[1]), np.float32)
        held = handles < len(self._rows)
        found[held] = self._rows[handles[held]]
        return found

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the whole learned state as named arrays; empty before the first lesson."""
        return {} if self.guarded is None else self.guarded.state()

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        if not state:
            self.guarded = None
            return
        self.guarded = GuardedGate(self._made(state["gate/a"].shape[1]))
        self.guarded.load(state)
