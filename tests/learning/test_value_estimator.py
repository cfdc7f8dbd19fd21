from __future__ import annotations

import numpy as np
import pytest

from engrain.learning.value_estimator import LearnedValueEstimator


def trained(trace_decay: float = 0.0) -> tuple[LearnedValueEstimator, np.ndarray]:
    rng = np.random.default_rng(0)
    estimator = LearnedValueEstimator(12, 8, learning_rate=0.1, trace_decay=trace_decay)
    rows = rng.standard_normal((200, 12)).astype(np.float32)
    for x in rows:
        estimator.update(x, float(x[0] > 0) - estimator.estimate(x))
    return estimator, rows


def test_gradient_agrees_with_differences() -> None:
    estimator, rows = trained()
    for name in estimator.parameters:
        estimator.parameters[name] = estimator.parameters[name].astype(np.float64)
    x = rows[0].astype(np.float64)
    value, gradient = estimator.gradient(x)
    assert value == pytest.approx(estimator._forward(x)[-1])
    for name, weights in estimator.parameters.items():
        for at in list(np.ndindex(weights.shape))[:10]:
            kept = weights[at]
            sides = []
            for shift in (1e-6, -1e-6):
                weights[at] = kept + shift
                sides.append(estimator._forward(x)[-1])
            weights[at] = kept
            assert gradient[name][at] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=2e-5)


def test_it_learns_what_makes_a_memory_valuable() -> None:
    estimator, rows = trained()
    values = np.array([estimator.estimate(x) for x in rows])
    assert values[rows[:, 0] > 0].mean() > values[rows[:, 0] < 0].mean() + 0.3
    assert ((values > 0) & (values < 1)).all()


def test_traces_credit_the_embedding_before() -> None:
    late, early = np.eye(2, dtype=np.float32)
    plain = LearnedValueEstimator(2, 8, learning_rate=0.5, trace_decay=0.0)
    traced = LearnedValueEstimator(2, 8, learning_rate=0.5, trace_decay=0.9)
    for _ in range(30):
        for estimator in (plain, traced):
            estimator.update(early, 0.0)
            estimator.update(late, 0.5)
            estimator.end_episode()
    assert traced.estimate(early) > plain.estimate(early)


def test_state_continues_bit_for_bit() -> None:
    estimator, rows = trained(trace_decay=0.5)
    other = LearnedValueEstimator(12, 8, learning_rate=0.1, trace_decay=0.5, seed=9)
    other.load(estimator.state())
    for x in rows[:20]:
        assert estimator.update(x, 0.1) == other.update(x, 0.1)


def test_bad_input_is_refused() -> None:
    estimator = LearnedValueEstimator(4, 2)
    for bad in ([1.0, 2.0], [np.nan] * 4):
        with pytest.raises(ValueError, match="embedding"):
            estimator.estimate(bad)
    with pytest.raises(ValueError, match="td_error"):
        estimator.update(np.ones(4), np.inf)
    with pytest.raises(ValueError, match="dimensions"):
        LearnedValueEstimator(0)
    with pytest.raises(ValueError, match="decays"):
        LearnedValueEstimator(4, trace_decay=1.0)
    assert estimator.estimate(np.ones(4)) == 0.5
