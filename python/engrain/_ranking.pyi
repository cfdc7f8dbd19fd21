from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I8Array, I64Array, U8Array

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
