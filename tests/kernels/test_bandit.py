from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.kernels import LinearBandit, reference
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import normal, seeds

DIMS = (1, 3, 7, 8, 9, 15, 16, 17, 37, 64)


class Oracle:
    """Arms in float64, stepped by the reference."""

    def __init__(self, dim: int, arms: int, ridge: float) -> None:
        self.inverse = np.stack([np.eye(dim) / ridge] * arms)
        self.theta = np.zeros((arms, dim))

    def learn(self, x: F32Array, arm: int, reward: float) -> None:
        learned = reference.learn_arm(self.inverse[arm], self.theta[arm], x, reward)
        self.inverse[arm], self.theta[arm] = learned


def taught(
    seed: int, dim: int, arms: int, steps: int, **options: Any
) -> tuple[LinearBandit, Oracle]:
    bandit, rng = LinearBandit(dim, arms, **options), np.random.default_rng(seed)
    oracle = Oracle(dim, arms, options.get("ridge", 0.1))
    for x in normal(seed, steps, dim) / np.float32(np.sqrt(dim)):
        arm, reward = int(rng.integers(arms)), float(np.float32(rng.random()))
        bandit.learn(x, arm, reward)
        oracle.learn(x, arm, reward)
    return bandit, oracle


@pytest.mark.parametrize("dim", DIMS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arms=st.integers(1, 5), steps=st.integers(0, 80), seed=seeds)
def test_scores_agree_with_the_oracle(
    simd: str, dim: int, arms: int, steps: int, seed: int
) -> None:
    bandit, oracle = taught(seed, dim, arms, steps, alpha=1.0)
    x = normal(seed + 1, dim)
    mean, deviation = bandit.score(x)
    wanted, variance = reference.score_arms(oracle.inverse, oracle.theta, x)
    np.testing.assert_allclose(mean, wanted, rtol=1e-3, atol=2e-4 * np.sqrt(dim))
    np.testing.assert_allclose(deviation, np.sqrt(variance), rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(bandit.theta, oracle.theta, rtol=1e-3, atol=1e-3)


def test_stays_exact_over_a_hundred_thousand_steps() -> None:
    bandit, oracle = taught(3, 8, 2, 100_000, ridge=0.1, alpha=1.0)
    np.testing.assert_allclose(bandit.theta, oracle.theta, atol=2e-4)
    for x in normal(9, 20, 8):
        _, variance = reference.score_arms(oracle.inverse, oracle.theta, x)
        np.testing.assert_allclose(bandit.score(x)[1], np.sqrt(variance), rtol=1e-2)


gaps = st.floats(-3, 3, width=32)


def probabilities(mean: Any, deviation: Any) -> F64Array:
    """Return the kernel's probabilities for given arms, reached through one-hot contexts."""
    arms = len(mean)
    ridge = 1e-6
    bandit = LinearBandit(arms, arms, alpha=1.0, ridge=ridge)
    state = bandit.state()
    width = -(-arms // 16) * 16
    theta = np.zeros((arms, width), np.float32)
    theta[:, 0] = mean
    inverse = np.zeros_like(state["inverse"]).reshape(arms, -1)
    inverse[:, 0] = 0.5 * np.asarray(deviation, np.float32) ** 2
    bandit.load({**state, "theta": theta.ravel(), "inverse": inverse.ravel()})
    x = np.zeros(arms, np.float32)
    x[0] = 1
    return bandit.probabilities(x).astype(np.float64)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(gaps, st.floats(0.125, 2, width=32)), min_size=1, max_size=20))
def test_thompson_probabilities_agree_with_the_oracle(
    simd: str, given: list[tuple[float, float]]
) -> None:
    mean, deviation = np.array(given, np.float32).T
    found = probabilities(mean, deviation)
    np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-5)
    np.testing.assert_allclose(found, reference.thompson_probabilities(mean, deviation), atol=0.004)


def test_the_quadrature_is_close_to_the_truth() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        mean, deviation = rng.normal(size=6), rng.uniform(0.3, 1.0, 6)
        draws = rng.normal(mean, deviation, (100_000, 6)).argmax(axis=1)
        truth = np.bincount(draws, minlength=6) / 100_000
        np.testing.assert_allclose(probabilities(mean, deviation), truth, atol=0.03)


@pytest.mark.parametrize("rule", ["ucb", "thompson"])
@pytest.mark.parametrize("arms", [2, 7, 10])
def test_before_feedback_selection_is_uniform(rule: Any, arms: int) -> None:
    quantile = {2: 6.635, 7: 16.812, 10: 21.666}[arms]  # chi-square at p = .01
    bandit = LinearBandit(16, arms, rule=rule, seed=5)
    counts = np.zeros(arms)
    for x in normal(4, 10_000, 16):
        arm, propensity = bandit.choose(x)
        counts[arm] += 1
        assert abs(propensity - 1 / arms) < 1e-6
    assert ((counts - 10_000 / arms) ** 2 / (10_000 / arms)).sum() < quantile


@pytest.mark.parametrize("options", [{}, {"floor": 0.2}, {"rule": "ucb", "floor": 0.3}])
def test_arms_come_up_as_often_as_their_propensity_says(options: dict[str, Any]) -> None:
    bandit, _ = taught(2, 5, 4, 30, alpha=0.5, **options)
    x = normal(8, 5) / np.float32(2)
    wanted = bandit.probabilities(x).astype(float)
    assert wanted.min() >= options.get("floor", 0.0) / 4 - 1e-6
    counts = np.zeros(4)
    for _ in range(20_000):
        arm, propensity = bandit.choose(x)
        assert propensity == np.float32(wanted[arm])
        counts[arm] += 1
    possible = wanted > 0
    assert not counts[~possible].any()
    expected = 20_000 * wanted[possible]
    assert ((counts[possible] - expected) ** 2 / expected).sum() < 16.3  # p = .001


def test_ucb_takes_the_highest_bound() -> None:
    bandit, oracle = taught(2, 5, 4, 40, rule="ucb", alpha=0.7)
    for x in normal(3, 30, 5):
        mean, variance = reference.score_arms(oracle.inverse, oracle.theta, x)
        assert bandit.choose(x) == (int(np.argmax(mean + 0.7 * np.sqrt(variance))), 1.0)


def test_state_is_equal_bit_for_bit_at_every_level() -> None:
    seen = set()
    for level in LEVELS:
        set_simd_level(level)
        bandit = LinearBandit(37, 5, seed=1)
        for number, x in enumerate(normal(6, 300, 37) / np.float32(6)):
            arm, _ = bandit.choose(x)
            bandit.learn(x, arm, float(number % 3 == arm % 3))
        seen.add(b"".join(array.tobytes() for array in bandit.state().values()))
    set_simd_level(LEVELS[-1])
    assert len(seen) == 1


def test_state_restores_bit_for_bit() -> None:
    bandit, _ = taught(2, 17, 3, 25)
    other = LinearBandit(17, 3)
    other.load(bandit.state())
    assert other.learned == bandit.learned == 25
    for x in normal(3, 40, 17):
        assert bandit.choose(x) == other.choose(x)
        bandit.learn(x, 1, 0.5)
        other.learn(x, 1, 0.5)
    bandit.reset()
    assert bandit.learned == 0
    assert not bandit.theta.any()
    with pytest.raises(SnapshotError):
        other.load(LinearBandit(16, 3).state())


@pytest.mark.parametrize(
    "options",
    [
        {"dim": 0},
        {"arms": 0},
        {"rule": "greedy"},
        {"alpha": -1.0},
        {"ridge": 0.0},
        {"floor": 1.5},
        {"alpha": float("nan")},
    ],
)
def test_bad_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        LinearBandit(**{"dim": 4, "arms": 2, **options})


def test_bad_input_changes_nothing() -> None:
    bandit, _ = taught(2, 4, 2, 5)
    before = {name: array.tobytes() for name, array in bandit.state().items()}
    good = normal(1, 4)
    for x in (good.astype(np.float64), normal(1, 8)[::2], [1.0] * 4):
        with pytest.raises(TypeError):
            bandit.learn(x, 0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ShapeError):
        bandit.choose(normal(1, 5))
    for x in (np.full(4, np.nan, np.float32), np.full(4, 1e30, np.float32)):
        with pytest.raises(NonFiniteError):
            bandit.learn(x, 0, 1.0)
    with pytest.raises(NonFiniteError):
        bandit.learn(good, 0, float("inf"))
    for arm in (-1, 2):
        with pytest.raises(ConfigError):
            bandit.learn(good, arm, 1.0)
    assert {name: array.tobytes() for name, array in bandit.state().items()} == before
