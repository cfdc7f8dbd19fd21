"""Time is a float in seconds from an injectable clock: simulated time replays a year in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]

wall_clock: Clock = time.time


class SimulatedClock:
    """A clock that moves only when told to.

    Parameters
    ----------
    start : float
        Seconds since the epoch.
    """

    def __init__(self, start: float = 0.0) -> None:
        self.now = float(start)

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> float:
        """Move by `seconds` (negative to step back) and return the new time."""
        self.now += seconds
        return self.now
