"""What changed since the deep loop last ran: the way from the background to the deep loop."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engrain.base.errors import ConfigError

CAPACITY = 1000


@dataclass(frozen=True, slots=True)
class Touched:
    """What to look at again.

    Attributes
    ----------
    memories, patterns : tuple of int
        Ids, ascending; empty where everything is to be looked at.
    full : bool
        More was touched than the queue could hold: a full run is due.
    """

    memories: tuple[int, ...]
    patterns: tuple[int, ...]
    full: bool


class TouchedQueue:
    """A counted set of touched ids; when it overflows, everything counts as touched.

    Any number of threads may put and take.

    Parameters
    ----------
    capacity : int
        Most ids, memories and patterns together.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 1:
            raise ConfigError(f"capacity: expected at least 1, got {capacity}")
        self.capacity = capacity
        self._memories: set[int] = set()
        self._patterns: set[int] = set()
        self._full = False
        self._counts = {"recorded": 0, "taken": 0, "dropped": 0, "overflows": 0}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        with self._lock:
            return self._held()

    @property
    def counts(self) -> dict[str, int]:
        """How many distinct ids were recorded, taken and dropped, and overflows; none falls."""
        with self._lock:
            return dict(self._counts)

    def put(self, memories: Iterable[int] = (), patterns: Iterable[int] = ()) -> None:
        """Note ids; those already waiting count once."""
        with self._lock:
            before = self._held()
            if self._full:
                return
            self._memories.update(memories)
            self._patterns.update(patterns)
            self._counts["recorded"] += self._held() - before
            if self._held() > self.capacity:
                self._overflow()

    def take(self) -> Touched:
        """Take everything out; `put_back` returns it where the run failed."""
        with self._lock:
            self._counts["taken"] += self._held()
            taken = Touched(
                tuple(sorted(self._memories)), tuple(sorted(self._patterns)), self._full
            )
            self._clear(full=False)
            return taken

    def put_back(self, touched: Touched) -> None:
        """Return what a run took and could not finish."""
        if touched.full:
            with self._lock:
                self._clear(full=True)
        else:
            self.put(touched.memories, touched.patterns)

    def state(self) -> dict[str, npt.NDArray[np.int64]]:
        """Return what waits."""
        with self._lock:
            return {
                "memories": np.array(sorted(self._memories), np.int64),
                "patterns": np.array(sorted(self._patterns), np.int64),
                "full": np.array([self._full], np.int64),
            }

    def load(self, state: Mapping[str, npt.NDArray[np.int64]]) -> None:
        """Let wait what `state` returned, beside what already does."""
        memories, patterns = state["memories"].tolist(), state["patterns"].tolist()
        self.put_back(Touched(tuple(memories), tuple(patterns), bool(state["full"][0])))

    def _held(self) -> int:
        return len(self._memories) + len(self._patterns)

    def _overflow(self) -> None:
        self._counts["dropped"] += self._held()
        self._counts["overflows"] += 1
        self._clear(full=True)

    def _clear(self, *, full: bool) -> None:
        self._memories.clear()
        self._patterns.clear()
        self._full = full
