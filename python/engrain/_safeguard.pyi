from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain._ranking import RankerState
from engrain.base.arrays import BoolArray, F32Array, F64Array

BETS: int

class Bets:
    renewed: bool
    wealth: F64Array
    def __init__(self, *, renewed: bool = False) -> None: ...
    def observe(self, x: float) -> float: ...
    def restart(self) -> None: ...

class SafeguardState:
    model: RankerState
    control: RankerState
    columns: int
    def __init__(
        self,
        model: RankerState,
        control: RankerState,
        group: Sequence[int],
        groups: int,
        alpha: float,
    ) -> None: ...
    def observe(
        self, rows: F32Array, outcomes: F32Array, share: float = 1.0
    ) -> tuple[bool, bool]: ...
    def score(self, rows: F32Array) -> F32Array: ...
    def addends(self, rows: F32Array) -> F32Array: ...
    @property
    def weights(self) -> F64Array: ...
    @property
    def open(self) -> BoolArray: ...
    @property
    def chapters(self) -> tuple[int, int]: ...
    def state(self) -> dict[str, npt.NDArray[Any]]: ...
    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None: ...
