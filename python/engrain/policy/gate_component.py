"""The gate as a column of a memory's ranking: ``Memory(components=["gate"])``."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.base.protocols import Query, Record, Trace
from engrain.kernels import score_rows
from engrain.policy.gate import InlineGate
from engrain.policy.gate_ladder import Gate, GateLadder
from engrain.policy.guarded_gate import GuardedGate

RECENT = 2048
ALPHA = 0.01  # equal gates change places once in 100 lists at most


class GateLesson(NamedTuple):
    """One list that taught: the question, the memories spoken of, and how far each helped."""

    situation: F32Array
    memories: F32Array
    outcomes: F32Array


class _Inline:
    """The guarded gate as a rung: the cosine wherever the gate is not trusted."""

    def __init__(self, guarded: GuardedGate) -> None:
        self.guarded = guarded

    def score_memories(self, situation: F32Array, memories: F32Array) -> F32Array:
        scores: F32Array = score_rows(memories, situation) + self.guarded.gain(situation, memories)
        return scores


class _Net:
    """A gate that a background loop trained: ``s' (I + D) m``."""

    def __init__(self, difference: F32Array) -> None:
        self.difference = difference

    def gain(self, situation: F32Array, memories: F32Array) -> F32Array:
        return score_rows(memories, np.ascontiguousarray(situation @ self.difference))

    def score_memories(self, situation: F32Array, memories: F32Array) -> F32Array:
        scores: F32Array = score_rows(memories, situation) + self.gain(situation, memories)
        return scores


class GateComponent:
    """What the gate adds to the cosine of each candidate; 0 until it beats the cosine.

    Its weight in the ranking is learned like any other's and at least 0. Learns from feedback on
    what was shown. A net trained in the background comes in through `adopt` (see `GateTraining`)
    and takes the inline gate's place once it has ranked lists that neither had learned from better,
    by the rule of `Promotion`; it leaves when it no longer does. Implements `Component` and
    `Adopter`.

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
        self._net: _Net | None = None
        self._ladder: GateLadder | None = None
        self._rows: F32Array = np.empty((0, 0), np.float32)
        self._recent: deque[tuple[F32Array, I64Array, F32Array]] = deque(maxlen=RECENT)
        self.lessons_taken = 0

    @property
    def active(self) -> str:
        """What ranks: "nets", or "inline", which is the cosine wherever it is not trusted."""
        promoted = self._ladder is not None and self._ladder.active == "nets"
        return "nets" if promoted else "inline"

    @property
    def difference(self) -> F32Array | None:
        """The net that was adopted last less the identity, shape (dim, dim)."""
        return None if self._net is None else self._net.difference

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
        gate = self._net if self.active == "nets" else self.guarded
        if gate is not None and query.vector is not None and len(handles):
            out[:] = gate.gain(query.vector, self._vectors(handles))

    def learn(self, trace: Trace, outcomes: F32Array) -> None:
        """Learn which of the shown helped."""
        situation, told = trace.query.vector, ~np.isnan(outcomes)
        if situation is None or not told.any() or not len(self._rows):
            return
        if self.guarded is None:
            self.guarded = GuardedGate(self._made(len(situation)))
        handles, outcomes = trace.handles[told], np.ascontiguousarray(outcomes[told])
        memories = self._vectors(handles)
        if self._ladder is not None:
            self._ladder.observe(situation, memories, outcomes)
        self.guarded.learn(situation, memories, outcomes)
        self._recent.append((situation.copy(), handles, outcomes))
        self.lessons_taken += 1

    def lessons(self) -> list[GateLesson]:
        """Return the lists learned from since the state was loaded, at most the latest 2,048."""
        return [GateLesson(s, self._vectors(h), told) for s, h, told in list(self._recent)]

    def adopt(self, found: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over ``difference``, shape (dim, dim): a trained gate less the identity.

        It has to prove itself, unless the net that it replaces stands proven: then it takes its
        place, with what speaks against that one.

        Raises
        ------
        ConfigError
            Nothing was learned inline yet.
        ShapeError, NonFiniteError
            It does not fit; nothing was changed.
        """
        if self.guarded is None:
            raise ConfigError("gate: a net is adopted after the first lesson, there was none")
        difference, dim = found["difference"], self.guarded.gate.dim
        if difference.shape != (dim, dim):
            raise ShapeError(f"difference: expected shape ({dim}, {dim}), got {difference.shape}")
        if not np.isfinite(difference).all():
            raise NonFiniteError("difference: contains NaN or infinity")
        proof = self._ladder.state() if self._ladder is not None and self.active == "nets" else None
        ladder = self._take(self.guarded, difference)
        if proof is not None:
            ladder.load(proof)

    def _take(self, guarded: GuardedGate, difference: npt.NDArray[Any]) -> GateLadder:
        self._net = _Net(np.array(difference, np.float32, order="C"))
        gates: dict[str, Gate] = {"inline": _Inline(guarded), "nets": self._net}
        self._ladder = GateLadder(gates, alpha=ALPHA)
        return self._ladder

    def _vectors(self, handles: I64Array) -> F32Array:
        """Return directions of memories; 0 for those that came without one."""
        found = np.zeros((len(handles), self._rows.shape[1]), np.float32)
        held = handles < len(self._rows)
        found[held] = self._rows[handles[held]]
        return found

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the whole learned state as named arrays; empty before the first lesson."""
        if self.guarded is None:
            return {}
        held = self.guarded.state()
        if self._net is not None and self._ladder is not None:
            held |= {f"ladder/{key}": array for key, array in self._ladder.state().items()}
            held["net"] = self._net.difference.copy()
        return held

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._net = self._ladder = self.guarded = None
        self._recent.clear()
        if not state:
            return
        mine = {key: array for key, array in state.items() if key.startswith("ladder/")}
        self.guarded = GuardedGate(self._made(state["gate/a"].shape[1]))
        self.guarded.load({key: a for key, a in state.items() if key not in {*mine, "net"}})
        if "net" in state:
            ladder = self._take(self.guarded, state["net"])
            ladder.load({key.removeprefix("ladder/"): a for key, a in mine.items()})
