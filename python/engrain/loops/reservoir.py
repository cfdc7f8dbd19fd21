"""A bounded sample of all signals there ever were, for replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.loops.batch import SignalBatch


class SignalReservoir:
    """A weighted sample without replacement of one tenant's signals.

    Each signal draws ``log(u) / weight``; the largest `capacity` draws stay, which gives every
    subset its odds of weighted sampling (Efraimidis & Spirakis 2006). The draw depends on seed and
    number of the signal alone: the same signals leave the same sample, in whatever batches they
    come.

    Parameters
    ----------
    dim, capacity : int
    seed : int

    Attributes
    ----------
    signals : SignalBatch
        The sample, in order of arrival.
    """

    def __init__(self, dim: int, capacity: int = 2048, *, seed: int = 0) -> None:
        if min(dim, capacity) < 1:
            raise ConfigError(f"dim, capacity: expected at least 1, got {dim} and {capacity}")
        self.capacity, self._seed = capacity, seed
        self.signals = SignalBatch.empty(dim)
        self._keys: F64Array = np.zeros(0)
        self._offered = 0

    def __len__(self) -> int:
        return len(self.signals)

    @property
    def counts(self) -> dict[str, int]:
        """How many were offered and passed over or replaced; neither ever falls."""
        return {"offered": self._offered, "dropped": self._offered - len(self)}

    def add(self, signals: SignalBatch, weights: F64Array) -> None:
        """Offer signals with weights above 0, shape (n,).

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        if weights.shape != (len(signals),):
            raise ShapeError(f"weights: expected shape ({len(signals)},), got {weights.shape}")
        if not ((weights > 0) & np.isfinite(weights)).all():
            raise NonFiniteError("weights: expected finite numbers above 0")
        numbers = np.arange(self._offered, self._offered + len(signals), dtype=np.uint64)
        keys = np.concatenate([self._keys, np.log(_uniform(self._seed, numbers)) / weights])
        kept = np.sort(np.argsort(-keys, kind="stable")[: self.capacity])
        held = len(self)
        old, new = kept[kept < held], kept[kept >= held] - held
        self.signals = SignalBatch.joined([self.signals.rows(old), signals.rows(new)])
        self._keys = keys[kept]
        self._offered += len(signals)

    def state(self) -> dict[str, Any]:
        """Return everything kept: restores bit for bit with `load`."""
        return {
            "signals": self.signals.state(),
            "keys": self._keys.copy(),
            "offered": np.array([self._offered], dtype=np.int64),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ShapeError
            More signals than `capacity`, or of another width.
        """
        signals = SignalBatch.load(state["signals"])
        if len(signals) > self.capacity or signals.queries.shape[1:] != self._shape:
            raise ShapeError(
                f"signals: expected at most {self.capacity} of shape {self._shape}, got "
                f"{signals.queries.shape}"
            )
        self.signals, self._keys = signals, state["keys"].copy()
        self._offered = int(state["offered"][0])

    @property
    def _shape(self) -> tuple[int, ...]:
        return self.signals.queries.shape[1:]


def _uniform(seed: int, numbers: npt.NDArray[np.uint64]) -> F64Array:
    """Return one number in (0, 1) per index: SplitMix64 (Steele, Lea & Flood 2014)."""
    x = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed & 0xFFFFFFFFFFFFFFFF)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return ((x >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
