from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.learning.dopamine import DopamineSystem, RewardPredictionError
from engrain.learning.value_estimator import LearnedValueEstimator

unit = st.floats(0, 1)


@given(expected=unit, actual=unit)
def test_an_error_is_a_number_that_remembers(expected: float, actual: float) -> None:
    error = RewardPredictionError(expected, actual)
    assert error == actual - expected == error.rpe
    assert error.magnitude == abs(actual - expected)
    assert error.positive == (actual - expected > 0.05)
    assert error.negative == (actual - expected < -0.05)
    assert isinstance(error * 2.0, float)


def test_expectations_approach_a_constant_outcome() -> None:
    dopamine = DopamineSystem()
    for _ in range(100):
        dopamine.update_expectations("m", actual_outcome=0.9)
    assert dopamine.get_expected("m") == pytest.approx(0.9, rel=0.01)
    assert abs(dopamine.compute_rpe("m", actual_outcome=0.9)) < 0.01
    assert dopamine.compute_rpe("m", actual=0.1) < -0.7
    assert dopamine.get_signed_rpe("m") == pytest.approx(0.1 - dopamine.get_expected("m"))
    assert dopamine.get_uncertainty("m") == pytest.approx(1 / 101)
    assert dopamine.modulate_learning_rate(0.5, "m") == pytest.approx(0.4, rel=0.02)


def test_a_td_error_reaches_the_memory_just_judged() -> None:
    dopamine = DopamineSystem()
    rpe = dopamine.compute_rpe("m", actual_outcome=0.9)
    dopamine.update_expectations("m", actual_outcome=0.9)
    dopamine.update_with_td_lambda(td_error=rpe)
    assert dopamine.get_expected("m") == pytest.approx(0.54 + 0.1 * 0.4, abs=1e-6)
    dopamine.mark_memory_active("other")
    dopamine.update_with_td_lambda(td_error=-0.2)
    assert dopamine.get_expected("other") == pytest.approx(0.5 - 0.02, abs=1e-6)
    assert dopamine.get_expected("m") == pytest.approx(0.58 - 0.1 * 0.2 * 0.95 * 0.9, abs=1e-6)
    judged = DopamineSystem()
    judged.update_with_td_lambda(judged.compute_rpe("only judged", 1.0))
    assert judged.get_expected("only judged") == pytest.approx(0.55)


def test_a_chain_learns_to_expect_its_end() -> None:
    dopamine = DopamineSystem(default_expected=0.0, kind="accumulating")
    for _ in range(300):
        dopamine.process_reward_with_traces(0.0, "cue", "delay")
        dopamine.process_reward_with_traces(0.0, "delay", "food")
        last = dopamine.process_reward_with_traces(1.0, "food")
    assert dopamine.get_expected("cue") == pytest.approx(0.95**2, abs=0.01)
    assert abs(last) < 0.01


def test_caps_hold_and_the_newest_memory_stays() -> None:
    dopamine = DopamineSystem(max_memories=10, max_history=5)
    for i in range(100):
        dopamine.compute_rpe(i, 1.0)
        dopamine.update_expectations(i, 1.0)
    assert len(dopamine) == 10
    assert len(dopamine.history) == 5
    assert dopamine.get_expected(99) == pytest.approx(0.55)
    assert dopamine.get_expected(0) == 0.5
    assert dopamine.get_count(0) == 0


def test_the_network_expects_for_memories_never_seen() -> None:
    rng = np.random.default_rng(0)
    dopamine = DopamineSystem(estimator=LearnedValueEstimator(16, 32, learning_rate=0.05))
    good, bad = rng.standard_normal((2, 16))
    for i in range(300):
        noise = 0.1 * rng.standard_normal((2, 16))
        dopamine.update_expectations(f"good{i}", 1.0, good + noise[0])
        dopamine.update_expectations(f"bad{i}", 0.0, bad + noise[1])
    assert dopamine.get_expected("new", good) > 0.85
    assert dopamine.get_expected("new", bad) < 0.15
    assert dopamine.compute_rpe("new", 1.0, bad) > 0.85


def test_saved_and_continued_is_not_having_stopped() -> None:
    rng = np.random.default_rng(1)
    first, second = DopamineSystem(max_memories=20), DopamineSystem(max_memories=20)
    names, outcomes = rng.integers(0, 30, 400), rng.random(400)
    for i in range(400):
        if i == 200:
            second.load_state(first.save_state())
        for system in (first, second)[: 1 if i < 200 else 2]:
            rpe = system.compute_rpe(int(names[i]), outcomes[i])
            system.update_expectations(int(names[i]), outcomes[i])
            system.update_with_td_lambda(rpe)
    for name, value in first.table.state().items():
        np.testing.assert_array_equal(value, second.table.state()[name])
    assert first.get_signed_rpe(int(names[-1])) == second.get_signed_rpe(int(names[-1]))


def test_bad_outcomes_are_refused_before_anything_changes() -> None:
    dopamine = DopamineSystem()
    for value in (np.nan, np.inf, -0.1, 1.1, None):
        with pytest.raises(ValueError, match="outcome"):
            dopamine.compute_rpe("m", value)
        with pytest.raises(ValueError, match="outcome"):
            dopamine.update_expectations("m", value)
    with pytest.raises(ValueError, match="outcome"):
        dopamine.batch_compute_rpe({"a": 0.5, "b": 2.0})
    with pytest.raises(ValueError, match="td_error"):
        dopamine.update_with_td_lambda(np.nan)
    with pytest.raises(ValueError, match="default"):
        DopamineSystem(default_expected=1.5)
    assert len(dopamine) == 0
    assert dopamine.batch_compute_rpe({"a": 0.75}) == {"a": 0.25}
