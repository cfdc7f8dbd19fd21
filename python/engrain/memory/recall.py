"""What a recall returns: ranked hits whose scores can be taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, overload

from engrain.base.arrays import F32Array
from engrain.base.ids import Id
from engrain.base.protocols import Record


class Hit:
    """One remembered thing, shown as an answer.

    Attributes
    ----------
    id : str or int or UUID
    score : float
        Sum of `components`; natural-log units of the ranking model, comparable within one recall.
    text : str
    metadata : dict
    """

    __slots__ = ("_addends", "_names", "_place", "_record", "id", "score")

    def __init__(
        self,
        id: Id,
        score: float,
        record: Record,
        names: tuple[str, ...],
        addends: F32Array,
        place: int,
    ) -> None:
        self.id, self.score = id, score
        self._record, self._names, self._addends, self._place = record, names, addends, place

    @property
    def text(self) -> str:
        """What the memory says."""
        return self._record.text

    @property
    def metadata(self) -> dict[str, Any]:
        """What was remembered beside the text, as a copy."""
        return dict(self._record.metadata)

    @property
    def components(self) -> dict[str, float]:
        """Every addend of the score: learned weight times component score, by name."""
        return dict(zip(self._names, self._addends[self._place].tolist(), strict=True))

    def __repr__(self) -> str:
        return f"Hit(id={self.id!r}, score={self.score:.4f})"


@dataclass(frozen=True, slots=True)
class Recall:
    """The answer to one request.

    Attributes
    ----------
    trace_id : str or None
        Hand it to `Memory.feedback`; None for a recall that was not logged.
    confidence : float
        Estimated probability that a relevant memory is among the hits, in [0, 1].
    hits : tuple of Hit
        Best first.
    linked : tuple of Hit
        Neighbours of the hits by `Memory.link`, strongest link first; not ranked among the hits.
    propensity : float
        Probability with which the last hit stands in its place: 1 without exploration.
    """

    trace_id: str | None
    confidence: float
    hits: tuple[Hit, ...]
    linked: tuple[Hit, ...] = ()
    propensity: float = 1.0

    def __len__(self) -> int:
        return len(self.hits)

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, index: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[index]
