from typing import Any

import numpy as np
from numpy.typing import NDArray

from engrain.base.arrays import (
    F32Array,
    F64Array,
    I8Array,
    I32Array,
    I64Array,
    U8Array,
    U16Array,
)
from engrain.kernels.traces import TraceArray

_Four = tuple[int, int, int, int]

CUES: list[str]

class PhraseTable:
    def __init__(self) -> None: ...
    def add(self, cue: str, phrase: str, whole: bool) -> None: ...
    def find(self, text: str) -> list[tuple[int, int, str]]: ...
    def read(self, text: str, previous: str) -> tuple[NDArray[np.uint64], dict[str, int]]: ...
    def score(
        self, text: str, previous: str, codes: I8Array, weights: F64Array
    ) -> tuple[tuple[float, ...], dict[str, int]]: ...

class StdpRule:
    def __init__(
        self,
        a_plus: float,
        a_minus: float,
        a3_plus: float,
        a3_minus: float,
        decay_plus: float,
        decay_minus: float,
        decay_x: float,
        decay_y: float,
        w_min: float,
        w_max: float,
        mu: float,
        nearest: bool,
        /,
    ) -> None: ...

class SynapsesF32:
    def __init__(
        self,
        weight: NDArray[Any],
        row: NDArray[np.uint32],
        target: NDArray[np.uint16],
        column: NDArray[np.uint32],
        source: NDArray[np.uint16],
        place: NDArray[np.uint32],
        pre_offset: int,
        post_offset: int,
    ) -> None: ...
    def run(
        self,
        x: NDArray[Any],
        y: NDArray[Any],
        x2: NDArray[Any] | None,
        y2: NDArray[Any] | None,
        pre_start: I64Array,
        pre_ids: NDArray[np.int32],
        post_start: I64Array,
        post_ids: NDArray[np.int32],
        rule: StdpRule,
        tag: NDArray[Any] | None,
        pairs: NDArray[Any] | None,
        fade: NDArray[np.float64] | None,
        total: NDArray[np.float64] | None,
    ) -> None: ...

class SynapsesF64(SynapsesF32): ...

class TraceRule:
    def __init__(
        self,
        kind: int,
        dutch: float,
        mix: float,
        tau_fast: float,
        tau_slow: float,
        cascade: float,
        /,
    ) -> None: ...

def accumulate_som(x: F32Array, best: I64Array, sums: F32Array, counts: F32Array) -> None: ...
def adam_step(
    parameters: F32Array,
    gradient: F32Array,
    mean: F32Array,
    square: F32Array,
    learning_rate: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    weight_decay: float,
    step: int,
) -> None: ...
def apply_lora(
    a: F32Array, b: F32Array, adapter: I64Array, x: F32Array, scale: float, out: F32Array
) -> None: ...
def backpropagate(
    parameters: F32Array, features: F32Array, upstream: F32Array, gradient: F32Array
) -> None: ...
def best_som_units(
    dots: F32Array, squared_norms: F32Array, best: I64Array, second: I64Array
) -> None: ...
def code_rows(rows: U16Array, ids: I32Array, codes: U8Array, scale: F32Array) -> None: ...
def conv4d_forward(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None,
    out: NDArray[Any],
    stride: _Four,
    pad: _Four,
    dilation: _Four,
    groups: int,
    threads: int,
) -> None: ...
def conv4d_grad_input(
    grad_out: NDArray[Any],
    weight: NDArray[Any],
    grad_x: NDArray[Any],
    stride: _Four,
    pad: _Four,
    dilation: _Four,
    groups: int,
    threads: int,
) -> None: ...
def conv4d_grad_weight(
    x: NDArray[Any],
    grad_out: NDArray[Any],
    grad_weight: NDArray[Any],
    stride: _Four,
    pad: _Four,
    dilation: _Four,
    groups: int,
    threads: int,
) -> None: ...
def deliver_spikes(
    spikes: I32Array,
    indptr: I64Array,
    targets: I32Array,
    weights: F32Array,
    delays: I32Array,
    ring: F32Array,
    now: int,
) -> None: ...
def follow_cusum(
    rows: F64Array,
    mean: F64Array,
    deviation: F64Array,
    allowance: float,
    clip: float,
    threshold: float,
    sums: F64Array,
) -> int: ...
def inhibit(
    scores: F32Array,
    similarity: F32Array | None,
    strength: float,
    sparsity: float,
    temperature: float,
    rounds: int,
    scratch: F32Array,
) -> int: ...
def kmeans(
    rows: F32Array,
    uniforms: F64Array,
    steps: int,
    spherical: bool,
    centres: F32Array,
    labels: I64Array,
    distances: F32Array,
    sums: F64Array,
    counts: I64Array,
) -> tuple[int, bool] | None: ...
def learn_values(
    values: F32Array, handles: I64Array, outcomes: F32Array, alpha: float, errors: F32Array
) -> None: ...
def merge_patterns(
    ids: I64Array,
    levels: I64Array,
    counts: F64Array,
    sums: F64Array,
    units: F64Array,
    held: int,
    next: int,
    centroids: F32Array,
    confidences: F64Array,
    sizes: F64Array,
    level: int,
    cosine: float,
    capacity: int,
    kept: I64Array,
    gone: I64Array,
) -> tuple[int, int]: ...
def multiply_sparse(
    starts: I64Array, columns: I32Array, values: F32Array, dense: F32Array, out: F32Array
) -> None: ...
def quantize_rows(rows: F32Array, codes: I8Array, scale: F32Array) -> None: ...
def read_traces(
    traces: TraceArray,
    handles: I64Array,
    now: float,
    rule: TraceRule,
    scale: float,
    out: F32Array,
) -> None: ...
def reconsolidate(
    memories: F32Array,
    rows: I64Array,
    queries: F32Array,
    rates: F32Array,
    max_tangent: float,
    cosine: F32Array,
) -> bool: ...
def score_features(parameters: F32Array, features: F32Array, logits: F32Array) -> None: ...
def compare_rows(rows: F32Array, out: F32Array) -> bool: ...
def score_queries(rows: F32Array, queries: F32Array, out: F32Array) -> None: ...
def score_rows(rows: F32Array, query: F32Array, out: F32Array) -> None: ...
def seed_centres(rows: F32Array, uniforms: F64Array, chosen: I64Array) -> bool: ...
def set_simd_level(level: int, /) -> int: ...
def sgd_step(parameters: F32Array, gradient: F32Array, learning_rate: float) -> None: ...
def simd_level() -> int: ...
def solve_cable(parent: I32Array, axial: F64Array, diagonal: F64Array, rhs: F64Array) -> None: ...
def step_calcium(
    v: F32Array,
    gate: F32Array,
    inside: F32Array,
    current: F32Array,
    channel: tuple[float, ...],
    dt: float,
) -> None: ...
def step_hodgkin_huxley(
    v: F32Array,
    m: F32Array,
    h: F32Array,
    n: F32Array,
    current: F32Array,
    spikes: I32Array,
    cell: tuple[float, ...],
    dt: float,
    steps: int,
    threshold: float,
    threads: int,
) -> None: ...
def step_hodgkin_huxley_rk4(
    v: F32Array,
    m: F32Array,
    h: F32Array,
    n: F32Array,
    current: F32Array,
    spikes: I32Array,
    cell: tuple[float, ...],
    dt: float,
    steps: int,
    threshold: float,
    threads: int,
) -> None: ...
def step_traces(
    fast: F32Array,
    slow: F32Array,
    weights: F32Array,
    decay_fast: float,
    decay_slow: float,
    mix: float,
    reward: float,
) -> None: ...
def td_lambda(
    values: F32Array,
    traces: F32Array,
    carry: F32Array,
    states: I64Array,
    next: I64Array,
    rewards: F32Array,
    kind: int,
    alpha: float,
    gamma: float,
    fade: float,
    errors: F32Array,
) -> None: ...
def topk_codes(
    codes: I8Array,
    scale: F32Array,
    rows: F32Array,
    query: F32Array,
    index: I64Array,
    score: F32Array,
) -> int: ...
def topk_merge(
    scores: F32Array,
    first: int,
    finish: bool,
    sizes: I64Array,
    index: I64Array,
    score: F32Array,
) -> None: ...
def topk_rows(rows: F32Array, query: F32Array, index: I64Array, score: F32Array) -> int: ...
def touch_traces(
    traces: TraceArray, handles: I64Array, activity: F32Array, now: float, rule: TraceRule
) -> None: ...
def train_som_online(
    x: F32Array,
    weights: F32Array,
    grid: tuple[int, int, int],
    rate: F32Array,
    sigma: F32Array,
    cutoff: float,
    best: I64Array,
    distance: F32Array,
) -> None: ...
def update_lora(
    a: F32Array,
    b: F32Array,
    adapter: I64Array,
    x: F32Array,
    gradient: F32Array,
    learning_rate: float,
    scale: float,
    decay: float,
    epsilon: float,
    normalised: bool,
) -> bool: ...
def poisson_spikes(
    n: int, probability: float, seed: int, start: I64Array, ids: NDArray[np.int32]
) -> int: ...
def step_stdp(
    weights: NDArray[Any],
    x: NDArray[Any],
    y: NDArray[Any],
    x2: NDArray[Any] | None,
    y2: NDArray[Any] | None,
    pre: I64Array,
    post: I64Array,
    rule: StdpRule,
) -> None: ...
def review_cards(
    stability: F64Array,
    difficulty: F64Array,
    elapsed: F64Array,
    rating: U8Array,
    parameters: F64Array,
) -> None: ...
def retrieve_cards(
    stability: F64Array, elapsed: F64Array, parameters: F64Array, out: F64Array
) -> None: ...
def forward_fastgrnn(
    weights: F32Array, x: F32Array, logits: F32Array, hidden: int, gain: float
) -> None: ...
def fisher_fastgrnn(
    weights: F32Array, x: F32Array, actions: I64Array, fisher: F32Array, hidden: int, gain: float
) -> None: ...
def descend_fastgrnn(
    weights: F32Array,
    x: F32Array,
    targets: F32Array,
    order: I64Array,
    hidden: int,
    gain: float,
    batch: int,
    rate: float,
    kept: F32Array | None,
    added: F32Array | None,
) -> float: ...
def update_fisher(fisher: F32Array, gradient: F32Array, decay: float, gain: float) -> bool: ...
def elastic_penalty(
    weights: F32Array,
    anchor: F32Array,
    fisher: F32Array,
    strength: float,
    gradient: F32Array | None,
) -> float: ...
def from_bfloat16(values: U16Array, out: F32Array) -> None: ...
def search_lists(
    rows: U16Array,
    ids: I32Array,
    codes: U8Array,
    scale: F32Array,
    start: I64Array,
    queries: U16Array,
    own: I32Array,
    probes: I32Array,
    candidates: int,
    found: I32Array,
    scores: F32Array,
    threads: int,
) -> None: ...
def to_bfloat16(values: F32Array, out: U16Array) -> None: ...
