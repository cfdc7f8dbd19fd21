from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, F64Array, I32Array, I64Array

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
