"""ToonJSON: events as TOON tables, for the context window of a language model."""

from __future__ import annotations

from typing import Any

import numpy as np

from engrain.base.ids import Id
from engrain.learning.experience import Experience, OutcomeEvent, RetrievalEvent
from engrain.learning.formats.full_json import Event
from engrain.learning.formats.toon_decode import decode
from engrain.learning.formats.toon_encode import encode


class ToonJSON:
    """One row per memory, named columns once, TOON v4.0 throughout.

    The view rounds numbers and writes ids as text; `FullJSON` is the format that loses nothing.

    Parameters
    ----------
    digits : int or None
        Significant digits of scores; None keeps them all.
    """

    name = "toon_json"

    def __init__(self, digits: int | None = 4) -> None:
        self.digits = digits

    def encode(self, event: Event) -> str:
        """Write an event as a TOON document."""
        return encode(self.view(event))

    def decode(self, text: str) -> Any:
        """Return the tabular view that `encode` wrote."""
        return decode(text)

    def view(self, event: Event) -> dict[str, Any]:
        """Return the tabular layout of an event as plain JSON values."""
        if isinstance(event, OutcomeEvent):
            return self._outcome(event)
        retrieval = event.retrieval if isinstance(event, Experience) else event
        head = _present(
            id=retrieval.event_id,
            time=self._round(retrieval.time, 13),
            session=retrieval.session,
            query=retrieval.query,
            context=dict(retrieval.context),
        )
        return {**head, "results": self._results(event, retrieval)}

    def _results(
        self, event: RetrievalEvent | Experience, retrieval: RetrievalEvent
    ) -> list[dict[str, Any]]:
        parts = retrieval.component_scores
        names = list(dict.fromkeys(name for named in parts.values() for name in named))
        rows = []
        for i, (memory, score) in enumerate(
            zip(retrieval.retrieved_ids, retrieval.scores, strict=True)
        ):
            own = parts.get(memory, {})
            row = {"id": _text(memory), "score": self._round(score)}
            row |= {name: self._round(own.get(name)) for name in names}
            if isinstance(event, Experience):
                reward = float(event.rewards[i])
                row["reward"] = None if np.isnan(reward) else self._round(reward)
            rows.append(row)
        return rows

    def _outcome(self, event: OutcomeEvent) -> dict[str, Any]:
        rows = [
            {"id": _text(i), "outcome": self._round(v)} for i, v in event.memory_outcomes.items()
        ]
        return _present(
            id=event.event_id,
            time=self._round(event.time, 13),
            session=event.session,
            retrieval=event.retrieval_id,
            outcome=self._round(event.outcome),
            outcomes=rows,
            cited=[_text(i) for i in event.cited],
        )

    def _round(self, value: float | None, least: int = 0) -> float | None:
        if value is None or self.digits is None:
            return value
        return float("%.*g" % (max(self.digits, least), value))  # noqa: UP031, an inline path


def _text(memory: Id) -> str | int:
    return memory if isinstance(memory, (int, str)) else str(memory)


def _present(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in (None, "", {}, [])}
