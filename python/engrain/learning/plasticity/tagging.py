"""Tag and capture: a weak change lasts if something strong happens soon before or after it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError, NonFiniteError, SnapshotError
from engrain.base.ids import Id, decode_id, encode_id


@dataclass(frozen=True, slots=True)
class SynapticTag:
    """A mark left by learning.

    Attributes
    ----------
    strength : float
    time : float
        Seconds, when it was set.
    captured : bool
        Late: it has what it needs to last.
    """

    strength: float
    time: float
    captured: bool = False


class SynapticTagger:
    """Tags above `early` wait, an event above `late` captures every tag within the window.

    Source: Frey & Morris (1997).

    Parameters
    ----------
    early, late : float
        Strengths from which an event sets a tag, and from which it captures; 0 < early <= late.
    window : float
        Seconds for which a tag waits, and for which a strong event still captures new ones.
    max_tags : int
        Beyond it the oldest tag is dropped.
    clock : callable
    """

    def __init__(
        self,
        early: float = 0.3,
        late: float = 0.7,
        window: float = 7200.0,
        max_tags: int = 100_000,
        clock: Clock = wall_clock,
    ) -> None:
        if not 0 < early <= late < math.inf or not window > 0 or max_tags < 1:
            raise ConfigError("SynapticTagger: 0 < early <= late, window > 0, max_tags >= 1")
        self.early, self.late, self.window, self.max_tags = early, late, window, max_tags
        self.clock = clock
        self._tags: OrderedDict[Id, SynapticTag] = OrderedDict()
        self._waiting: OrderedDict[Id, None] = OrderedDict()
        self._strong_until = -math.inf

    def __len__(self) -> int:
        return len(self._tags)

    def tag(self, id: Id, strength: float) -> SynapticTag | None:
        """Mark a change of `strength`; return its tag, None where it was too weak.

        A strong change captures itself and everything that waits within the window.

        Raises
        ------
        NonFiniteError
        """
        encode_id(id)
        if not math.isfinite(strength):
            raise NonFiniteError(f"strength: needs a finite number, got {strength!r}")
        now = self.clock()
        self._expire(now)
        if abs(strength) < self.early:
            return self._tags.get(id)
        strong = abs(strength) >= self.late
        self._put(id, SynapticTag(strength, now, strong or now <= self._strong_until))
        if strong:
            self._strong_until = now + self.window
            for waiting in list(self._waiting):
                held = self._tags[waiting]
                self._put(waiting, SynapticTag(held.strength, held.time, captured=True))
        return self._tags[id]

    def get(self, id: Id) -> SynapticTag | None:
        """Return the tag of an id that still waits or was captured."""
        self._expire(self.clock())
        return self._tags.get(id)

    def captured(self) -> list[Id]:
        """Return the ids whose change lasts, oldest tag first."""
        return [name for name, tag in self._tags.items() if tag.captured]

    def state(self) -> dict[str, Any]:
        """Return the tags, oldest first; `load` continues them."""
        return {
            "ids": [encode_id(id) for id in self._tags],
            "tags": np.array([astuple(tag) for tag in self._tags.values()]).reshape(-1, 3),
            "strong_until": self._strong_until,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Ids and tags do not fit together, or are more than `max_tags`; nothing was changed.
        """
        ids, rows = state["ids"], state["tags"]
        if rows.shape != (len(ids), 3) or len(ids) > self.max_tags:
            raise SnapshotError("the state of a synaptic tagger does not fit")
        self._tags = OrderedDict(
            (decode_id(id), SynapticTag(strength, time, bool(captured)))
            for id, (strength, time, captured) in zip(ids, rows.tolist(), strict=True)
        )
        self._waiting = OrderedDict((id, None) for id, t in self._tags.items() if not t.captured)
        self._strong_until = float(state["strong_until"])

    def _put(self, id: Id, tag: SynapticTag) -> None:
        self._tags[id] = tag
        if tag.captured:
            self._waiting.pop(id, None)
        else:
            self._tags.move_to_end(id)
            self._waiting[id] = None
            self._waiting.move_to_end(id)
        if len(self._tags) > self.max_tags:
            oldest, _ = self._tags.popitem(last=False)
            self._waiting.pop(oldest, None)

    def _expire(self, now: float) -> None:
        while self._waiting:
            oldest = next(iter(self._waiting))
            if now - self._tags[oldest].time <= self.window:
                return
            del self._waiting[oldest], self._tags[oldest]
