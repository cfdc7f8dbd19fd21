from __future__ import annotations

import math
import threading
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.learning.eligibility import EligibilityTrace, LayeredEligibilityTrace
from engrain.learning.persistence import load_checkpoint, save_checkpoint


def test_credit_is_reward_times_what_time_left() -> None:
    traces = EligibilityTrace(decay=0.95, tau=20.0)
    traces.update("memory-123", activity=1.0)
    traces.step(dt=1.0)
    credits = traces.assign_credit(reward=0.8)
    assert credits["memory-123"] == pytest.approx(0.8 * math.exp(-1 / 20), rel=1e-6)


@given(dt=st.floats(0.001, 5), k=st.integers(1, 50), tau=st.floats(1, 100))
def test_many_short_steps_equal_one_long_one(dt: float, k: int, tau: float) -> None:
    short, long = EligibilityTrace(tau=tau), EligibilityTrace(tau=tau)
    for trace in (short, long):
        trace.update("m")
    for _ in range(k):
        short.step(dt)
        short.get_trace("m")
    long.step(k * dt)
    expected = math.exp(-k * dt / tau)
    assert long.get_trace("m") == pytest.approx(expected, rel=1e-5)
    assert short.get_trace("m") == pytest.approx(expected, rel=1e-5)


def test_decay_is_the_factor_of_a_step_of_no_stated_length() -> None:
    traces = EligibilityTrace(decay=0.5)
    traces.update("m")
    traces.step()
    assert traces.get_trace("m") == pytest.approx(0.5, rel=1e-6)
    assert traces.tau == pytest.approx(-1 / math.log(0.5))
    both = EligibilityTrace(decay=0.945, tau=20.0)
    both.update("m")
    both.step()
    assert both.get_trace("m") == pytest.approx(0.945, rel=1e-6)
    with pytest.raises(ValueError, match="contradicts"):
        EligibilityTrace(decay=0.5, tau=20.0)


@pytest.mark.parametrize("trace", [EligibilityTrace(), LayeredEligibilityTrace()])
def test_a_trace_reads_as_its_credit(trace: EligibilityTrace) -> None:
    trace.clear()
    for i in range(20):
        trace.update(i, activity=0.1 * (i + 1) / 2)
        trace.step(0.5)
    for id, credit in trace.assign_credit(-0.5).items():
        assert trace.get_trace(id) == pytest.approx(credit / -0.5, rel=1e-6)
        assert trace.get_trace(id) > 0


def test_late_reward_credits_the_earlier_memory_less() -> None:
    trace = EligibilityTrace()
    trace.update("early")
    trace.step(5)
    trace.update("late")
    trace.step(5)
    credit = trace.assign_credit(1.0)
    assert credit["early"] < credit["late"]


def test_layers_start_at_one_and_the_fast_one_falls_first() -> None:
    layered = LayeredEligibilityTrace()
    layered.update("m")
    assert layered.get_trace("m") == pytest.approx(1.0)
    layered.step(10)
    expected = 0.7 * math.exp(-10 / 5) + 0.3 * math.exp(-10 / 60)
    assert layered.get_trace("m") == pytest.approx(expected, rel=1e-6)
    cascade = LayeredEligibilityTrace(fast_weight=0.0, cascade=True)
    cascade.update("m")
    assert cascade.get_trace("m") == 0.0
    cascade.step(10)
    rise = (math.exp(-10 / 60) - math.exp(-10 / 5)) / (5 * (1 / 5 - 1 / 60))
    assert cascade.get_trace("m") == pytest.approx(rise, rel=1e-5)


def test_simulated_time_replays_a_year_and_going_back_is_harmless() -> None:
    clock = SimulatedClock(1e9)
    trace = EligibilityTrace(tau=86_400.0, clock=clock)
    for _ in range(365):
        trace.update("daily")
        clock.advance(86_400.0)
    assert trace.get_trace("daily") == pytest.approx(1 / (math.e - 1), rel=1e-4)
    clock.advance(-86_400.0 * 30)
    assert math.isfinite(trace.get_trace("daily"))


def test_the_cap_holds_and_the_newest_stays() -> None:
    trace = EligibilityTrace(max_traces=50)
    for i in range(1000):
        trace.update(f"m{i}")
        trace.step(0.1)
        assert trace.get_trace(f"m{i}") > 0.9
    assert len(trace) == 50
    assert len(trace.handles) == 100


def test_ids_keep_their_kind() -> None:
    trace = EligibilityTrace()
    for id in ("7", 7, UUID(int=7)):
        trace.update(id)
    assert trace.assign_credit(1.0) == {"7": 1.0, 7: 1.0, UUID(int=7): 1.0}
    trace.update_all(["7", 8], [1.0, 0.5])
    np.testing.assert_allclose(trace.get_traces(["7", 8, 9]), [2.0, 0.5, 0.0])
    assert trace.get_all_active(0.6).keys() == {"7", 7, UUID(int=7)}
    stats = trace.get_stats()
    assert (stats["count"], stats["max"], stats["total"]) == (4.0, 2.0, 4.5)
    assert trace.count == 4


def test_many_threads_lose_nothing() -> None:
    trace = EligibilityTrace(max_traces=1000)

    def mark(worker: int) -> None:
        for i in range(20):
            trace.update_all([f"{worker}-{i}"], [1.0])

    workers = [threading.Thread(target=mark, args=(w,)) for w in range(40)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(trace) == 800
    assert set(trace.get_traces([f"{w}-{i}" for w in range(40) for i in range(20)])) == {1.0}


def test_saved_and_continued_is_not_having_stopped(tmp_path: object) -> None:
    rng = np.random.default_rng(0)
    names, gaps = rng.integers(0, 60, 500), rng.random(500)
    first, second = LayeredEligibilityTrace(max_traces=20), LayeredEligibilityTrace(max_traces=20)
    for i in range(500):
        if i == 250:
            save_checkpoint(f"{tmp_path}/traces", {"traces": first})
            load_checkpoint(f"{tmp_path}/traces", {"traces": second})
        for trace in (first, second)[: 1 if i < 250 else 2]:
            trace.update(int(names[i]))
            trace.step(gaps[i])
    assert first.assign_credit(1.0) == second.assign_credit(1.0)


def test_bad_input_is_refused_before_anything_changes() -> None:
    trace = EligibilityTrace()
    for activity in (-0.1, 10.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="activity"):
            trace.update("m", activity)
        with pytest.raises(ValueError, match="activity"):
            trace.update_all(["m"], [activity])
    with pytest.raises(TypeError, match="id"):
        trace.update(1.5)  # type: ignore[arg-type]
    for dt in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="dt"):
            trace.step(dt)
    with pytest.raises(ValueError, match="reward"):
        trace.assign_credit(np.nan)
    for bad in ({"decay": 1.0}, {"tau": 0.0}, {"tau_trace": np.inf}):
        with pytest.raises(ValueError, match=r"decay|tau"):
            EligibilityTrace(**bad)  # type: ignore[arg-type]
    assert len(trace) == 0
