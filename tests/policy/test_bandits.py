from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, UnknownIdError
from engrain.policy.bandits import LinearBandit, LinThompson, LinUCB, StrategyBandit
from tests.strategies import normal


def digits(data: Path) -> tuple[F32Array, I64Array]:
    with np.load(data / "cl_digits8x8" / "digits.npz") as held:
        X, y = held["X"].astype(np.float64).reshape(-1, 64), held["y"].astype(np.int64)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), y


def play(bandit: LinearBandit, X: F32Array, y: I64Array) -> Iterator[float]:
    for x, label in zip(X, y, strict=True):
        arm, _ = bandit.choose(x)
        bandit.learn(x, arm, float(arm == label))
        yield float(arm == label)


@pytest.mark.parametrize("rule", [LinThompson, LinUCB])
def test_learns_digits_from_one_pass(data: Path, rule: type[LinThompson | LinUCB]) -> None:
    X, y = digits(data)
    rewards = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(y))
        rewards.append(list(play(rule(64, 10, seed=seed), X[order], y[order])))
    assert np.mean(rewards) >= 0.80
    assert np.mean([run[-500:] for run in rewards]) >= 0.92


def test_names_come_back_with_their_probability() -> None:
    bandit = StrategyBandit(["a", "b"], 4, seed=2)
    x = np.array([1, 0, 0, 0], np.float32)
    np.testing.assert_allclose(bandit.probabilities(x), 0.5)
    for _ in range(30):
        bandit.learn(x, "b", 1.0)
        bandit.learn(x, "a", 0.0)
    assert bandit.probabilities(x)[1] > 0.99
    choice = bandit.choose(x)
    assert choice.strategy_id == "b"
    assert choice.propensity == bandit.probabilities(x)[1]


@pytest.mark.parametrize("reward", [0.0, 1.0])
def test_wins_and_losses_both_teach(reward: float) -> None:
    bandit = StrategyBandit(["a", "b"], 3)
    x = normal(1, 3)
    bandit.learn(x, "a", 0.5)
    bandit.learn(x, "b", 0.5)
    before = bandit.probabilities(x)[0]
    bandit.learn(x, "a", reward)
    assert (bandit.probabilities(x)[0] - before) * (reward - 0.5) > 0


def test_a_baseline_takes_out_what_no_strategy_changes() -> None:
    names, best = [str(n) for n in range(8)], {True: 0, False: 0}
    for baseline, seed in [(flag, seed) for flag in best for seed in range(10)]:
        bandit = StrategyBandit(names, 16, alpha=0.5, ridge=1.0, baseline=baseline, seed=seed)
        difficulty, situations = normal(seed, 16) * 2, normal(100 + seed, 400, 16) / np.float32(4)
        situations[:, 0] = 1
        for x in situations:
            chosen = bandit.choose(x).strategy_id
            best[baseline] += chosen == "1"
            bandit.learn(x, chosen, float(difficulty @ x) + 0.5 * (chosen == "1"))
    assert best[True] > 1.5 * best[False]


@pytest.mark.parametrize("baseline", [False, True])
def test_state_restores_bit_for_bit(baseline: bool) -> None:
    one = StrategyBandit(["a", "b", "c"], 5, baseline=baseline)
    other = StrategyBandit(["a", "b", "c"], 5, baseline=baseline)
    for number, x in enumerate(normal(3, 40, 5)):
        one.learn(x, "abc"[number % 3], number / 40)
    other.load(one.state())
    for number, x in enumerate(normal(4, 40, 5)):
        assert one.choose(x) == other.choose(x)
        for bandit in (one, other):
            bandit.learn(x, "abc"[number % 3], number / 40)


def test_bad_names_are_refused() -> None:
    with pytest.raises(ConfigError):
        StrategyBandit([], 3)
    with pytest.raises(ConfigError):
        StrategyBandit(["a", "a"], 3)
    with pytest.raises(UnknownIdError):
        StrategyBandit(["a"], 3).learn(normal(1, 3), "b", 1.0)
