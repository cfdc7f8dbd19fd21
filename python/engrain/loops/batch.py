"""Many signals as arrays: what the background loop works on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import BoolArray, F32Array, I64Array
from engrain.base.errors import NonFiniteError, ShapeError
from engrain.loops.signals import LearningSignal

NO_MODEL = -1


@dataclass(frozen=True, slots=True, eq=False)
class SignalBatch:
    """Signals in the order in which they came.

    Attributes
    ----------
    queries : ndarray of float32, shape (n, dim)
    directions : ndarray of float32, shape (n, dim)
        Mean of the used less mean of the unused memories; 0 where that is not known.
    outcomes : ndarray of float32, shape (n,)
        In [0, 1]: what a person said, else the estimated quality.
    latency_ratios : ndarray of float32, shape (n,)
        Latency over its target.
    models : ndarray of int64, shape (n,)
        The model that answered, -1 where none is known.
    """

    queries: F32Array
    directions: F32Array
    outcomes: F32Array
    latency_ratios: F32Array
    models: I64Array

    def __post_init__(self) -> None:
        n, shape = len(self.queries), self.queries.shape
        flat = (self.outcomes, self.latency_ratios, self.models)
        if len(shape) != 2 or self.directions.shape != shape or any(a.shape != (n,) for a in flat):
            raise ShapeError(
                f"expected queries and directions of one shape (n, dim) and columns of n, got "
                f"{shape}, {self.directions.shape} and {[a.shape for a in flat]}"
            )
        if not all(np.isfinite(a).all() for a in (self.queries, self.directions, *flat)):
            raise NonFiniteError("signals: contain NaN or infinity")

    def __len__(self) -> int:
        return len(self.queries)

    @classmethod
    def empty(cls, dim: int) -> Self:
        """Return no signals."""
        rows, column = np.zeros((0, dim), np.float32), np.zeros(0, np.float32)
        return cls(rows, rows, column, column, np.zeros(0, np.int64))

    @classmethod
    def of(cls, signals: Sequence[LearningSignal], directions: F32Array | None = None) -> Self:
        """Return records as arrays, with `directions` of shape (n, dim) where they are known.

        Raises
        ------
        ShapeError, NonFiniteError
        """
        queries = np.stack([s.query_embedding for s in signals]).astype(np.float32)
        samples = [s.to_router_sample() for s in signals]
        return cls(
            queries,
            np.zeros_like(queries) if directions is None else directions,
            np.array([s.outcome for s in samples], np.float32),
            np.array([s.cost for s in samples], np.float32),
            np.array([s.action for s in samples], np.int64),
        )

    @classmethod
    def joined(cls, batches: Sequence[Self]) -> Self:
        """Return the signals of several batches, one after the other."""
        telling = [batch for batch in batches if len(batch)] or batches[:1]
        if len(telling) == 1:
            return telling[0]
        names = [f.name for f in fields(cls)]
        return cls._checked([np.concatenate([getattr(b, name) for b in telling]) for name in names])

    def rows(self, chosen: I64Array | BoolArray | slice) -> Self:
        """Return the signals of these places."""
        return self._checked([getattr(self, f.name)[chosen] for f in fields(self)])

    @classmethod
    def _checked(cls, columns: Sequence[npt.NDArray[Any]]) -> Self:
        """Return columns taken from batches, which need no second look."""
        batch = object.__new__(cls)
        for field, column in zip(fields(cls), columns, strict=True):
            object.__setattr__(batch, field.name, column)
        return batch

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the columns by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def load(cls, state: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Return what `state` described."""
        return cls(**state)
