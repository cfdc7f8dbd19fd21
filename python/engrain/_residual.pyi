from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain._ranking import EvidenceState, Similar
from engrain.base.arrays import F32Array, I64Array

def surprise(scores: F32Array, outcomes: F32Array) -> F32Array:
    """Return y - p, shape (n,): what was told less what the scores had said.

    p is the softmax of the scores, y the outcomes over their sum.
    """

def zero_untold(told: F32Array) -> F32Array:
    """Return outcomes, shape (n,), with 0 where nothing was said: where they are NaN."""

def raise_to_eighth(rows: F32Array, source: int, target: int) -> None:
    """Write the eighth power of one column of rows, shape (n, columns), into another."""

class ResidualState:
    dim: int
    questions: int
    def __init__(self, dim: int, questions: int = 4096) -> None: ...
    def __len__(self) -> int: ...
    def add(
        self,
        scope: int,
        query: F32Array | None,
        handles: I64Array,
        centred: F32Array,
        scores: F32Array,
        outcomes: F32Array,
        *,
        number: int = -1,
        share: float = 1.0,
        evidence: EvidenceState | None = None,
    ) -> None: ...
    def score(
        self,
        scope: int,
        query: F32Array | None,
        centred: F32Array,
        exclude: int = -1,
        similar: Similar | None = None,
    ) -> F32Array | None: ...
    def write(
        self,
        scope: int,
        query: F32Array | None,
        centred: F32Array,
        rows: F32Array,
        column: int,
        exclude: int = -1,
        similar: Similar | None = None,
    ) -> bool:
        """Write what `score` returns into a column of rows; False where that is None."""

    def forget(self, handle: int) -> None: ...
    def state(self) -> dict[str, np.ndarray[Any, Any]]: ...
    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None: ...
