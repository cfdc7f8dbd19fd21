"""A memory that also chooses how to answer: strategies learned beside what they draw on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, UnknownIdError
from engrain.base.protocols import Query, Record, Trace
from engrain.memory import Memory
from engrain.policy.bandits import Choice, StrategyBandit
from engrain.storage import Receipt


class StrategyComponent:
    """Strategies as a part of a memory: ``Memory(components=[StrategyComponent([...])])``.

    `choose` draws a strategy with the probability that it is the best; `reward` puts what came of
    it, with that probability, into the memory's log. So what was learned is in the memory's
    snapshots, replays and is rolled back with it, and `evaluate_policy` can value other policies
    from the log. Ranks nothing. Implements `Component` and `Adopter`.

    Parameters
    ----------
    strategies : sequence of str
    rule, alpha, ridge, floor, baseline, seed
        As in `StrategyBandit`.

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    name = "strategy"
    version = 1
    kind: Literal["static", "evidence"] = "evidence"
    sign: Literal[-1, 0, 1] = 1

    def __init__(
        self,
        strategies: Sequence[str],
        *,
        rule: Literal["ucb", "thompson"] = "thompson",
        alpha: float = 0.1,
        ridge: float = 0.1,
        floor: float = 0.0,
        baseline: bool = False,
        seed: int = 0,
    ) -> None:
        self.strategies = tuple(strategies)
        self._settings: dict[str, Any] = {
            "rule": rule,
            "alpha": alpha,
            "ridge": ridge,
            "floor": floor,
            "baseline": baseline,
        }
        self._rng = np.random.Generator(np.random.Philox(seed))
        self._made(1)
        self.bandit: StrategyBandit | None = None

    def _made(self, dim: int) -> StrategyBandit:
        return StrategyBandit(self.strategies, dim, **self._settings)

    def choose(self, situation: F32Array) -> Choice:
        """Choose a strategy for a situation, shape (dim,); evenly as long as nothing was learned.

        Raises
        ------
        ShapeError, NonFiniteError, TypeError
            Bad input.
        """
        if self.bandit is None:
            chances = np.full(len(self.strategies), 1.0 / len(self.strategies))
        else:
            chances = self.bandit.probabilities(situation).astype(np.float64)
        arm = int(self._rng.choice(len(chances), p=chances / chances.sum()))
        return Choice(self.strategies[arm], float(chances[arm] / chances.sum()))

    def reward(self, memory: Memory, situation: F32Array, choice: Choice, reward: float) -> Receipt:
        """Log and learn what a chosen strategy brought.

        Parameters
        ----------
        memory : Memory
            The one that this component hangs into.
        situation : ndarray of float32, shape (dim,)
            As it was chosen for.
        choice : Choice
        reward : float

        Raises
        ------
        UnknownIdError
            No such strategy.
        ShapeError, NonFiniteError, ConfigError
            Bad input; nothing was logged.
        """
        if choice.strategy_id not in self.strategies:
            raise UnknownIdError(choice.strategy_id, "these strategies")
        found = {
            "situation": np.asarray(situation, np.float32),
            "arm": np.array(self.strategies.index(choice.strategy_id)),
            "propensity": np.array(choice.propensity),
            "reward": np.array(reward, np.float64),
        }
        self._check(found)
        return memory.adopt(self.name, found)

    def _check(self, found: Mapping[str, npt.NDArray[Any]]) -> None:
        situation, dim = found["situation"], None
        if self.bandit is not None:
            dim = self.bandit.bandit.dim
        if situation.ndim != 1 or dim not in (None, len(situation)):
            raise ShapeError(f"situation: expected shape ({dim or 'dim'},), got {situation.shape}")
        if not np.isfinite(situation).all() or not np.isfinite(found["reward"]):
            raise NonFiniteError("situation, reward: contain NaN or infinity")
        if not 0.0 < float(found["propensity"]) <= 1.0:
            raise ConfigError(f"propensity: expected in (0, 1], got {found['propensity']!r}")

    def adopt(self, found: Mapping[str, npt.NDArray[Any]]) -> None:
        """Learn what `reward` logged."""
        self._check(found)
        situation = np.array(found["situation"], np.float32)
        if self.bandit is None:
            self.bandit = self._made(len(situation))
        strategy = self.strategies[int(found["arm"])]
        self.bandit.learn(situation, strategy, float(found["reward"]))

    def remember(self, record: Record) -> None:
        """Do nothing: strategies are about situations."""

    def forget(self, handle: int) -> None:
        """Do nothing."""

    def score(self, query: Query, handles: I64Array, out: F32Array) -> None:
        """Leave the ranking as it is."""

    def learn(self, trace: Trace, outcomes: F32Array) -> None:
        """Do nothing: what a recall showed says nothing about the strategy."""

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return the whole learned state as named arrays; empty before the first reward."""
        if self.bandit is None:
            return {}
        return {"dim": np.array([self.bandit.bandit.dim])} | self.bandit.state()

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        if not state:
            self.bandit = None
            return
        self.bandit = self._made(int(state["dim"][0]))
        self.bandit.load({key: array for key, array in state.items() if key != "dim"})
