from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engrain.base.errors import NonFiniteError, ShapeError
from engrain.policy.strategy_net import ARRAYS, StrategyNet
from tests.strategies import normal


def arrays(dim: int = 5, hidden: int = 7, strategies: int = 3) -> dict[str, Any]:
    return {
        "hidden_weight": normal(1, hidden, dim),
        "hidden_bias": normal(2, hidden),
        "out_weight": normal(3, strategies, hidden),
        "out_bias": normal(4, strategies),
        "settings": np.array([0.1, 0.5], np.float32),
    }


def test_it_chooses_as_the_net_that_it_came_from() -> None:
    import torch

    from engrain.policy.strategy_selector import StrategySelector

    selector = StrategySelector(5, 3, 7, exploration_rate=0.1, temperature=0.5)
    held = arrays()
    with torch.no_grad():
        for parameter, name in zip(selector.parameters(), ARRAYS, strict=False):
            parameter.copy_(torch.from_numpy(held[name]))
    net = StrategyNet(held, 5, 3)
    for x in normal(9, 20, 5):
        np.testing.assert_allclose(net.probabilities(x), selector.probabilities(x), atol=1e-6)


def test_its_state_makes_it_again() -> None:
    net = StrategyNet(arrays(), 5, 3)
    again = StrategyNet(net.state(), 5, 3)
    x = normal(9, 5)
    assert again.probabilities(x).tobytes() == net.probabilities(x).tobytes()
    assert net.probabilities(x).sum() == pytest.approx(1.0)
    assert net.probabilities(x).min() >= 0.1 / 3 - 1e-9


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError):
        StrategyNet(arrays(), 4, 3)
    with pytest.raises(ShapeError):
        StrategyNet(arrays(), 5, 2)
    with pytest.raises(NonFiniteError):
        StrategyNet(arrays() | {"out_bias": np.full(3, np.nan, np.float32)}, 5, 3)
