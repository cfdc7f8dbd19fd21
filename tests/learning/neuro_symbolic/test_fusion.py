from __future__ import annotations

import numpy as np
import pytest

from engrain.learning.neuro_symbolic import LearnedFusion


def test_weight_moves_to_the_column_that_ranks() -> None:
    rng = np.random.default_rng(0)
    fusion = LearnedFusion(("good", "noise"))
    for _ in range(200):
        rows = rng.random((10, 2))
        fusion.update(rows, rows[:, 0] > 0.8)
    assert fusion.weights[0] > 0.9
    assert fusion.weights.sum() == pytest.approx(1.0)


def test_gradient_agrees_with_differences() -> None:
    rng = np.random.default_rng(1)
    rows, rewards = rng.random((6, 3)), rng.random(6)
    base = np.full(3, 1 / 3)

    def loss(weights: np.ndarray) -> float:
        probe = LearnedFusion("abc", learning_rate=1e-12, temperature=0.5)
        probe.weights = weights
        return probe.update(rows, rewards)

    fusion = LearnedFusion("abc", learning_rate=1e-4, temperature=0.5)
    fusion.update(rows, rewards)
    numeric = [(loss(base + d) - loss(base - d)) / 2e-5 for d in np.eye(3) * 1e-5]
    step = np.log(fusion.weights) - np.log(base)
    centred = np.array(numeric) - numeric[0]
    np.testing.assert_allclose(step - step[0], -1e-4 * centred, rtol=1e-4, atol=1e-9)


def test_silence_teaches_nothing_and_bad_input_is_refused() -> None:
    fusion = LearnedFusion(("a", "b"))
    before = fusion.weights.copy()
    assert fusion.update([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]) == 0.0
    np.testing.assert_array_equal(fusion.weights, before)
    with pytest.raises(ValueError, match="rewards"):
        fusion.update([[1.0, 0.0]], [np.nan])
    with pytest.raises(ValueError, match="features"):
        fusion.score([1.0, 0.0])
    other = LearnedFusion(("a", "b"))
    other.load({"weights": np.array([0.25, 0.75])})
    assert other.score([[1.0, 0.0]])[0] == pytest.approx(0.25)
    np.testing.assert_array_equal(other.state()["weights"], [0.25, 0.75])
