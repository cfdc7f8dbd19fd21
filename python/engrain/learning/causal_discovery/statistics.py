"""Streaming sufficient statistics: what a conditional-independence test needs, and no rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError


class GaussianStatistics:
    """Count, mean and co-moments of real-valued variables, updated in one pass.

    Source: Chan, Golub & LeVeque (1979), pairwise update of sums of squares.

    Parameters
    ----------
    variables : int
    """

    def __init__(self, variables: int) -> None:
        if variables < 1:
            raise ConfigError(f"variables: needs at least 1, got {variables}")
        self.count = 0
        self.mean: F64Array = np.zeros(variables)
        self.moments: F64Array = np.zeros((variables, variables))

    @property
    def variables(self) -> int:
        """Number of variables."""
        return len(self.mean)

    def update(self, rows: npt.ArrayLike) -> None:
        """Take in one row, shape (variables,), or a batch, shape (n, variables)."""
        batch = _as_rows(rows, self.variables)
        if len(batch) == 0:
            return
        mean = batch.mean(axis=0)
        centred = batch - mean
        self._merge(len(batch), mean, centred.T @ centred)

    def merge(self, other: GaussianStatistics) -> None:
        """Add the statistics of another stream over the same variables."""
        if other.variables != self.variables:
            raise ShapeError(f"cannot merge {other.variables} variables into {self.variables}")
        self._merge(other.count, other.mean, other.moments)

    def _merge(self, count: int, mean: F64Array, moments: F64Array) -> None:
        total = self.count + count
        if total == 0:
            return
        shift = mean - self.mean
        self.moments += moments + np.outer(shift, shift) * (self.count * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    def covariance(self) -> F64Array:
        """Return the sample covariance, shape (variables, variables)."""
        return np.asarray(self.moments / max(self.count - 1, 1))

    def correlation(self) -> F64Array:
        """Return the correlation; a variable without variance correlates with nothing."""
        scale = np.sqrt(np.diag(self.moments))
        live = scale > 1e-12 * max(1.0, float(np.abs(self.mean).max(initial=0.0)))
        divisor = np.where(live, scale, 1.0)
        correlation = self.moments / np.outer(divisor, divisor)
        correlation[~live, :] = 0.0
        correlation[:, ~live] = 0.0
        np.fill_diagonal(correlation, 1.0)
        return np.asarray(correlation)

    def state(self) -> dict[str, Any]:
        """Return the whole state as named arrays."""
        return {"count": self.count, "mean": self.mean.copy(), "moments": self.moments.copy()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.count = int(state["count"])
        self.mean, self.moments = np.array(state["mean"]), np.array(state["moments"])


class DiscreteStatistics:
    """Counts of the distinct states of discrete variables.

    Parameters
    ----------
    levels : sequence of int
        Number of values of each variable; values are 0 .. levels - 1.
    max_states : int
        Distinct joint states kept; beyond it the state first seen longest ago is forgotten.
    """

    def __init__(self, levels: Sequence[int], max_states: int = 100_000) -> None:
        self.levels: I64Array = np.array(levels, dtype=np.int64)
        if self.levels.ndim != 1 or len(self.levels) == 0 or self.levels.min() < 1:
            raise ConfigError(f"levels: needs one positive number per variable, got {levels!r}")
        if float(np.prod(self.levels.astype(float))) >= 2.0**62:
            raise ConfigError("levels: more than 2**62 joint states; leave variables out")
        self.max_states = max_states
        self.count = 0
        self._counts: dict[int, int] = {}
        self._columns: list[I64Array] = []
        self._weights: F64Array = np.zeros(0)
        self._radix = np.cumprod(np.concatenate([[1], self.levels[:-1]]))

    @property
    def variables(self) -> int:
        """Number of variables."""
        return len(self.levels)

    def update(self, rows: npt.ArrayLike) -> None:
        """Take in one row, shape (variables,), or a batch, shape (n, variables)."""
        batch = _as_rows(rows, self.variables)
        codes = batch.astype(np.int64)
        if (codes != batch).any() or (codes < 0).any() or (codes >= self.levels).any():
            raise ValueError(f"rows: values must be whole numbers below levels {self.levels}")
        states, counts = np.unique(codes @ self._radix, return_counts=True)
        for state, count in zip(states.tolist(), counts.tolist(), strict=True):
            if state not in self._counts and len(self._counts) >= self.max_states:
                self.count -= self._counts.pop(next(iter(self._counts)))
            self._counts[state] = self._counts.get(state, 0) + count
            self.count += count
        self._columns = []

    def table(self, i: int, j: int, given: Sequence[int] = ()) -> F64Array:
        """Return counts, shape (configurations of `given` that occur, levels i, levels j)."""
        columns, weights = self._decoded()
        li, lj = int(self.levels[i]), int(self.levels[j])
        layer, layers = np.zeros(len(weights), dtype=np.int64), 1
        for k in given:
            layer, layers = layer * self.levels[k] + columns[k], layers * int(self.levels[k])
        if layers > len(weights):
            occurring, layer = np.unique(layer, return_inverse=True)
            layers = len(occurring)
        cell = (layer * li + columns[i]) * lj + columns[j]
        counts = np.bincount(cell, weights=weights, minlength=layers * li * lj)
        table = counts.astype(np.float64).reshape(layers, li, lj)
        return table[table.any(axis=(1, 2))]

    def _decoded(self) -> tuple[list[I64Array], F64Array]:
        """Return the values of each variable over the states, and the states' counts."""
        if not self._columns:
            size = len(self._counts)
            states = np.fromiter(self._counts, dtype=np.int64, count=size)
            self._weights = np.fromiter(self._counts.values(), dtype=np.float64, count=size)
            pairs = zip(self._radix, self.levels, strict=True)
            self._columns = [np.asarray((states // r) % n) for r, n in pairs]
        return self._columns, self._weights

    def state(self) -> dict[str, Any]:
        """Return the whole state as named arrays."""
        size = len(self._counts)
        return {
            "states": np.fromiter(self._counts, dtype=np.int64, count=size),
            "counts": np.fromiter(self._counts.values(), dtype=np.int64, count=size),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        states, counts = np.asarray(state["states"]), np.asarray(state["counts"])
        self._counts = dict(zip(states.tolist(), counts.tolist(), strict=True))
        self.count = int(counts.sum())
        self._columns = []


def _as_rows(rows: npt.ArrayLike, variables: int) -> F64Array:
    batch = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    if batch.ndim != 2 or batch.shape[1] != variables:
        raise ShapeError(f"rows: expected (n, {variables}), got {np.shape(rows)}")
    if not np.isfinite(batch).all():
        raise NonFiniteError("rows: contains NaN or infinity")
    return batch
