"""Which strategy to take: linear bandits whose choices come with their exact probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, UnknownIdError
from engrain.kernels import LinearBandit

__all__ = ["Choice", "LinThompson", "LinUCB", "LinearBandit", "StrategyBandit"]


class _RuleBandit(LinearBandit):
    """A linear bandit that takes its rule from its class."""

    _rule: ClassVar[Literal["thompson", "ucb"]]

    def __init__(
        self,
        dim: int,
        arms: int,
        *,
        alpha: float = 0.1,
        ridge: float = 0.1,
        floor: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(
            dim, arms, rule=self._rule, alpha=alpha, ridge=ridge, floor=floor, seed=seed
        )


class LinUCB(_RuleBandit):
    """Takes the arm with the largest ``theta . x + alpha sqrt(x' A^-1 x)`` (Li et al. 2010).

    Ties are drawn evenly; with `floor` the propensity of every arm is at least ``floor / arms``.

    Parameters
    ----------
    dim, arms : int
    alpha : float
        Width of the bounds.
    ridge : float
        A starts at ``ridge * I``.
    floor : float
        Share of choices drawn evenly from all arms.
    seed : int
    """

    _rule = "ucb"


class LinThompson(_RuleBandit):
    """Takes each arm with the probability that it is the best, as its ridge regression believes.

    That probability is computed, not sampled (Gauss-Hermite quadrature over independent normal
    means with deviation ``alpha sqrt(x' A^-1 x)``), and the arm is drawn from it: what is logged is
    exactly what was played (Agrawal & Goyal 2013; Dudik et al. 2014 for what it serves).

    Parameters
    ----------
    dim, arms, alpha, ridge, floor, seed
        As in `LinUCB`.
    """

    _rule = "thompson"


class Choice(NamedTuple):
    """A strategy and the probability with which it was chosen; log both."""

    strategy_id: str
    propensity: float


class StrategyBandit:
    """Strategies by name over a linear bandit, the default learner of a request.

    Parameters
    ----------
    strategies : sequence of str
    dim : int
        Width of the situation.
    rule : {"thompson", "ucb"}
    alpha, ridge, floor, seed
        As in `LinUCB`.
    baseline : bool
        Learn from rewards minus what a regression on the situation expects whatever the strategy:
        lowers the noise where situations differ in difficulty more than strategies differ in worth.

    Raises
    ------
    ConfigError
        No strategies, two of one name, or a setting out of its range.
    """

    def __init__(
        self,
        strategies: Sequence[str],
        dim: int,
        *,
        rule: Literal["ucb", "thompson"] = "thompson",
        alpha: float = 0.1,
        ridge: float = 0.1,
        floor: float = 0.0,
        baseline: bool = False,
        seed: int = 0,
    ) -> None:
        self.strategies = tuple(strategies)
        self._arms = {name: arm for arm, name in enumerate(self.strategies)}
        if not self.strategies or len(self._arms) < len(self.strategies):
            raise ConfigError(f"strategies: expected different names, got {self.strategies}")
        self.bandit = LinearBandit(
            dim, len(self._arms), rule=rule, alpha=alpha, ridge=ridge, floor=floor, seed=seed
        )
        self._expected = LinearBandit(dim, 1, ridge=max(ridge, 1.0)) if baseline else None

    def choose(self, situation: F32Array) -> Choice:
        """Choose a strategy for a situation, shape (dim,)."""
        arm, propensity = self.bandit.choose(situation)
        return Choice(self.strategies[arm], propensity)

    def probabilities(self, situation: F32Array) -> F32Array:
        """Return the probability of each strategy, shape (strategies,)."""
        return self.bandit.probabilities(situation)

    def learn(self, situation: F32Array, strategy_id: str, reward: float) -> None:
        """Learn what a strategy brought in a situation; wins and losses both teach.

        Raises
        ------
        UnknownIdError
            No such strategy.
        NonFiniteError, ShapeError, TypeError
            Bad input; nothing was changed.
        """
        arm = self._arms.get(strategy_id)
        if arm is None:
            raise UnknownIdError(strategy_id, "this bandit")
        if self._expected is None:
            self.bandit.learn(situation, arm, reward)
            return
        ((mean,), _) = self._expected.score(situation)
        self.bandit.learn(situation, arm, reward - float(mean))
        self._expected.learn(situation, 0, reward)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return copies of everything learned as named arrays."""
        held = self.bandit.state()
        if self._expected is not None:
            held |= {f"expected_{name}": array for name, array in self._expected.state().items()}
        return held

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state` under the same settings."""
        if self._expected is not None:
            names = self._expected.state()
            self._expected.load({name: np.asarray(state[f"expected_{name}"]) for name in names})
        self.bandit.load(state)
