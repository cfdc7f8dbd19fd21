"""The inline gate as it may be used: only while it helps, and back from harm by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, NamedArrays
from engrain.base.errors import SnapshotError
from engrain.kernels import score_rows
from engrain.policy.gate import InlineGate, list_loss
from engrain.policy.gate_watch import Alarm, Watch


class GuardedGate:
    """An inline gate that is used only while it helps, and comes back from harm by itself.

    Each list is scored by the gate, by the cosine and by the gate as it was 25 to 50 lists ago,
    before the gate learns from it. While the gate does not beat the cosine, `gain` is 0. A gate
    that does worse than either beyond chance, or whose weights are not finite or left the ball,
    becomes again what it was then; and should that be no better, the identity.

    Attributes
    ----------
    reverted : int
        How often it had to return.
    """

    EVERY = 25

    def __init__(self, gate: InlineGate) -> None:
        self.gate, self.reverted = gate, 0
        self._past = InlineGate(gate.dim, rank=gate.rank, radius=gate.radius)
        self._next: NamedArrays | None = None
        self.watch, self._worse, self._worsened = Watch(), Alarm(), Alarm()

    def gain(self, situation: F32Array, memories: F32Array) -> F32Array:
        """Return what the gate adds to each cosine, shape (n,); 0 while it is not trusted."""
        if not self.watch.trusted:
            return np.zeros(len(memories), np.float32)
        return score_rows(memories, self.gate.turn(situation) - situation)

    def learn(self, situation: F32Array, memories: F32Array, outcomes: F32Array) -> None:
        """Compare on a list, then learn from it; see `InlineGate.update`."""
        if not (outcomes > 0).any() or not (outcomes <= 0).any():
            return
        if not self.gate.distance <= 1.001 * self.gate.radius:
            self._revert()
        plain, _ = list_loss(score_rows(memories, situation), outcomes)
        past, _ = list_loss(self._past.score_memories(situation, memories), outcomes)
        loss = self.gate.update(situation, memories, outcomes)
        self.watch.note(plain - loss)
        self._worse.note(plain - loss)
        self._worsened.note(past - loss)
        if self._worse.sounds:
            self._revert()
            self.watch = Watch()
        elif self._worsened.sounds:
            self._revert()
        elif self.gate.updates % self.EVERY == 0:
            self._keep()

    def _keep(self) -> None:
        """Move the checkpoints on, where nothing speaks against the gate."""
        if not self.watch.trusted or self._worse.suspicious or self._worsened.suspicious:
            return
        if self._next is not None:
            self._past.load(self._next)
            self._worsened = Alarm()
        self._next = self.gate.state()

    def _revert(self) -> None:
        self.reverted += 1
        self.gate.load(self._past.state())
        self._past.reset()
        self._next = None
        self._worse, self._worsened = Alarm(), Alarm()

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays."""
        parts = {name: part.state() for name, part in self._parts().items()}
        if self._next is not None:
            parts["next"] = self._next
        held = {f"{name}/{key}": a for name, state in parts.items() for key, a in state.items()}
        return held | {"reverted": np.array([self.reverted], np.int64)}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Arrays are missing or do not fit.
        """
        parts: dict[str, NamedArrays] = {}
        for name, array in state.items():
            part, _, rest = name.partition("/")
            parts.setdefault(part, {})[rest] = np.array(array)
        try:
            for name, held in self._parts().items():
                held.load(parts[name])
            self.reverted = int(state["reverted"][0])
        except KeyError as error:
            raise SnapshotError(f"a gate's state lacks {error}") from error
        self._next = parts.get("next")

    def _parts(self) -> dict[str, InlineGate | Watch | Alarm]:
        return {
            "gate": self.gate,
            "past": self._past,
            "watch": self.watch,
            "worse": self._worse,
            "worsened": self._worsened,
        }
