from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from scipy.stats import chisquare

from engrain import Memory
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, UnknownIdError
from engrain.base.protocols import Adopter, Component
from engrain.policy.bandits import Choice, StrategyBandit
from engrain.policy.strategy_component import StrategyComponent
from tests.policy.test_gate import unit

DIM, NAMES = 16, ("quick_answer", "clarify", "deep_dive")


def opened(path: Path, strategy: StrategyComponent) -> Memory:
    return Memory(path, dim=DIM, components=[strategy], clock=SimulatedClock(1e9), prior="base")


def live(memory: Memory, strategy: StrategyComponent, seed: int, n: int) -> float:
    """Answer n questions, each of which one strategy suits; return the share that were right."""
    right = 0
    for x in unit(seed, n, DIM):
        choice = strategy.choose(x)
        won = NAMES[int(np.argmax(x[:3]))] == choice.strategy_id
        strategy.reward(memory, x, choice, float(won))
        right += won
    return right / n


def test_before_any_reward_choices_are_even() -> None:
    strategy = StrategyComponent(NAMES)
    assert isinstance(strategy, Component)
    assert isinstance(strategy, Adopter)
    found = Counter(strategy.choose(unit(1, DIM)) for _ in range(10_000))
    assert [choice.propensity for choice in found] == pytest.approx([1 / 3] * 3)
    assert chisquare(list(found.values())).pvalue > 0.01
    assert strategy.state() == {}


@pytest.mark.parametrize("rule", ["thompson", "ucb"])
def test_it_chooses_what_its_bandit_would_choose_outside(
    tmp_path: Path, rule: Literal["thompson", "ucb"]
) -> None:
    made = partial(StrategyBandit, rule=rule, baseline=True)
    alone, strategy = made(NAMES, DIM, seed=7), StrategyComponent(NAMES, made, seed=7)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        for x in unit(2, 200, DIM):
            choice = strategy.choose(x)
            assert choice == alone.choose(x)
            won = float(NAMES[int(np.argmax(x[:3]))] == choice.strategy_id)
            alone.learn(x, choice.strategy_id, won)
            strategy.reward(memory, x, choice, won)


def test_what_was_rolled_back_no_longer_teaches(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        before = memory.stats()["log"]["events"]
        live(memory, strategy, 1, 30)
        after = memory.stats()["log"]["events"]
        live(memory, strategy, 2, 20)
        memory.rollback(after)
        taught = [lesson.situation.tolist() for lesson in strategy.lessons()]
        assert taught == unit(1, 30, DIM).tolist()
        memory.rollback(before)
        assert strategy.lessons() == []
        assert strategy.state() == {}
        assert strategy.probabilities(unit(9, DIM)).tolist() == [1 / 3] * 3


def test_situations_may_change_their_width_until_the_first_reward(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    strategy.choose(unit(1, 5))
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        live(memory, strategy, 1, 3)
        with pytest.raises(ShapeError):
            strategy.choose(unit(1, 5))


def test_a_memory_learns_how_to_answer_and_keeps_it(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=unit(1, DIM))
        assert live(memory, strategy, 1, 600) < live(memory, strategy, 2, 400)
        assert live(memory, strategy, 3, 300) > 0.8
        assert strategy.bandit is not None
        chances = strategy.bandit.probabilities(unit(9, DIM))
        before, seq = memory.state_hash, memory.stats()["log"]["events"]
    again = StrategyComponent(NAMES)
    with opened(tmp_path / "m.db", again) as memory:
        assert memory.state_hash == before
        assert again.bandit is not None
        np.testing.assert_array_equal(again.bandit.probabilities(unit(9, DIM)), chances)
        live(memory, again, 4, 50)
        memory.rollback(seq)
        np.testing.assert_array_equal(again.bandit.probabilities(unit(9, DIM)), chances)


def test_bad_rewards_are_refused_and_not_logged(tmp_path: Path) -> None:
    strategy = StrategyComponent(NAMES)
    x, choice = unit(1, DIM), Choice("clarify", 0.5)
    with opened(tmp_path / "m.db", strategy) as memory:
        memory.remember("a fact", vector=x)
        strategy.reward(memory, x, choice, 1.0)
        before = memory.state_hash
        with pytest.raises(UnknownIdError):
            strategy.reward(memory, x, Choice("sing", 0.5), 1.0)
        with pytest.raises(ConfigError):
            strategy.reward(memory, x, Choice("clarify", 0.0), 1.0)
        with pytest.raises(ShapeError):
            strategy.reward(memory, x[1:], choice, 1.0)
        with pytest.raises(NonFiniteError):
            strategy.reward(memory, x, choice, float("nan"))
        assert memory.state_hash == before
    with pytest.raises(ConfigError):
        StrategyComponent([])


def test_it_ranks_nothing(tmp_path: Path) -> None:
    found = []
    for name, components in (("with.db", [StrategyComponent(NAMES)]), ("without.db", [])):
        with Memory(tmp_path / name, dim=DIM, components=components) as memory:
            memory.remember_many([{"vector": v, "id": n} for n, v in enumerate(unit(3, 40, DIM))])
            hits = memory.recall(vector=unit(5, DIM), k=10, log=False)
            found.append([(hit.id, hit.score) for hit in hits])
    assert found[0] == found[1]
