"""Hooks that turn an application's own retrieval into learning events."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from engrain.base.ids import Id
from engrain.learning.collector import EventStore, default_store
from engrain.learning.events import emit_retrieval_event
from engrain.learning.experience import Experience, OutcomeEvent, RetrievalEvent

logger = logging.getLogger(__name__)

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Hit(Protocol):
    """What a retrieval must return for each memory it shows."""

    @property
    def id(self) -> Id:
        """Which memory."""

    @property
    def score(self) -> float:
        """How well it fits."""


def emit_hits(
    query: str,
    hits: Iterable[Hit | Mapping[str, Any]],
    store: EventStore | None = None,
    **extra: Any,
) -> RetrievalEvent:
    """Emit a retrieval event from hits: objects or mappings with id, score and components."""
    rows = [_parts(hit) for hit in hits]
    return emit_retrieval_event(
        query,
        [row[0] for row in rows],
        [row[1] for row in rows],
        {row[0]: row[2] for row in rows if row[2]},
        store=store,
        **extra,
    )


def _parts(hit: Any) -> tuple[Id, float, dict[str, float]]:
    if isinstance(hit, Mapping):
        return hit["id"], float(hit["score"]), dict(hit.get("components") or {})
    return hit.id, float(hit.score), dict(getattr(hit, "components", None) or {})


def learning_retrieval(
    store: EventStore | None = None,
) -> Callable[[_Function], _Function]:
    """Decorate a retrieval, plain or async, so that each call emits an event.

    The first argument is the query, as a positional or as ``query=``; methods are understood.
    A result that makes no event never disturbs the retrieval: it is logged and counted in the
    attribute ``dropped`` of the decorated function.
    """
    return lambda function: _observed(function, store)


def _observed(function: _Function, store: EventStore | None) -> _Function:
    first = next(iter(inspect.signature(function).parameters), "")
    skip = 1 if first in ("self", "cls") else 0

    def emit(args: tuple[Any, ...], kwargs: Mapping[str, Any], hits: Any) -> None:
        query = kwargs["query"] if "query" in kwargs else args[skip]
        try:
            emit_hits(str(query), hits, store)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            hook.dropped += 1
            logger.warning("retrieval event dropped: %s", type(error).__name__)

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            hits = await function(*args, **kwargs)
            emit(args, kwargs, hits)
            return hits
    else:

        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            hits = function(*args, **kwargs)
            emit(args, kwargs, hits)
            return hits

    hook = cast(Any, wrapper)
    hook.dropped = 0
    return cast(_Function, wrapper)


class RetrievalHookMixin:
    """Adds event recording to a class that retrieves.

    Set ``learning_store`` to keep events apart from those of the process.
    """

    learning_store: EventStore | None = None
    learning_session: str | None = None

    def on_retrieval(self, query: str, hits: Iterable[Hit | Mapping[str, Any]]) -> RetrievalEvent:
        """Record what a retrieval showed."""
        return emit_hits(query, hits, self.learning_store, session=self.learning_session)

    async def aon_retrieval(
        self, query: str, hits: Iterable[Hit | Mapping[str, Any]]
    ) -> RetrievalEvent:
        """Record what an asynchronous retrieval showed."""
        return self.on_retrieval(query, hits)

    def on_outcome(
        self,
        outcome: float | None = None,
        memory_outcomes: Mapping[Id, float] | None = None,
        cited: Iterable[Id] = (),
        retrieval_id: str | None = None,
    ) -> Experience | None:
        """Record how it went; return the experience that this completes."""
        store = self.learning_store if self.learning_store is not None else default_store()
        return store.record_outcome(
            OutcomeEvent(
                outcome=outcome,
                memory_outcomes=dict(memory_outcomes or {}),
                cited=tuple(cited),
                retrieval_id=retrieval_id,
                session=self.learning_session,
            )
        )

    async def aon_outcome(
        self,
        outcome: float | None = None,
        memory_outcomes: Mapping[Id, float] | None = None,
        cited: Iterable[Id] = (),
        retrieval_id: str | None = None,
    ) -> Experience | None:
        """Record how it went, from asynchronous code."""
        return self.on_outcome(outcome, memory_outcomes, cited, retrieval_id)
