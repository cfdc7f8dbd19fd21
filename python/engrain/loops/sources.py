"""Where the background loop gets its signals: a queue in memory, or the log of a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.kernels import SignalQueue
from engrain.loops.batch import NO_MODEL, SignalBatch
from engrain.memory import Memory
from engrain.memory.lessons import Lesson


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


class LogSource:
    """The lessons in a memory's log. What a crash cut short is read again from there.

    Parameters
    ----------
    memory : Memory
    most : int
        Lessons per drain; the rest waits for the next one.

    Attributes
    ----------
    seq : int
        Of the last lesson given out.
    """

    def __init__(self, memory: Memory, most: int = 10_000) -> None:
        self.memory, self.most, self.seq = memory, most, 0

    def drain(self) -> tuple[SignalBatch, I64Array]:
        """Return the lessons after `seq`; those without a vector only touch their memories."""
        lessons = self.memory.lessons(self.seq, self.most)
        touched = [handle for lesson in lessons for handle in lesson.handles.tolist()]
        if lessons:
            self.seq = lessons[-1].seq
        told = [lesson for lesson in lessons if lesson.query is not None]
        return _as_batch(told, self._dim()), np.unique(np.array(touched, np.int64))

    def fill(self) -> float:
        """Return 0: a log has room."""
        return 0.0

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the seq reached."""
        return {"seq": np.array([self.seq], np.int64)}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on after a seq."""
        self.seq = int(state["seq"][0])

    def _dim(self) -> int:
        dims = self.memory.stats()["dims"]
        return int(dims[0]) if dims else 0


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
