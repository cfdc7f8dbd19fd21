from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from engrain.base.arrays import F64Array
from engrain.kernels import TdRule
from engrain.learning.td import TDLambda

Kind = Literal["accumulating", "replacing", "dutch", "true_online"]
TRUE = np.arange(-18, 20, 2) / 20


def random_walk(rng: np.random.Generator, states: int = 19) -> list[tuple[float, int, int]]:
    """Return (reward, state, next or -1) of one episode that starts in the middle."""
    state = states // 2
    steps: list[tuple[float, int, int]] = []
    while True:
        after = state + (1 if rng.random() < 0.5 else -1)
        if after in (-1, states):
            return [*steps, (1.0 if after == states else -1.0, state, -1)]
        steps.append((0.0, state, after))
        state = after


def online_return(
    episode: list[tuple[float, int, int]], values: F64Array, alpha: float, lam: float, gamma: float
) -> F64Array:
    """Return the values after the online λ-return algorithm, from its forward definition."""
    start, current = values.copy(), values.copy()
    history = [values.copy()]
    for horizon in range(1, len(episode) + 1):
        weights = start.copy()
        for t in range(horizon):
            target, remaining = 0.0, 1.0
            total = 0.0
            for n in range(1, horizon - t + 1):
                reward, _, after = episode[t + n - 1]
                total += gamma ** (n - 1) * reward
                ahead = gamma**n * history[t + n - 1][after] if after >= 0 else 0.0
                share = (1 - lam) * lam ** (n - 1) if n < horizon - t else remaining
                remaining -= share
                target += share * (total + ahead)
            state = episode[t][1]
            weights[state] += alpha * (target - weights[state])
        current = weights
        history.append(current.copy())
    return current


@pytest.mark.parametrize("lam", [0.0, 0.5, 0.9, 1.0])
def test_true_online_is_the_online_lambda_return(lam: float) -> None:
    rng = np.random.default_rng(0)
    td = TDLambda(7, TdRule(0.3, 0.9, lam, "true_online"))
    expected = td.values.astype(np.float64)
    for _ in range(4):
        episode = random_walk(rng, 7)[:12]
        expected = online_return(episode, expected, 0.3, lam, 0.9)
        for reward, state, after in episode:
            td.step(reward, state, after)
        td.end_episode()
    np.testing.assert_allclose(td.values, expected, atol=1e-6)


def test_lambda_zero_is_td_zero() -> None:
    rng = np.random.default_rng(1)
    td = TDLambda(19, TdRule(0.2, 1.0, 0.0))
    plain = np.zeros(19)
    for _ in range(20):
        for reward, state, after in random_walk(rng):
            td.step(reward, state, after)
            ahead = plain[after] if after >= 0 else 0.0
            plain[state] += 0.2 * (reward + ahead - plain[state])
    np.testing.assert_allclose(td.values, plain, atol=1e-5)


def test_lambda_one_without_discount_is_monte_carlo() -> None:
    td = TDLambda(5, TdRule(0.001, 1.0, 1.0))
    for reward, state, after in [(0.0, 0, 1), (0.0, 1, 2), (1.0, 2, -1)]:
        td.step(reward, state, after)
    np.testing.assert_allclose(td.values[:3], 0.001, rtol=0.01)


def rms(kind: Kind, lam: float, alpha: float) -> float:
    errors = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        td = TDLambda(19, TdRule(alpha, 1.0, lam, kind))
        for _ in range(10):
            td.run(random_walk(rng))
            errors.append(np.sqrt(np.mean((td.values - TRUE) ** 2)))
    return float(np.mean(errors))


def test_random_walk_has_the_shape_of_the_textbook() -> None:
    """An intermediate λ beats both ends, and the true online form is no worse than the usual."""
    steps = {0.0: (0.2, 0.4, 0.8), 0.8: (0.1, 0.2, 0.4), 1.0: (0.01, 0.03, 0.1)}
    best = {lam: min(rms("accumulating", lam, a) for a in steps[lam]) for lam in steps}
    assert best[0.8] < best[0.0] < 0.6
    assert best[0.8] < best[1.0]
    assert rms("true_online", 0.8, 0.4) <= rms("accumulating", 0.8, 0.4)


@pytest.mark.parametrize(
    ("kind", "expected"), [("accumulating", 1.5), ("replacing", 1.0), ("dutch", 1.45)]
)
def test_traces_follow_their_kind(kind: Kind, expected: float) -> None:
    td = TDLambda(3, TdRule(0.1, 1.0, 0.5, kind))
    td.run([(0.0, 0, 1), (0.0, 0, 1)])
    assert td.traces[0] == pytest.approx(expected)
    assert td.traces[1] == 0.0


def test_saved_and_continued_is_not_having_stopped() -> None:
    rng = np.random.default_rng(3)
    first, second = (TDLambda(19, TdRule(0.2, 0.9, 0.8, "true_online")) for _ in range(2))
    first.run(random_walk(rng)[:-1])
    second.load(first.state())
    episode = random_walk(rng)
    np.testing.assert_array_equal(first.run(episode), second.run(episode))
    np.testing.assert_array_equal(first.values, second.values)
    with pytest.raises(ValueError, match="rewards"):
        first.step(np.nan, 0, 1)
    with pytest.raises(ValueError, match="states"):
        TDLambda(0)
