from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError
from engrain.kernels import TRACE, TraceRule, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.kernels.traces import TraceArray
from tests.strategies import EXTENTS, normal, seeds

RULES = [
    TraceRule(),
    TraceRule(tau_fast=5, tau_slow=60, mix=0.7, kind="replacing"),
    TraceRule(tau_fast=5, tau_slow=60, mix=0.7, kind="dutch", dutch=0.3),
    TraceRule(tau_fast=5, tau_slow=60, mix=0.2, cascade=0.05),
]


def random_traces(seed: int, n: int) -> TraceArray:
    rng = np.random.default_rng(seed)
    traces = np.zeros(n, dtype=TRACE)
    traces["fast"], traces["slow"] = rng.random((2, n), dtype=np.float32)
    traces["last"] = 100 * rng.random(n)
    return traces


def batch(seed: int, n: int, k: int) -> tuple[I64Array, F32Array]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, n, k), rng.random(k, dtype=np.float32)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.kind}-{r.cascade}")
@pytest.mark.parametrize("k", EXTENTS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds, now=st.floats(0, 300))
def test_traces_agree_with_their_oracle(
    simd: str, k: int, rule: TraceRule, seed: int, now: float
) -> None:
    traces = random_traces(seed, k // 2 + 1)
    handles, activity = batch(seed, len(traces), k)
    expected = reference.touch_traces(traces, handles, activity, now, rule)
    kernels.touch_traces(traces, handles, activity, now, rule)
    for part in ("fast", "slow", "last"):
        np.testing.assert_allclose(traces[part], expected[part], rtol=1e-5, atol=1e-6)
    later = now + 7.5
    np.testing.assert_allclose(
        kernels.read_traces(traces, handles, later, rule, reward=-0.8),
        reference.read_traces(traces, handles, later, rule, reward=-0.8),
        rtol=2e-6,
        atol=1e-7,
    )


def test_stepped_traces_end_at_zero(simd: str) -> None:
    fast, slow, weights = np.array([[1.0, -1.0] * 9, [2.0, -2.0] * 9, [0.0] * 18], np.float32)
    for _ in range(800):
        kernels.step_traces(fast, slow, weights, 0.8, 0.9, 0.7, 0.1)
    assert not fast.any()
    assert not slow.any()


@pytest.mark.parametrize("n", EXTENTS)
def test_step_traces_agrees_with_its_oracle(simd: str, n: int) -> None:
    fast, slow, weights = normal(n, n), normal(n + 1, n), normal(n + 2, n)
    expected = reference.step_traces(fast, slow, weights, 0.82, 0.98, 0.7, -0.3)
    kernels.step_traces(fast, slow, weights, 0.82, 0.98, 0.7, -0.3)
    for got, want in zip((fast, slow, weights), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=3e-7, atol=1e-6)


def test_many_steps_decay_as_one() -> None:
    traces = np.zeros(1, dtype=TRACE)
    handles, none = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
    kernels.touch_traces(traces, handles, none + 1, 0.0, TraceRule())
    for step in range(1, 21):
        kernels.touch_traces(traces, handles, none, float(step), TraceRule())
    assert traces["fast"][0] == pytest.approx(np.exp(-1), rel=1e-5)


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.kind}-{r.cascade}")
def test_traces_are_equal_bit_for_bit_at_every_level(rule: TraceRule) -> None:
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        traces = random_traces(1, 500)
        for step in range(20):
            kernels.touch_traces(traces, *batch(step, 500, 77), 100 + 3.3 * step, rule)
        credit = kernels.read_traces(traces, np.arange(500), 200.0, rule, reward=0.3)
        results.add(traces.tobytes() + credit.tobytes())
    assert len(results) == 1


def test_traces_refuse_what_they_cannot_use() -> None:
    traces, (handles, activity) = random_traces(0, 8), batch(0, 8, 4)
    before = traces.copy()
    with pytest.raises(TypeError):
        kernels.touch_traces(traces, handles, activity.astype(float), 1.0, TraceRule())
    with pytest.raises(TypeError):
        kernels.touch_traces(traces, handles[::2], activity[:2], 1.0, TraceRule())
    for other in ([("a", "i8"), ("b", "i8")], [("last", "f8"), ("fast", "f4"), ("slow", "f4")]):
        with pytest.raises(TypeError):
            kernels.touch_traces(traces.view(other), handles, activity, 1.0, TraceRule())
    with pytest.raises(ValueError, match=r"9 is not in \[0, 8\)"):
        kernels.touch_traces(traces, handles * 0 + 9, activity, 1.0, TraceRule())
    with pytest.raises(ValueError, match="activity"):
        kernels.touch_traces(traces, handles, activity * np.float32("nan"), 1.0, TraceRule())
    with pytest.raises(ValueError, match="now"):
        kernels.touch_traces(traces, handles, activity, float("inf"), TraceRule())
    assert (traces == before).all()


@pytest.mark.parametrize(
    "wrong",
    [{"tau_fast": 0}, {"tau_slow": np.nan}, {"mix": 1.1}, {"dutch": -1}, {"cascade": 0.1}],
)
def test_a_rule_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TraceRule(**wrong)  # type: ignore[arg-type]
