from typing import Any

import numpy.typing as npt

class DeviceArray:
    def __init__(self, host: npt.NDArray[Any]) -> None: ...
    def numpy(self) -> npt.NDArray[Any]: ...
    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...

def device_count() -> int: ...
def step_traces(
    fast: Any,
    slow: Any,
    weights: Any,
    decay_fast: float,
    decay_slow: float,
    mix: float,
    reward: float,
) -> None: ...
def touch_traces(
    traces: Any,
    handles: Any,
    activity: Any,
    now: float,
    kind: int,
    dutch: float,
    mix: float,
    rate_fast: float,
    rate_slow: float,
    cascade: float,
) -> None: ...
def stdp_sparse(
    weight: Any,
    row: Any,
    target: Any,
    column: Any,
    source: Any,
    place: Any,
    x: Any,
    y: Any,
    pre: tuple[npt.NDArray[Any], Any],
    post: tuple[npt.NDArray[Any], Any],
    a_plus: float,
    a_minus: float,
    decay_plus: float,
    decay_minus: float,
    w_min: float,
    w_max: float,
    mu: float,
    nearest: bool,
) -> None: ...
def apply_lora(a: Any, b: Any, adapter: Any, x: Any, scale: float, out: Any) -> None: ...
def update_lora(
    a: Any,
    b: Any,
    adapter: Any,
    x: Any,
    gradient: Any,
    learning_rate: float,
    scale: float,
    decay: float,
    epsilon: float,
    normalised: bool,
) -> int: ...
def update_edges(
    slots: Any,
    scale: float,
    source: Any,
    target: Any,
    signal: Any,
    eta_plus: float,
    eta_minus: float,
) -> int: ...
def topk(rows: Any, queries: Any, index: Any, score: Any) -> None: ...
