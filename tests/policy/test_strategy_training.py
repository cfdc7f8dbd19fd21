from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.policy.strategy_component import StrategyComponent
from engrain.policy.strategy_training import StrategyTraining
from tests.policy.test_gate import unit
from tests.policy.test_strategy_component import DIM, NAMES, opened

pytestmark = pytest.mark.usefixtures("one_thread")


def live(memory: Memory, strategy: StrategyComponent, seed: int, n: int) -> float:
    """Answer n questions: what suits depends on a product, which no linear bandit can see."""
    right = 0
    for x in unit(seed, n, DIM):
        choice = strategy.choose(x)
        won = NAMES[int(x[0] * x[1] > 0)] == choice.strategy_id
        strategy.reward(memory, x, choice, float(won))
        right += won
    return right / n


def test_a_net_is_offered_by_the_log_promoted_by_what_it_earns_and_replays(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        training = StrategyTraining(memory, strategy)
        live(memory, strategy, 1, 100)
        assert not training.run_once().offered
        before = live(memory, strategy, 2, 2400)
        report = training.run_once()
        assert report.offered
        assert report.net > report.earned
        assert strategy.active == "bandit"
        live(memory, strategy, 3, 600)
        assert strategy.active == "net"
        assert live(memory, strategy, 4, 200) > before + 0.1
        chances, state = strategy.probabilities(unit(9, DIM)), memory.state_hash
    again = StrategyComponent(NAMES)
    with opened(tmp_path / "m.db", again) as memory:
        assert memory.state_hash == state
        assert again.active == "net"
        np.testing.assert_array_equal(again.probabilities(unit(9, DIM)), chances)
        assert again.net is not None
        again.net._held["out_weight"] *= -1
        live(memory, again, 5, 300)
        assert again.active == "bandit"


def test_trainings_between_rewards_neither_undo_a_proof_nor_a_place(tmp_path: Path) -> None:
    strategy, earned, active = StrategyComponent(NAMES), [], []
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        training = StrategyTraining(memory, strategy, epochs=25)
        for seed in range(14):
            active.append(strategy.active)
            earned.append(live(memory, strategy, seed, 250))
            training.run_once()
    since = active.index("net")
    assert active == ["bandit"] * since + ["net"] * (14 - since)
    assert np.mean(earned[since:]) > np.mean(earned[:since]) + 0.2


def test_on_what_a_linear_bandit_sees_no_net_is_promoted(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    weights = np.random.default_rng(3).standard_normal((3, DIM)).astype(np.float32)
    noise = np.random.default_rng(4)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        training = StrategyTraining(memory, strategy)
        for number, x in enumerate(unit(2, 2000, DIM)):
            choice = strategy.choose(x)
            mean = float(weights[NAMES.index(choice.strategy_id)] @ x)
            strategy.reward(memory, x, choice, mean + 0.3 * noise.standard_normal())
            if number % 500 == 499:
                training.run_once()
        assert strategy.active == "bandit"
        assert training.last_report is not None
        assert training.last_report.gain < 0.02


def test_nets_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    net = {
        "hidden_weight": np.zeros((2, DIM), np.float32),
        "hidden_bias": np.zeros(2, np.float32),
        "out_weight": np.zeros((3, 2), np.float32),
        "out_bias": np.full(3, np.nan, np.float32),
        "settings": np.array([0.1, 1.0], np.float32),
    }
    with pytest.raises(ConfigError, match="after the first reward"):
        strategy.adopt(net)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        live(memory, strategy, 1, 3)
        before = strategy.probabilities(unit(2, DIM))
        with pytest.raises(NonFiniteError):
            strategy.adopt(net)
        np.testing.assert_array_equal(strategy.probabilities(unit(2, DIM)), before)
        with pytest.raises(ConfigError):
            StrategyTraining(memory, strategy, lr=0.0)
