from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, SnapshotError
from engrain.kernels import TdRule, ValueTable, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.kernels.value import KINDS
from tests.strategies import EXTENTS, seeds


def outcomes(seed: int, n: int, k: int) -> tuple[I64Array, F32Array]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, n, k), rng.random(k, dtype=np.float32)


@pytest.mark.parametrize("k", EXTENTS)
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_learn_values_agrees_with_its_oracle(simd: str, k: int, seed: int) -> None:
    handles, rewards = outcomes(seed, k // 2 + 1, k)
    values = np.full(k // 2 + 1, 0.5, dtype=np.float32)
    expected, errors = reference.learn_values(values, handles, 3 * rewards, 0.1)
    got = kernels.learn_values(values, handles, 3 * rewards, 0.1)
    np.testing.assert_allclose(got, errors, atol=2e-6)
    np.testing.assert_allclose(values, expected, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [n for n in EXTENTS if n])
def test_td_lambda_agrees_with_its_oracle(simd: str, kind: str, n: int) -> None:
    rng = np.random.default_rng(n)
    rule = TdRule(alpha=0.2, gamma=0.9, lam=0.7, kind=kind)  # type: ignore[arg-type]
    states = rng.integers(0, n, 60)
    following = np.append(states[1:], -1)
    following[19::20] = -1
    rewards = rng.standard_normal(60).astype(np.float32)
    values, traces = rng.standard_normal((2, n)).astype(np.float32)
    V, e, errors = reference.td_lambda(values, traces, states, following, rewards, rule)
    got = kernels.td_lambda(values, traces, states, following, rewards, rule)
    np.testing.assert_allclose(got, errors, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(values, V, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(traces, e, rtol=1e-4, atol=1e-5)


def test_lambda_0_is_td_0_and_lambda_1_is_monte_carlo() -> None:
    states, following = np.arange(5), np.append(np.arange(1, 5), -1)
    rewards = np.array([0, 0, 0, 0, 1], dtype=np.float32)
    for lam, expected in ((0.0, [0, 0, 0, 0, 0.1]), (1.0, [0.1] * 5)):
        values, traces = np.zeros((2, 5), dtype=np.float32)
        rule = TdRule(alpha=0.1, gamma=1.0, lam=lam, kind="accumulating")
        kernels.td_lambda(values, traces, states, following, rewards, rule)
        np.testing.assert_allclose(values, expected, atol=1e-7)
        assert not traces.any()


def test_true_online_may_be_fed_in_pieces() -> None:
    rng = np.random.default_rng(0)
    states = rng.integers(0, 9, 40)
    following, rewards = np.append(states[1:], -1), rng.random(40, dtype=np.float32)
    rule = TdRule(kind="true_online")
    whole, pieces = np.zeros((2, 2, 9), dtype=np.float32)
    kernels.td_lambda(whole[0], whole[1], states, following, rewards, rule)
    carry = np.zeros(1, dtype=np.float32)
    for part in np.array_split(np.arange(40), 7):
        arrays = (states[part], following[part], rewards[part])
        kernels.td_lambda(pieces[0], pieces[1], *arrays, rule, carry)
    assert whole.tobytes() == pieces.tobytes()


def test_a_value_table_learns_as_the_oracle(simd: str) -> None:
    table, values = ValueTable(TdRule()), np.full(40, 0.5)
    for step in range(30):
        handles, rewards = outcomes(step, 40, 11)
        values, errors = reference.learn_values(values, handles, rewards, 0.1)
        np.testing.assert_allclose(table.learn(handles, rewards), errors, atol=1e-6)
    np.testing.assert_allclose(table.expected(np.arange(40)), values, atol=1e-6)
    assert table.expected(np.array([-1, 10**9])).tolist() == [0.5, 0.5]
    assert table.counts(np.arange(40)).sum() == 330
    assert table.counts(np.array([-3, 10**9])).tolist() == [0, 0]


def test_a_hundred_equal_outcomes_bring_the_value_within_one_percent() -> None:
    for outcome in (0.0, 1.0):
        table = ValueTable(TdRule())
        for _ in range(100):
            table.learn(np.array([7]), np.array([outcome], dtype=np.float32))
        assert abs(table.expected(np.array([7]))[0] - outcome) < 0.01


def test_credit_reaches_marks_in_proportion_and_stays_in_bounds() -> None:
    table = ValueTable(TdRule(alpha=0.1, gamma=0.9, lam=0.5))
    same = np.array([0.5], dtype=np.float32)
    table.learn(np.array([1]), same)
    table.credit(0.0)
    table.learn(np.array([2]), same)
    table.credit(0.4)
    changes = table.expected(np.array([1, 2, 3])) - 0.5
    np.testing.assert_allclose(changes, [0.1 * 0.4 * 0.45, 0.1 * 0.4, 0], atol=1e-6)
    for _ in range(500):
        table.learn(np.array([1]), same)
        table.credit(1.0)
    assert table.expected(np.array([1]))[0] <= 1
    for _ in range(30):
        table.credit(0.0)
    assert table.marks == 0


def test_marks_are_capped_and_the_newest_is_kept() -> None:
    table = ValueTable(TdRule(), max_active=10)
    for handle in range(100):
        before = table.expected(np.array([handle]))[0]
        table.learn(np.array([handle]), np.array([before], dtype=np.float32))
        table.credit(0.5)
        assert table.expected(np.array([handle]))[0] > before
    assert table.marks <= 10


def test_a_value_table_save_load_continue_equals_not_stopping() -> None:
    whole, first, second = (ValueTable(TdRule(), max_active=9) for _ in range(3))
    for step in range(40):
        if step == 20:
            second.load(first.state())
        for table in (whole, first if step < 20 else second):
            table.learn(*outcomes(step, 3000, 5))
            table.credit(0.1 * (step % 3 - 1))
    for name, array in whole.state().items():
        assert array.tobytes() == second.state()[name].tobytes()
    with pytest.raises(SnapshotError):
        second.load(whole.state() | {"trace": np.zeros(3, dtype=np.float32)})


def test_td_is_equal_bit_for_bit_at_every_level() -> None:
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        values, traces = np.zeros((2, 1003), dtype=np.float32)
        states, rewards = outcomes(1, 1003, 200)
        rule = TdRule(kind="true_online")
        kernels.td_lambda(values, traces, states, np.append(states[1:], -1), rewards, rule)
        results.add(values.tobytes())
    assert len(results) == 1


def test_values_refuse_what_they_cannot_use() -> None:
    table, (handles, rewards) = ValueTable(TdRule(), max_handles=100), outcomes(0, 9, 4)
    values = np.zeros(9, dtype=np.float32)
    with pytest.raises(TypeError):
        kernels.learn_values(values, handles, rewards.astype(float), 0.1)
    with pytest.raises(ValueError, match="not in"):
        kernels.learn_values(values, handles + 9, rewards, 0.1)
    with pytest.raises(ValueError, match="next_states"):
        kernels.td_lambda(values, values.copy(), handles, handles + 9, rewards, TdRule())
    with pytest.raises(ValueError, match="outcomes"):
        table.learn(handles, rewards * np.float32("nan"))
    with pytest.raises(ValueError, match="not in"):
        table.learn(handles + 100, rewards)
    with pytest.raises(ValueError, match="delta"):
        table.credit(float("nan"))
    assert table.counts(handles).sum() == 0
    with pytest.raises(ConfigError, match="true_online"):
        ValueTable(TdRule(kind="true_online"))
    with pytest.raises(ConfigError, match="alpha"):
        TdRule(alpha=1.5)


def test_marks_come_without_an_outcome_and_go_with_their_handle() -> None:
    table = ValueTable(TdRule(alpha=0.5, gamma=1.0, lam=1.0), default=0.25)
    pair = np.array([3, 900], dtype=np.int64)
    table.mark(pair)
    assert table.marks == 2
    assert table.counts(pair).tolist() == [0, 0]
    table.forget(pair[:1])
    table.credit(0.5)
    np.testing.assert_array_equal(table.expected(pair), np.array([0.25, 0.5], np.float32))
    table.clear_marks()
    table.credit(0.5)
    assert table.marks == 0
    np.testing.assert_array_equal(table.expected(pair), np.array([0.25, 0.5], np.float32))
    table.learn(pair, np.ones(2, np.float32))
    table.forget(pair)
    assert table.counts(pair).tolist() == [0, 0]
    np.testing.assert_array_equal(table.expected(pair), np.full(2, 0.25, np.float32))
    with pytest.raises(ValueError, match="handles"):
        table.mark(np.array([-1], dtype=np.int64))
