"""Drift: whether a stream of figures stopped being what it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import follow_cusum

ALLOWANCE = 0.25
CLIP = 4.0


class DriftDetector:
    """Page's two-sided cumulative sum on several streams at once.

    Each figure is standardised by the mean and deviation of the first `reference` ones; what it
    deviates beyond an allowance adds up, ``S <- max(0, S + z - k)``, on either side of every
    stream, until a sum passes the threshold. That threshold follows from the wanted run length
    without alarm by Siegmund's approximation ``ARL = (exp(2kb) - 2kb - 1) / (2k^2)``,
    ``b = h + 1.166``, shared among all charts. With the default allowance of 1/4 deviation a shift
    by half a deviation is found fastest, after about 120 signals.

    Parameters
    ----------
    streams : int
    reference : int
        Signals that say what is normal, at least 50.
    run_length : float
        Mean number of signals until a false alarm, above 1,000.

    References
    ----------
    Page (1954); Moustakides (1986) on its optimality; Siegmund (1985).
    """

    def __init__(self, streams: int, *, reference: int = 500, run_length: float = 1e6) -> None:
        if streams < 1 or reference < 50 or not 1e3 <= run_length < math.inf:
            raise ConfigError(
                "streams, reference, run_length: expected at least 1, 50 and 1000, got "
                f"{streams}, {reference} and {run_length}"
            )
        self.streams, self.reference = streams, reference
        charts = 2 * streams
        self.threshold = math.log(2 * ALLOWANCE**2 * run_length * charts) / (2 * ALLOWANCE) - 1.166
        self.alarms = 0
        self._restart()

    def _restart(self) -> None:
        self._seen = 0
        self._total: F64Array = np.zeros(self.streams)
        self._squares: F64Array = np.zeros(self.streams)
        self._sums: F64Array = np.zeros((2, self.streams))

    def update(self, values: npt.NDArray[np.floating[Any]]) -> bool:
        """Take in signals in their order; after an alarm what follows is the new normal.

        Parameters
        ----------
        values : ndarray, shape (n, streams)

        Returns
        -------
        bool
            Whether there was an alarm among them.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        rows = np.ascontiguousarray(values, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.streams:
            raise ShapeError(f"values: expected shape (n, {self.streams}), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise NonFiniteError("values: contain NaN or infinity")
        before = self.alarms
        while len(rows):
            rows = self._learn_normal(rows) if self._seen < self.reference else self._watch(rows)
        return self.alarms > before

    def _learn_normal(self, rows: F64Array) -> F64Array:
        taken = rows[: self.reference - self._seen]
        self._total += taken.sum(axis=0)
        self._squares += (taken**2).sum(axis=0)
        self._seen += len(taken)
        return rows[len(taken) :]

    def _watch(self, rows: F64Array) -> F64Array:
        """Follow the sums to the first alarm and return what comes after it."""
        mean = self._total / self._seen
        deviation = np.sqrt(np.maximum(self._squares / self._seen - mean**2, 0.0))
        at = follow_cusum(
            rows,
            mean,
            np.where(deviation > 0, deviation, 1.0),
            self._sums,
            allowance=ALLOWANCE,
            clip=CLIP,
            threshold=self.threshold,
        )
        if at < len(rows):
            self.alarms += 1
            self._restart()
        return rows[at + 1 :]

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything learned: restores bit for bit with `load`."""
        return {
            "counts": np.array([self._seen, self.alarms], dtype=np.int64),
            "total": self._total.copy(),
            "squares": self._squares.copy(),
            "sums": self._sums.copy(),
        }

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        ShapeError
            Another number of streams.
        """
        if state["sums"].shape != self._sums.shape:
            raise ShapeError(f"sums: expected {self._sums.shape}, got {state['sums'].shape}")
        self._seen, self.alarms = map(int, state["counts"])
        self._total, self._squares = state["total"].copy(), state["squares"].copy()
        self._sums = state["sums"].copy()
