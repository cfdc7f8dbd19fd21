from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engrain.learning.replay import PrioritizedReplayBuffer


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_draws_follow_the_priorities(alpha: float) -> None:
    rng = np.random.default_rng(0)
    priorities = rng.random(20) * 5 + 0.05
    buffer = PrioritizedReplayBuffer[int](32, alpha=alpha, seed=1)
    for i, priority in enumerate(priorities):
        buffer.add(i, float(priority))
    drawn = np.concatenate([buffer.sample(1)[0] for _ in range(20_000)])
    expected = priorities**alpha / (priorities**alpha).sum() * len(drawn)
    assert stats.chisquare(np.bincount(drawn, minlength=20), expected).pvalue > 0.01


def test_weighted_means_are_unbiased() -> None:
    rng = np.random.default_rng(1)
    values, priorities = rng.random(50), rng.random(50) + 0.01
    buffer = PrioritizedReplayBuffer[float](50, alpha=1.0, beta=1.0, seed=2)
    for value, priority in zip(values, priorities, strict=True):
        buffer.add(float(value), float(priority))
    total = weight = 0.0
    for _ in range(400):
        indices, items, _ = buffer.sample(100)
        own = 1.0 / priorities[indices]
        total, weight = total + float(own @ items), weight + float(own.sum())
    assert total / weight == pytest.approx(values.mean(), abs=0.02)
    _, _, weights = buffer.sample(100)
    assert weights.max() == pytest.approx(1.0)


def test_the_newest_replace_the_oldest_at_the_cap() -> None:
    buffer = PrioritizedReplayBuffer[int](8)
    for i in range(20):
        buffer.add(i)
    assert len(buffer) == 8
    assert set(buffer.sample(200)[1]) == set(range(12, 20))
    buffer.update_priorities(np.arange(8), np.array([1, 0, 0, 0, 0, 0, 0, 0], np.float32))
    assert set(buffer.sample(50)[1]) == {16}


def test_an_empty_buffer_and_a_bad_beta_are_refused() -> None:
    with pytest.raises(ValueError, match="priority"):
        PrioritizedReplayBuffer[int](4).sample(1)
    with pytest.raises(ValueError, match="beta"):
        PrioritizedReplayBuffer[int](4, beta=2.0)
