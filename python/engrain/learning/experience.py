"""What happens to a memory: it was retrieved, it was judged, and both together teach."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.errors import NonFiniteError, ShapeError
from engrain.base.ids import Id, encode_id

FEATURES = ("similarity", "recency", "importance", "outcome")


@dataclass(frozen=True, slots=True)
class RetrievalEvent:
    """One retrieval and what it showed.

    Attributes
    ----------
    query : str
    retrieved_ids : tuple of str, int or UUID
        In the order shown.
    scores : tuple of float
        One per id.
    component_scores : mapping of id to mapping of str to float
        What each score was made of.
    event_id : str
    time : float
        Seconds since the epoch.
    session : str or None
    context : mapping
        Anything JSON can hold.
    """

    query: str
    retrieved_ids: tuple[Id, ...]
    scores: tuple[float, ...]
    component_scores: Mapping[Id, Mapping[str, float]] = field(default_factory=dict)
    event_id: str = ""
    time: float = 0.0
    session: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.retrieved_ids) != len(self.scores):
            raise ShapeError(
                f"scores: expected one per retrieved id, got {len(self.scores)} for "
                f"{len(self.retrieved_ids)}"
            )
        for memory in self.retrieved_ids:
            encode_id(memory)
        parts = [value for named in self.component_scores.values() for value in named.values()]
        _finite([*self.scores, *parts, self.time], "scores, component scores and time")


@dataclass(frozen=True, slots=True)
class OutcomeEvent:
    """How it went.

    Attributes
    ----------
    outcome : float or None
        Of the session as a whole, in [0, 1].
    memory_outcomes : mapping of id to float
        Of single memories, in [0, 1].
    cited : tuple of ids
        Memories that the answer used.
    retrieval_id : str or None
        The retrieval judged; None for the latest of the session.
    event_id, time, session
        As in `RetrievalEvent`.
    """

    outcome: float | None = None
    memory_outcomes: Mapping[Id, float] = field(default_factory=dict)
    cited: tuple[Id, ...] = ()
    retrieval_id: str | None = None
    event_id: str = ""
    time: float = 0.0
    session: str | None = None

    def __post_init__(self) -> None:
        for value in [self.outcome, *self.memory_outcomes.values()]:
            if value is not None and not 0.0 <= value <= 1.0:
                raise NonFiniteError(f"outcome: needs a number in [0, 1], got {value!r}")
        for memory in (*self.memory_outcomes, *self.cited):
            encode_id(memory)
        _finite([self.time], "time")


@dataclass(frozen=True, slots=True)
class Experience:
    """A retrieval with its outcome: one list to learn a ranking from.

    Attributes
    ----------
    retrieval : RetrievalEvent
    rewards : ndarray of float32, shape (n,)
        In [0, 1] per retrieved id; NaN where nothing was said.
    cited : tuple of ids
    """

    retrieval: RetrievalEvent
    rewards: F32Array
    cited: tuple[Id, ...] = ()

    @property
    def ids(self) -> tuple[Id, ...]:
        """The retrieved ids, in the order shown."""
        return self.retrieval.retrieved_ids

    def features(self, names: Sequence[str] = FEATURES) -> F32Array:
        """Return component scores by name, shape (n, len(names)), 0 where absent.

        An event without component scores has its total score as ``similarity``.
        """
        rows = np.zeros((len(self.ids), len(names)), dtype=np.float32)
        parts = self.retrieval.component_scores
        for row, memory, score in zip(rows, self.ids, self.retrieval.scores, strict=True):
            own = parts.get(memory, {}) if parts else {"similarity": score}
            row[:] = [own.get(name, 0.0) for name in names]
        return rows


def combine(retrieval: RetrievalEvent, outcome: OutcomeEvent) -> Experience:
    """Join a retrieval with its outcome.

    A memory's reward is its own outcome where one was given; else the session's outcome, which
    goes to the cited memories alone where citations were given.
    """
    rewards = np.full(len(retrieval.retrieved_ids), np.nan, dtype=np.float32)
    for i, memory in enumerate(retrieval.retrieved_ids):
        if memory in outcome.memory_outcomes:
            rewards[i] = outcome.memory_outcomes[memory]
        elif outcome.outcome is not None and (not outcome.cited or memory in outcome.cited):
            rewards[i] = outcome.outcome
    return Experience(retrieval, rewards, outcome.cited)


def _finite(values: Iterable[float], name: str) -> None:
    for value in values:
        if not math.isfinite(value):
            raise NonFiniteError(f"{name}: need finite numbers, got {value!r}")
