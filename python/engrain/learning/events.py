"""What an application tells: what it retrieved, in one call, and how that went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engrain.base.ids import Id
from engrain.learning.collector import EventStore, default_store
from engrain.learning.experience import Experience, OutcomeEvent, RetrievalEvent

__all__ = ["Experience", "OutcomeEvent", "RetrievalEvent", "emit_retrieval_event"]


def emit_retrieval_event(
    query: str,
    retrieved_ids: Iterable[Id],
    scores: Sequence[float] | Mapping[Id, float],
    component_scores: Mapping[Id, Mapping[str, float]] | None = None,
    *,
    session: str | None = None,
    context: Mapping[str, Any] | None = None,
    store: EventStore | None = None,
) -> RetrievalEvent:
    """Record a retrieval in `store`, by default the one that the process shares.

    Raises
    ------
    ShapeError
        Not one score per id.
    NonFiniteError
        A score is not a finite number.
    TypeError
        An id is not a str, int or UUID.
    """
    ids = tuple(retrieved_ids)
    values = tuple(scores[i] for i in ids) if isinstance(scores, Mapping) else tuple(scores)
    target = store if store is not None else default_store()
    return target.record_retrieval(
        RetrievalEvent(
            query=query,
            retrieved_ids=ids,
            scores=tuple(float(value) for value in values),
            component_scores={k: dict(v) for k, v in (component_scores or {}).items()},
            session=session,
            context=dict(context or {}),
        )
    )
