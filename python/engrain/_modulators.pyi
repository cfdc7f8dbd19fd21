from collections.abc import Mapping
from typing import Any, final

import numpy.typing as npt

from engrain.base.arrays import F32Array
from engrain.kernels.modulators import ModulatorRule

_State = dict[str, npt.NDArray[Any]]

@final
class Modulators:
    rule: ModulatorRule
    dim: int
    def __init__(self, dim: int, rule: ModulatorRule) -> None: ...
    @property
    def values(self) -> dict[str, Any]: ...
    @property
    def gate(self) -> float: ...
    @property
    def boost(self) -> float: ...
    @property
    def norepinephrine(self) -> float: ...
    @property
    def serotonin(self) -> float: ...
    @property
    def mood(self) -> float: ...
    @property
    def novelty(self) -> float: ...
    @property
    def phasic(self) -> float: ...
    @property
    def acetylcholine(self) -> float: ...
    @property
    def discount(self) -> float: ...
    @property
    def mode(self) -> str: ...
    def query(
        self,
        vector: F32Array | None,
        encode: float = ...,
        retrieve: float = ...,
        mode: str | None = None,
    ) -> float: ...
    def outcome(
        self,
        outcomes: F32Array,
        expected: F32Array,
        eligibility: F32Array,
        session: float | None = None,
        signals: F32Array | None = None,
    ) -> F32Array: ...
    def state(self) -> _State: ...
    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None: ...
