from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, F64Array, U8Array

SEQUENCE_FIELDS: int
LEDGER_MEASURES: int

def ledger_shape(columns: int) -> tuple[int, int, int, int]: ...

class LedgerState:
    alpha: float
    columns: int
    def __init__(self, evidence: Sequence[bool], alpha: float = 0.05) -> None: ...
    def take_columns(
        self, evidence: Sequence[bool] | U8Array, sequences: F64Array | None
    ) -> None: ...
    @property
    def evidence(self) -> U8Array: ...
    @property
    def sequences(self) -> F64Array: ...
    def add(
        self,
        rows: F32Array,
        outcomes: F32Array,
        weights: F64Array,
        static_weights: F64Array,
        overlap: bool,
    ) -> None: ...
    def state(self) -> dict[str, np.ndarray[Any, Any]]: ...
    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None: ...

def ledger_update(
    rows: F32Array,
    outcomes: F32Array,
    weights: F64Array,
    static_weights: F64Array,
    evidence: U8Array,
    part: int,
    alpha: float,
    sequences: F64Array,
) -> None: ...
def observe(sequence: F64Array, x: float, alpha: float) -> None: ...
def sequence_bounds(sequence: F64Array, alpha: float) -> tuple[float, float]: ...
