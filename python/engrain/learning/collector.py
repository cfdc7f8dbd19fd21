"""Where learning events are kept and matched: a bounded view, backed by the event log if given."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError
from engrain.learning.experience import Experience, OutcomeEvent, RetrievalEvent, combine
from engrain.learning.formats.full_json import FullJSON

if TYPE_CHECKING:
    from engrain.storage import EventLog

RETRIEVAL = "learning.retrieval"
OUTCOME = "learning.outcome"

_Event = TypeVar("_Event", RetrievalEvent, OutcomeEvent)


class EventStore:
    """The latest events, their match by retrieval or session, and the experiences they make.

    Parameters
    ----------
    capacity : int
        Retrievals, outcomes and experiences kept in memory; the oldest go first.
    window : float
        Seconds after a retrieval within which an outcome without a retrieval id still counts for
        it.
    clock : callable
        Seconds since the epoch.
    log : EventLog, optional
        Every event is appended to it, and the store starts with what it holds.
    """

    def __init__(
        self,
        capacity: int = 10_000,
        window: float = 3600.0,
        clock: Clock = wall_clock,
        log: EventLog | None = None,
    ) -> None:
        if capacity < 1 or window <= 0:
            raise ConfigError(f"capacity {capacity} and window {window} must be positive")
        self.window = window
        self.clock = clock
        self.unmatched = 0
        self._capacity = capacity
        self._recorded = 0
        self._retrievals: OrderedDict[str, RetrievalEvent] = OrderedDict()
        self._latest: OrderedDict[str | None, str] = OrderedDict()
        self._outcomes: deque[OutcomeEvent] = deque(maxlen=capacity)
        self._experiences: deque[Experience] = deque(maxlen=capacity)
        self._log: EventLog | None = None
        if log is not None:
            self._restore(log)
            self._log = log

    def __len__(self) -> int:
        return len(self._retrievals) + len(self._outcomes)

    def record_retrieval(self, event: RetrievalEvent) -> RetrievalEvent:
        """Keep a retrieval; an id and a time are filled in where they are missing."""
        event = self._completed(event, "retrieval")
        self._append(RETRIEVAL, event)
        self._retrievals[event.event_id] = event
        self._latest[event.session] = event.event_id
        self._latest.move_to_end(event.session)
        for held in (self._retrievals, self._latest):
            if len(held) > self._capacity:
                held.popitem(last=False)
        return event

    def record_outcome(self, event: OutcomeEvent) -> Experience | None:
        """Keep an outcome; return the experience it completes, None if no retrieval matches."""
        event = self._completed(event, "outcome")
        self._append(OUTCOME, event)
        self._outcomes.append(event)
        retrieval = self.match(event)
        if retrieval is None:
            self.unmatched += 1
            return None
        experience = combine(retrieval, event)
        self._experiences.append(experience)
        return experience

    def match(self, outcome: OutcomeEvent) -> RetrievalEvent | None:
        """Return the retrieval that an outcome speaks of."""
        if outcome.retrieval_id is not None:
            return self._retrievals.get(outcome.retrieval_id)
        found = self._retrievals.get(self._latest.get(outcome.session, ""))
        if found is None or outcome.time - found.time > self.window:
            return None
        return found

    def retrievals(self, limit: int | None = None) -> list[RetrievalEvent]:
        """Return the latest retrievals, oldest first."""
        return _last(list(self._retrievals.values()), limit)

    def outcomes(self, limit: int | None = None) -> list[OutcomeEvent]:
        """Return the latest outcomes, oldest first."""
        return _last(list(self._outcomes), limit)

    def experiences(self, limit: int | None = None) -> list[Experience]:
        """Return the latest experiences, oldest first."""
        return _last(list(self._experiences), limit)

    def _completed(self, event: _Event, kind: str) -> _Event:
        self._recorded += 1
        return replace(
            event,
            event_id=event.event_id or f"{kind}-{self._recorded}",
            time=event.time or self.clock(),
        )

    def _append(self, type: str, event: RetrievalEvent | OutcomeEvent) -> None:
        if self._log is not None:
            self._log.append(type, [FullJSON().encode(event).encode()])

    def _restore(self, log: EventLog) -> None:
        for logged in log.events(types=(RETRIEVAL, OUTCOME)):
            payload = logged.payloads[0]
            if payload is None:
                continue
            event = FullJSON().decode(payload.decode())
            if isinstance(event, RetrievalEvent):
                self.record_retrieval(event)
            elif isinstance(event, OutcomeEvent):
                self.record_outcome(event)


_Item = TypeVar("_Item")


def _last(items: list[_Item], limit: int | None) -> list[_Item]:
    return items if limit is None else items[max(0, len(items) - limit) :]


@cache
def default_store() -> EventStore:
    """Return the store that the process shares."""
    return EventStore()


class EventCollector:
    """Records events and hands out experiences; by default over the store the process shares.

    Parameters
    ----------
    store : EventStore, optional
    """

    def __init__(self, store: EventStore | None = None) -> None:
        self.store = store if store is not None else default_store()

    def record_retrieval(self, event: RetrievalEvent) -> RetrievalEvent:
        """Keep a retrieval."""
        return self.store.record_retrieval(event)

    def record_outcome(self, event: OutcomeEvent) -> Experience | None:
        """Keep an outcome; return the experience it completes."""
        return self.store.record_outcome(event)

    def get_experiences(self, limit: int | None = None) -> list[Experience]:
        """Return the latest retrievals that have heard of their outcome, oldest first."""
        return self.store.experiences(limit)


def get_collector() -> EventCollector:
    """Return a collector over the store that the process shares."""
    return EventCollector()
