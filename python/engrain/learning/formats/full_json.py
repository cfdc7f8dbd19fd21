"""FullJSON: every event as JSON, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.errors import ConfigError
from engrain.base.ids import Id, decode_id, encode_id
from engrain.learning.experience import Experience, OutcomeEvent, RetrievalEvent

Event = RetrievalEvent | OutcomeEvent | Experience


class FullJSON:
    """JSON that keeps ids with their type and numbers to the last bit."""

    name = "full_json"

    def encode(self, event: Event) -> str:
        """Write an event as JSON."""
        return json.dumps(to_dict(event), allow_nan=False, ensure_ascii=False)

    def decode(self, text: str) -> Event:
        """Invert `encode`.

        Raises
        ------
        ConfigError
            Not an event of this format.
        """
        return from_dict(json.loads(text))


def to_dict(event: Event) -> dict[str, Any]:
    """Return an event as what JSON can hold."""
    if isinstance(event, RetrievalEvent):
        return {
            "event": "retrieval",
            "event_id": event.event_id,
            "time": event.time,
            "session": event.session,
            "query": event.query,
            "retrieved_ids": [encode_id(i) for i in event.retrieved_ids],
            "scores": list(event.scores),
            "component_scores": {
                encode_id(i): dict(named) for i, named in event.component_scores.items()
            },
            "context": dict(event.context),
        }
    if isinstance(event, OutcomeEvent):
        return {
            "event": "outcome",
            "event_id": event.event_id,
            "time": event.time,
            "session": event.session,
            "outcome": event.outcome,
            "memory_outcomes": {encode_id(i): v for i, v in event.memory_outcomes.items()},
            "cited": [encode_id(i) for i in event.cited],
            "retrieval_id": event.retrieval_id,
        }
    return {
        "event": "experience",
        "retrieval": to_dict(event.retrieval),
        "rewards": [None if np.isnan(r) else float(r) for r in event.rewards],
        "cited": [encode_id(i) for i in event.cited],
    }


def from_dict(value: Mapping[str, Any]) -> Event:
    """Invert `to_dict`; the mapping is left as it is."""
    kind = value.get("event")
    common: dict[str, Any] = {key: value.get(key) for key in ("event_id", "time", "session")}
    if kind == "retrieval":
        return RetrievalEvent(
            query=value["query"],
            retrieved_ids=_ids(value["retrieved_ids"]),
            scores=tuple(value["scores"]),
            component_scores={decode_id(i): v for i, v in value["component_scores"].items()},
            context=value["context"],
            **common,
        )
    if kind == "outcome":
        return OutcomeEvent(
            outcome=value["outcome"],
            memory_outcomes={decode_id(i): v for i, v in value["memory_outcomes"].items()},
            cited=_ids(value["cited"]),
            retrieval_id=value["retrieval_id"],
            **common,
        )
    if kind == "experience":
        retrieval = from_dict(value["retrieval"])
        if isinstance(retrieval, RetrievalEvent):
            rewards = [np.nan if r is None else r for r in value["rewards"]]
            return Experience(retrieval, np.array(rewards, np.float32), _ids(value["cited"]))
    raise ConfigError(f"not an event: {kind!r}; known are retrieval, outcome and experience")


def _ids(texts: list[str]) -> tuple[Id, ...]:
    return tuple(decode_id(text) for text in texts)
