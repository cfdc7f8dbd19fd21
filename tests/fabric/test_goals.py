from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.fabric.goals import Goals


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(Goals().weights)))
def test_bias_is_bounded_and_rises_with_unmet_goals(a: float, b: float, goal: str) -> None:
    goals = Goals()
    goals.satisfy(goal, max(a, b))
    met = goals.calculate_learning_bias()
    goals.satisfy(goal, min(a, b))
    assert 0.5 <= met <= goals.calculate_learning_bias() <= 1.5


def test_the_ends_of_the_range_are_reached() -> None:
    for satisfaction, bias in ((0.0, 1.5), (1.0, 0.5)):
        goals = Goals({"one": 2.0, "two": 1.0})
        for goal in goals.weights:
            goals.satisfy(goal, satisfaction)
        assert goals.calculate_learning_bias() == pytest.approx(bias)


def test_unknown_goals_and_weights_are_refused() -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        Goals().satisfy("nowhere", 0.5)
    with pytest.raises(ConfigError):
        Goals({"a": 0.0})
