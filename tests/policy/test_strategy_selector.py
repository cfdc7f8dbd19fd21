from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from engrain.base.errors import ConfigError, ShapeError, UnknownIdError
from engrain.policy.strategy_selector import StrategyRegistry, StrategySelector
from tests.policy.small import last
from tests.strategies import normal


def test_before_feedback_all_strategies_are_drawn_alike() -> None:
    selector, registry, situation = StrategySelector(seed=3), StrategyRegistry(), normal(0, 384)
    drawn = [selector.select(situation, registry).place for _ in range(10_000)]
    assert stats.chisquare(np.bincount(drawn, minlength=len(registry))).pvalue > 0.01


def test_the_propensity_is_the_frequency_with_which_it_is_drawn() -> None:
    selector, registry = StrategySelector(8, 4, 8, seed=1), StrategyRegistry("abcd")
    torch.nn.init.normal_(
        last(selector.net).weight, std=2, generator=torch.Generator().manual_seed(1)
    )
    choices = [selector.select(normal(5, 8), registry) for _ in range(4000)]
    frequency = np.bincount([choice.place for choice in choices], minlength=4) / len(choices)
    np.testing.assert_allclose(frequency, choices[0].probabilities, atol=0.03)
    assert all(c.propensity == c.probabilities[c.place] for c in choices)
    assert choices[0].probabilities.min() >= 0.1 / 4 - 1e-9


def test_without_exploration_the_likeliest_is_taken() -> None:
    selector, registry = StrategySelector(8, 4, 8), StrategyRegistry("abcd")
    last(selector.net).bias.data[2] = 1.0
    choice = selector.select(normal(0, 8), registry, explore=False)
    assert (choice.strategy_id, choice.propensity) == ("c", 1.0)


def test_registries_hold_different_strategies() -> None:
    registry = StrategyRegistry()
    assert len(registry) == 10
    assert [s.id for s in registry][registry.index("step_by_step")] == "step_by_step"
    with pytest.raises(UnknownIdError):
        registry.index("shout")
    with pytest.raises(ConfigError, match="different"):
        StrategyRegistry(["a", "a"])
    with pytest.raises(ShapeError, match="registry"):
        StrategySelector(8, 3, 8).select(normal(0, 8), registry)
