from collections.abc import Mapping
from typing import Any, final

import numpy.typing as npt

from engrain._buffers import SignalQueue, TrajectoryBuffer
from engrain._core import Modulators, TraceTable, ValueTable
from engrain.base.arrays import F32Array, F64Array, I64Array
from engrain.kernels.edges import EdgeTable
from engrain.kernels.loop import LoopRule
from engrain.kernels.lora import MicroLoRA

@final
class InstantLearningLoop:
    rule: LoopRule
    memories: F32Array
    dim: int
    columns: int
    max_shown: int
    open_traces: int
    traces: TraceTable
    values: ValueTable
    modulators: Modulators
    edges: EdgeTable
    adapter: MicroLoRA
    trajectories: TrajectoryBuffer
    signals: SignalQueue
    def __init__(
        self,
        memories: F32Array,
        columns: int,
        rule: LoopRule,
        max_shown: int = ...,
        open_traces: int = ...,
        buffer: int = ...,
        max_edges: int = ...,
    ) -> None: ...
    @property
    def weights(self) -> F64Array: ...
    def observe(
        self,
        query: F32Array,
        shown: I64Array,
        rows: F32Array,
        now: float,
        anchor: int = ...,
        encode: float = ...,
        retrieve: float = ...,
    ) -> int: ...
    def learn(
        self,
        trace: int,
        outcomes: F32Array,
        quality: float,
        now: float,
        latency_ratio: float = ...,
        model_tier: int = ...,
        context_tokens: int = ...,
        feedback: float | None = None,
        recall: float = ...,
    ) -> float: ...
    def on_request(
        self,
        query: F32Array,
        shown: I64Array,
        rows: F32Array,
        outcomes: F32Array,
        quality: float,
        now: float,
        latency_ratio: float = ...,
        anchor: int = ...,
    ) -> float: ...
    def state(self) -> dict[str, npt.NDArray[Any]]: ...
    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None: ...
