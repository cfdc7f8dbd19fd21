"""Where the background loop gets its signals: a queue in memory, or the log of a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError
from engrain.kernels import SignalQueue
from engrain.loops.batch import NO_MODEL, SignalBatch
from engrain.loops.instant import InstantLearningLoop
from engrain.memory import Memory
from engrain.memory.lessons import Lesson

PORTION = 100


class SignalSource(Protocol):
    """Signals in the order in which they came, each given out once."""

    def drain(self) -> tuple[SignalBatch, I64Array]:
        """Return what came since the last call, and the handles of the memories it touched."""

    def fill(self) -> float:
        """Return the share of the source's room that is taken, in [0, 1]."""

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the place reached, for a source that outlives the process."""

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from a place that `state` returned."""


class QueueSource:
    """Signals that requests of this process enqueued, each with its query.

    Parameters
    ----------
    queue : SignalQueue
        Of the width of the queries; when full the oldest signal gives way and is counted.
    """

    def __init__(self, queue: SignalQueue) -> None:
        self.queue = queue

    def drain(self) -> tuple[SignalBatch, I64Array]:
        """Empty the queue."""
        found = self.queue.drain()
        queries: F32Array = found["query"]
        told = found["feedback"]
        batch = SignalBatch(
            queries,
            np.zeros_like(queries),
            np.where(np.isnan(told), found["quality"], told),
            found["latency_ratio"],
            found["model_tier"].astype(np.int64),
        )
        return batch, np.zeros(0, np.int64)

    def fill(self) -> float:
        """Return the share of the queue that waits."""
        return len(self.queue) / self.queue.capacity

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return nothing: a queue ends with its process."""
        return {}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Do nothing."""


class InstantSource:
    """The signals of Loop A, each with the question and the memories of its trajectory.

    Parameters
    ----------
    loop : InstantLearningLoop
        It reports what was used before what was not.

    Attributes
    ----------
    orphans : int
        Signals whose trajectory had given way to newer ones, so that nobody knows what they were
        shown; never falls.
    """

    def __init__(self, loop: InstantLearningLoop) -> None:
        if loop.memories is None:
            raise ConfigError("this loop was made without memories; they say where signals lead")
        self.loop, self._memories, self.orphans = loop, loop.memories, 0
        self._waiting: list[dict[str, npt.NDArray[Any]]] = []

    def drain(self) -> tuple[SignalBatch, I64Array]:
        """Empty both buffers; trajectories whose signal is still to come wait for it."""
        signals = self.loop.signals.drain()
        self._waiting.append(self.loop.trajectories.drain())
        kept = {k: np.concatenate([w[k] for w in self._waiting]) for k in self._waiting[0]}
        numbers, wanted = kept["number"], signals["trajectory"]
        place = np.searchsorted(numbers, wanted)
        place = np.minimum(place, max(len(numbers) - 1, 0))
        known = numbers[place] == wanted if len(numbers) else np.zeros(len(wanted), np.bool_)
        self.orphans += int((~known).sum())
        later = numbers > (wanted.max() if len(wanted) else -1)
        self._waiting = [{k: column[later] for k, column in kept.items()}]
        ids = kept["ids"][place[known]]
        queries: F32Array = signals["query"]
        directions = np.zeros_like(queries)
        directions[known] = self._directions(ids, kept["precision"][place[known]])
        told = signals["feedback"]
        batch = SignalBatch(
            queries,
            directions,
            np.where(np.isnan(told), signals["quality"], told),
            signals["latency_ratio"],
            signals["model_tier"].astype(np.int64),
        )
        return batch, np.unique(ids[ids >= 0])

    def fill(self) -> float:
        """Return the share of the signals' room that is taken."""
        return len(self.loop.signals) / self.loop.signals.capacity

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return nothing: the buffers end with their process."""
        return {}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Do nothing."""

    def _directions(self, ids: I64Array, precision: F32Array) -> F32Array:
        """Return the mean of the used less that of the unused memories; 0 where one is missing."""
        shown = ids >= 0
        count = shown.sum(axis=1)
        used = np.rint(precision * count).astype(np.int64)
        helped = shown & (np.arange(ids.shape[1]) < used[:, None])
        both = (used > 0) & (used < count)
        share = helped / np.maximum(used, 1)[:, None]
        share -= (shown & ~helped) / np.maximum(count - used, 1)[:, None]
        share[~both] = 0.0
        memories, out = self._memories, np.zeros((len(ids), self.loop.dim), np.float32)
        for column in range(int(count.max(initial=0))):
            vectors = memories[np.maximum(ids[:, column], 0)]
            out += share[:, column, None].astype(np.float32) * vectors
        return out


class LogSource:
    """The lessons in a memory's log. What a crash cut short is read again from there.

    Parameters
    ----------
    memory : Memory
    dim : int
        Width of its vectors.
    most : int
        Lessons per drain; the rest waits for the next one.

    Attributes
    ----------
    seq : int
        Of the last lesson given out.
    given : list of int
        Seqs of the lessons of the last drain.
    """

    def __init__(self, memory: Memory, dim: int, most: int = 10_000) -> None:
        self.memory, self.dim, self.most, self.seq = memory, dim, most, 0
        self.given: list[int] = []

    def drain(self) -> tuple[SignalBatch, I64Array]:
        """Return the lessons after `seq`; those without a vector only touch their memories.

        Raises
        ------
        ConfigError
            The memory holds vectors of another width; nothing was given out.
        """
        dims = self.memory.stats()["dims"]
        if dims and dims[0] != self.dim:
            raise ConfigError(f"dim: the loops have {self.dim}, the memory's vectors {dims[0]}")
        lessons = self._read()
        touched = [handle for lesson in lessons for handle in lesson.handles.tolist()]
        self.given = [lesson.seq for lesson in lessons]
        told = [lesson for lesson in lessons if lesson.query is not None]
        return _as_batch(told, self.dim), np.unique(np.array(touched, np.int64))

    def _read(self) -> list[Lesson]:
        """Read in portions, so that requests need not wait for all of them."""
        lessons: list[Lesson] = []
        while len(lessons) < self.most:
            portion = self.memory.lessons(self.seq, min(PORTION, self.most - len(lessons)))
            if not portion:
                break
            lessons += portion
            self.seq = portion[-1].seq
        return lessons

    def fill(self) -> float:
        """Return 0: a log has room."""
        return 0.0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the seq reached."""
        return {"seq": np.array([self.seq], np.int64)}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on after a seq."""
        self.seq = int(state["seq"][0])


def _as_batch(lessons: list[Lesson], dim: int) -> SignalBatch:
    if not lessons:
        return SignalBatch.empty(dim)
    return SignalBatch(
        np.stack([lesson.query for lesson in lessons if lesson.query is not None]),
        np.stack([lesson.direction for lesson in lessons]),
        np.array([lesson.quality for lesson in lessons], np.float32),
        np.array([lesson.latency_ratio for lesson in lessons], np.float32),
        np.array([NO_MODEL if m is None else m for m in (x.model for x in lessons)], np.int64),
    )
