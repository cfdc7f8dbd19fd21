"""Frozen probes: questions that were answered once and are asked again, to measure retention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.errors import ConfigError
from engrain.memory import Memory

PORTION = 10


class FrozenProbes:
    """Lessons whose question the memory could answer when it was frozen, by their seq alone.

    Questions stay in the log, where erasure finds them; one that was erased, or whose answers were
    all forgotten on purpose, is dropped without counting as a loss.

    Parameters
    ----------
    capacity : int
        Most probes. When it is reached no more are frozen: replacing old ones by new ones would
        hide what was lost.
    """

    def __init__(self, capacity: int = 100) -> None:
        if capacity < 1:
            raise ConfigError(f"capacity: expected at least 1, got {capacity}")
        self.capacity = capacity
        self._seqs: list[int] = []

    def __len__(self) -> int:
        return len(self._seqs)

    def retest(self, memory: Memory) -> tuple[int, int]:
        """Ask every probe again and return how many were asked, and answered."""
        answers: dict[int, bool | None] = {}
        for start in range(0, len(self._seqs), PORTION):  # requests pass in between
            answers |= memory.retest(self._seqs[start : start + PORTION])
        self._seqs = [seq for seq in self._seqs if answers.get(seq) is not None]
        return len(self._seqs), sum(bool(answers[seq]) for seq in self._seqs)

    def freeze(self, memory: Memory, seqs: Sequence[int]) -> int:
        """Freeze those lessons, evenly chosen, that the memory can answer now; return how many."""
        room = self.capacity - len(self._seqs)
        if room < 1 or not len(seqs):
            return 0
        places = np.unique(np.linspace(0, len(seqs) - 1, min(room, len(seqs))).astype(np.int64))
        chosen = [seqs[place] for place in places.tolist()]
        known = [seq for seq, right in memory.retest(chosen).items() if right]
        self._seqs += known
        return len(known)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the seqs: restores with `load`."""
        return {"seqs": np.array(self._seqs, np.int64)}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `state` returned."""
        self._seqs = state["seqs"].tolist()
