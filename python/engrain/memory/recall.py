"""What a recall returns: ranked hits whose scores can be taken apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import overload

from engrain.kernels.hits import Hit

__all__ = ["Hit", "Recall"]


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
