from collections.abc import Mapping
from typing import Any, final

import numpy.typing as npt

from engrain._buffers import SignalQueue, TrajectoryBuffer
from engrain._core import Modulators, TraceTable, ValueTable
from engrain._ranking import EvidenceState, LedgerState, RankerState
from engrain.base.arrays import F32Array, I32Array, I64Array
from engrain.kernels.edges import EdgeTable
from engrain.kernels.loop import LoopRule
from engrain.kernels.lora import MicroLoRA

@final
class LoopTrace:
    query: F32Array | None
    shown: I64Array
    rows: F32Array
    runners: int
    anchor: int
    closed: bool

class InstantLearningLoop:
    rule: LoopRule
    memories: F32Array | None
    dim: int
    columns: int
    model: RankerState
    control: RankerState
    ledger: LedgerState
    evidence: EvidenceState
    traces: TraceTable
    values: ValueTable
    modulators: Modulators
    edges: EdgeTable
    adapter: MicroLoRA
    trajectories: TrajectoryBuffer
    signals: SignalQueue
    def __init__(
        self,
        dim: int,
        model: RankerState,
        control: RankerState,
        ledger: LedgerState,
        evidence: EvidenceState,
        rule: LoopRule,
        *,
        memories: F32Array | None = None,
        buffer: int = ...,
        max_edges: int = ...,
    ) -> None: ...
    def reserve(self, handles: int) -> None: ...
    def reopen(
        self,
        query: F32Array | None,
        shown: I64Array,
        rows: F32Array,
        *,
        scope: int = ...,
        terms: I32Array | None = None,
        counts: F32Array | None = None,
        idf: F32Array | None = None,
        anchor: int = ...,
        runners: int = ...,
    ) -> LoopTrace: ...
    def observe(
        self,
        query: F32Array | None,
        shown: I64Array,
        rows: F32Array,
        now: float,
        *,
        scope: int = ...,
        terms: I32Array | None = None,
        counts: F32Array | None = None,
        idf: F32Array | None = None,
        anchor: int = ...,
        encode: float = ...,
        retrieve: float = ...,
        runners: int = ...,
    ) -> LoopTrace: ...
    def learn(
        self,
        trace: LoopTrace,
        outcomes: F32Array,
        now: float,
        *,
        quality: float | None = None,
        vectors: F32Array | None = None,
        masses: F32Array | None = None,
        admit: bool = ...,
        information: float = ...,
        latency_ratio: float = ...,
        model_tier: int = ...,
        context_tokens: int = ...,
        feedback: float | None = None,
        recall: float = ...,
    ) -> float: ...
    def request(
        self,
        query: F32Array | None,
        shown: I64Array,
        rows: F32Array,
        outcomes: F32Array,
        now: float,
        *,
        quality: float | None = None,
        latency_ratio: float = ...,
        anchor: int = ...,
    ) -> float: ...
    def forget(self, handle: int) -> None: ...
    def state(self) -> dict[str, npt.NDArray[Any]]: ...
    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None: ...
