from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.learning.causal_discovery import GaussianStatistics, explained_variance, shapley


@given(values=st.lists(st.floats(-10, 10), min_size=16, max_size=16))
def test_shares_add_up_and_follow_the_definition(values: list[float]) -> None:
    def value(s: tuple[int, ...]) -> float:
        return values[sum(1 << i for i in s)]

    shares = shapley([0, 1, 2, 3], value)
    assert sum(shares.values()) == pytest.approx(values[15] - values[0], abs=1e-9)
    from itertools import permutations

    orders = list(permutations(range(4)))
    for player in range(4):
        gains = [
            value(tuple(sorted((*o[: o.index(player)], player))))
            - value(tuple(sorted(o[: o.index(player)])))
            for o in orders
        ]
        assert shares[player] == pytest.approx(np.mean(gains), abs=1e-9)


def test_shares_of_independent_causes_are_their_squared_correlations() -> None:
    rng = np.random.default_rng(0)
    causes = rng.standard_normal((20_000, 3))
    target = causes @ [1.0, 0.5, 0.0] + rng.standard_normal(20_000)
    statistics = GaussianStatistics(4)
    statistics.update(np.column_stack([causes, target]))
    shares = explained_variance(statistics, 3, [0, 1, 2])
    assert shares == pytest.approx({0: 1 / 2.25, 1: 0.25 / 2.25, 2: 0.0}, abs=0.02)


def test_too_many_players_are_refused() -> None:
    with pytest.raises(ValueError, match="11 players"):
        shapley(range(11), len)
    assert shapley([], lambda s: 1.0) == {}
