from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I8Array, I32Array, I64Array, U8Array

SEQUENCE_FIELDS: int
LEDGER_MEASURES: int

class Similar:
    def kernel(self) -> F32Array: ...

class EvidenceState:
    dim: int
    questions: int
    def __init__(self, dim: int, *, questions: int = 4096) -> None: ...
    def similarity(
        self,
        scope: int,
        query: F32Array | None,
        terms: I32Array,
        counts: F32Array,
        idf: F32Array,
        exclude: int = -1,
    ) -> Similar: ...
    def propose(self, similar: Similar, k: int = 20) -> I64Array: ...
    def features(
        self,
        similar: Similar,
        terms: I32Array,
        counts: F32Array,
        idf: F32Array,
        average_length: float,
        bm25_sd: float,
        handles: I64Array,
        static: F32Array,
        centred: F32Array | None,
        tf: F32Array,
        length: F32Array,
        exclude: int = -1,
        out: F32Array | None = None,
        first: int = 0,
    ) -> F32Array: ...
    def add(
        self,
        scope: int,
        query: F32Array | None,
        terms: I32Array,
        counts: F32Array,
        handles: I64Array,
        masses: F32Array,
        centred: F32Array | None,
        idf: F32Array,
        passed: I64Array | None = None,
    ) -> int: ...
    def remove(self, question: int) -> None: ...
    def forget(self, handle: int) -> None: ...
    def mass(self, handle: int) -> float: ...
    def __contains__(self, question: int) -> bool: ...
    def set_ridge(self, w: F32Array | None) -> None: ...
    def set_leverage(self, by_place: F32Array) -> None: ...
    def pairs(self) -> tuple[I64Array, F64Array, F32Array, F32Array]: ...
    @property
    def ridge(self) -> F32Array | None: ...
    def state(self) -> dict[str, np.ndarray[Any, Any]]: ...
    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None: ...

class RankerState:
    def __init__(self, lam: float = 100.0) -> None: ...
    def __len__(self) -> int: ...
    @property
    def lam(self) -> float: ...
    @property
    def warm(self) -> bool: ...
    @property
    def signs(self) -> I8Array: ...
    @property
    def base(self) -> F64Array: ...
    @property
    def scales(self) -> F64Array: ...
    @property
    def precision(self) -> F64Array: ...
    @property
    def weights(self) -> F64Array: ...
    @weights.setter
    def weights(self, values: F64Array) -> None: ...
    @property
    def learnable(self) -> BoolArray: ...
    @learnable.setter
    def learnable(self, values: BoolArray) -> None: ...
    @property
    def stiffness(self) -> F64Array: ...
    def append(
        self,
        sign: int,
        base: float,
        weight: float,
        learnable: bool,
        stiffness: float = 1.0,
    ) -> None: ...
    def score(self, rows: F32Array) -> F32Array: ...
    def learn(
        self, rows: F32Array, outcomes: F32Array, information: float
    ) -> tuple[float, float]: ...
    def set_weights(
        self,
        weights: F64Array,
        scales: F64Array | None = None,
        precision: F64Array | None = None,
    ) -> None: ...
    def state(self) -> dict[str, np.ndarray[Any, Any]]: ...
    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None: ...

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
        runners: F32Array | None = None,
    ) -> None: ...
    def state(self) -> dict[str, np.ndarray[Any, Any]]: ...
    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None: ...

def weigh_rows(rows: F32Array, weights: F64Array, out: F32Array) -> None: ...
def laplace_step(
    rows: F32Array,
    outcomes: F32Array,
    information: float,
    clip: float,
    active: U8Array,
    signs: I8Array,
    scales: F64Array,
    weights: F64Array,
    precision: F64Array,
) -> tuple[float, float]: ...
def list_derivatives(
    rows: F32Array,
    targets: F32Array,
    offsets: I64Array,
    weight: F64Array,
    w: F64Array,
    gradient: F64Array | None,
    curvature: F64Array | None,
) -> float: ...
def ledger_update(
    rows: F32Array,
    outcomes: F32Array,
    weights: F64Array,
    static_weights: F64Array,
    evidence: U8Array,
    part: int,
    alpha: float,
    sequences: F64Array,
    runners: F32Array | None = None,
) -> None: ...
def observe(sequence: F64Array, x: float, alpha: float) -> None: ...
def sequence_bounds(sequence: F64Array, alpha: float) -> tuple[float, float]: ...
