from typing import Any, final

import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array

@final
class TrajectoryBuffer:
    dim: int
    max_ids: int
    def __init__(self, capacity: int, dim: int, max_ids: int = ...) -> None: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...
    def push(
        self,
        query: F32Array,
        ids: I64Array,
        time: float,
        precision: float = ...,
        recall: float = ...,
    ) -> int: ...
    def drain(self, limit: int | None = None) -> dict[str, npt.NDArray[Any]]: ...

@final
class SignalQueue:
    dim: int
    def __init__(self, capacity: int, dim: int = ...) -> None: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def counts(self) -> dict[str, int]: ...
    def enqueue(
        self,
        trajectory: int,
        quality: float,
        latency_ratio: float = ...,
        model_tier: int = ...,
        context_tokens: int = ...,
        feedback: float | None = None,
        query: F32Array | None = None,
    ) -> bool: ...
    def enqueue_many(self, trajectory: I64Array, quality: F32Array) -> int: ...
    def drain(self, limit: int | None = None) -> dict[str, npt.NDArray[Any]]: ...
