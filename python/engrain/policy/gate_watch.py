"""Whether a gate helps, and whether it has begun to harm: two running judgements of its gains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import NamedArrays


class Watch:
    """Whether the gate beats the cosine on lists it had not learned from when it was asked.

    Keeps the mean gain in log-loss per list, cut to [-1, 1], over about the last 50 lists; trusts
    the gate once that mean lies a deviation above 0, and no longer when it falls to 0.
    """

    KEEP = 1.0 - 1.0 / 50.0
    LEAST = 16.0  # what 20 lists weigh

    def __init__(self) -> None:
        self._sums = np.zeros(3)  # of weights, gains, squared gains
        self.trusted = False

    @property
    def mean(self) -> float:
        """Mean gain in nats."""
        return float(self._sums[1] / max(self._sums[0], 1.0))

    @property
    def deviation(self) -> float:
        """Standard deviation of that mean."""
        weight = max(float(self._sums[0]), 1.0)
        spread = max(float(self._sums[2]) / weight - self.mean**2, 1e-6)
        return float(np.sqrt(spread / weight))

    def note(self, gain: float) -> None:
        """Take one list in."""
        gain = min(max(gain, -1.0), 1.0)
        self._sums = self.KEEP * self._sums + np.array([1.0, gain, gain * gain])
        least = 0.0 if self.trusted else self.deviation
        self.trusted = bool(self._sums[0] >= self.LEAST) and self.mean > least

    def state(self) -> NamedArrays:
        """Return the whole state as named arrays."""
        return {"sums": self._sums.copy(), "trusted": np.array([self.trusted])}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._sums = np.array(state["sums"], np.float64)
        self.trusted = bool(state["trusted"][0])


class Alarm:
    """Sounds when the gate has begun to do worse than another.

    Bets that gains, each cut to three sizes, have a mean below 0: bets made for large gains would
    hardly notice small ones that last. Starts anew whenever a bet has lost: while the means are at
    least 0, alarms lie at least 100 lists apart on average (an e-detector; Shin, Ramdas & Rinaldo
    2024).
    """

    CUTS = np.array([1.0, 0.25, 0.1])  # nats
    BETS = np.array([0.5, 0.7, 0.8])  # share of the wealth put on a gain of that size
    CUTS.flags.writeable = BETS.flags.writeable = False
    LIMIT = 100.0

    def __init__(self) -> None:
        self._wealth = np.ones(len(self.BETS))

    def note(self, gain: float) -> None:
        """Take one list in."""
        sizes = np.clip(gain / self.CUTS, -1.0, 1.0)
        self._wealth = np.maximum(self._wealth, 1.0) * (1.0 - self.BETS * sizes)

    @property
    def suspicious(self) -> bool:
        """Whether something may be wrong."""
        return float(self._wealth.mean()) > 2.0

    @property
    def sounds(self) -> bool:
        """Whether something is wrong."""
        return float(self._wealth.mean()) >= self.LIMIT

    def state(self) -> NamedArrays:
        """Return the whole state as named arrays."""
        return {"wealth": self._wealth.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self._wealth = np.array(state["wealth"], np.float64)
