"""A memory that also chooses how to answer: strategies learned beside what they draw on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array, I64Array, NamedArrays
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, UnknownIdError
from engrain.base.protocols import Query, Record, Trace
from engrain.memory import Memory
from engrain.policy.bandits import Choice, StrategyBandit
from engrain.policy.promotion import Promotion
from engrain.policy.strategy_net import ARRAYS, StrategyNet
from engrain.storage import Receipt

RECENT = 4096
ALPHA = 0.01  # equal policies change places once in 100 rewards at most
HEAVIEST = 4.0  # of the importance weights by which policies are compared


class StrategyLesson(NamedTuple):
    """What a strategy brought: where, which, with what probability it was chosen, how much."""

    situation: F32Array
    arm: int
    propensity: float
    reward: float


class StrategyComponent:
    """Strategies as a part of a memory: ``Memory(components=[StrategyComponent([...])])``.

    `choose` draws a strategy with the probability that it is the best; `reward` puts what came of
    it, with that probability, into the memory's log. So what was learned is in the memory's
    snapshots, replays and is rolled back with it, and `evaluate_policy` can value other policies
    from the log. A net trained in the background comes in through `adopt` (see `StrategyTraining`)
    and chooses in the bandit's place once it would have earned more from rewards that neither had
    learned from, by the rule of `Promotion`; it leaves when it no longer does. Ranks nothing.
    Implements `Component` and `Adopter`.

    Parameters
    ----------
    strategies : sequence of str
    made : callable
        Returns the bandit for strategies, the width of situations and ``seed=``, such as
        ``partial(StrategyBandit, rule="ucb")``. It chooses and learns as it would by itself.
    seed : int
        Of the choices.

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
        made: Callable[..., StrategyBandit] = StrategyBandit,
        *,
        seed: int = 0,
    ) -> None:
        self.strategies, self._made = tuple(strategies), partial(made, seed=seed)
        self._made(self.strategies, 1)
        self._rng = np.random.Generator(np.random.Philox(seed))
        self.bandit: StrategyBandit | None = None
        self.net: StrategyNet | None = None
        self._ladder = _ladder()
        self._earned = np.zeros(2)  # number of rewards, their sum
        self._recent: deque[StrategyLesson] = deque(maxlen=RECENT)
        self.lessons_taken = 0

    @property
    def active(self) -> str:
        """What chooses: "bandit" or "net"."""
        return "bandit" if self.net is None else self._ladder.active

    def probabilities(self, situation: F32Array) -> F64Array:
        """Return the probability of each strategy; all alike as long as nothing was learned.

        Raises
        ------
        ShapeError, NonFiniteError, TypeError
            Bad input.
        """
        if self.bandit is None or not self._earned[0]:
            return np.full(len(self.strategies), 1.0 / len(self.strategies))
        chooser = self.bandit if self.net is None or self.active == "bandit" else self.net
        chances = chooser.probabilities(situation).astype(np.float64)
        exact: F64Array = chances / chances.sum()
        return exact

    def choose(self, situation: F32Array) -> Choice:
        """Choose a strategy for a situation, shape (dim,); evenly as long as nothing was learned.

        Raises
        ------
        ShapeError, NonFiniteError, TypeError
            Bad input.
        """
        if self.active == "bandit":
            return self._bandit(len(situation)).choose(situation)
        chances = self.probabilities(situation)
        arm = int(self._rng.choice(len(chances), p=chances))
        return Choice(self.strategies[arm], float(chances[arm]))

    def _bandit(self, dim: int) -> StrategyBandit:
        """Return the bandit; as long as nothing was learned, one for situations of this width."""
        bandit = self.bandit
        if bandit is None or (not self._earned[0] and bandit.bandit.dim != dim):
            bandit = self.bandit = self._made(self.strategies, dim)
        return bandit

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
        if self.bandit is not None and self._earned[0]:
            dim = self.bandit.bandit.dim
        if situation.ndim != 1 or dim not in (None, len(situation)):
            raise ShapeError(f"situation: expected shape ({dim or 'dim'},), got {situation.shape}")
        if not np.isfinite(situation).all() or not np.isfinite(found["reward"]):
            raise NonFiniteError("situation, reward: contain NaN or infinity")
        if not 0.0 < float(found["propensity"]) <= 1.0:
            raise ConfigError(f"propensity: expected in (0, 1], got {found['propensity']!r}")

    def adopt(self, found: Mapping[str, npt.NDArray[Any]]) -> None:
        """Learn what `reward` logged, or take a trained net over.

        A net has to prove itself, unless the one that it replaces stands proven: then it takes its
        place, with what speaks against that one.

        Raises
        ------
        ConfigError
            A net before the first reward.
        ShapeError, NonFiniteError
            It does not fit; nothing was changed.
        """
        if "reward" in found:
            self._check(found)
            situation = np.array(found["situation"], np.float32)
            arm, reward = int(found["arm"]), float(found["reward"])
            self._learn(StrategyLesson(situation, arm, float(found["propensity"]), reward))
        elif self.bandit is None or not self._earned[0]:
            raise ConfigError("strategy: a net is adopted after the first reward, there was none")
        else:
            self.net = StrategyNet(found, self.bandit.bandit.dim, len(self.strategies))
            if self.active == "bandit":
                self._ladder = _ladder()

    def _learn(self, lesson: StrategyLesson) -> None:
        bandit = self._bandit(len(lesson.situation))
        if self.net is not None:
            self._compare(bandit, self.net, lesson)
        bandit.learn(lesson.situation, self.strategies[lesson.arm], lesson.reward)
        self._earned += (1.0, lesson.reward)
        self._recent.append(lesson)
        self.lessons_taken += 1

    def _compare(self, bandit: StrategyBandit, net: StrategyNet, lesson: StrategyLesson) -> None:
        """Weigh what a reward says of both policies by how much likelier each makes its choice.

        Weights average 1 whatever is subtracted from the rewards: their mean keeps the noise low.
        """
        excess = lesson.reward - self._earned[1] / max(self._earned[0], 1.0)
        chances = {"bandit": bandit.probabilities(lesson.situation)[lesson.arm]}
        chances["net"] = net.probabilities(lesson.situation)[lesson.arm]
        self._ladder.observe(
            {
                rung: -excess * min(float(chance) / lesson.propensity, HEAVIEST)
                for rung, chance in chances.items()
            }
        )

    def lessons(self) -> list[StrategyLesson]:
        """Return what was learned from since the state was loaded, at most the latest 4,096."""
        return list(self._recent)

    def remember(self, record: Record) -> None:
        """Do nothing: strategies are about situations."""

    def forget(self, handle: int) -> None:
        """Do nothing."""

    def score(self, query: Query, handles: I64Array, out: F32Array) -> None:
        """Leave the ranking as it is."""

    def learn(self, trace: Trace, outcomes: F32Array) -> None:
        """Do nothing: what a recall showed says nothing about the strategy."""

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays; empty before the first reward."""
        if self.bandit is None or not self._earned[0]:
            return {}
        held = {"dim": np.array([self.bandit.bandit.dim]), "earned": self._earned.copy()}
        held |= self.bandit.state()
        del held["random"]  # choices that nobody rewarded are not in the log
        if self.net is not None:
            held |= {f"net/{name}": array for name, array in self.net.state().items()}
            held |= {f"ladder/{name}": array for name, array in self._ladder.state().items()}
        return held

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self.net, self._ladder = None, _ladder()
        self._earned = np.zeros(2)
        self._recent.clear()
        if not state:
            self.bandit = None
            return
        dim = int(state["dim"][0])
        bandit = self._bandit(dim)
        held = {key: array for key, array in state.items() if "/" not in key}
        bandit.load(held | {"random": bandit.state()["random"]})
        self._earned = np.array(state["earned"], np.float64)
        if "net/settings" in state:
            net = {name: state[f"net/{name}"] for name in ARRAYS}
            self.net = StrategyNet(net, dim, len(self.strategies))
            self._ladder.load({name: state[f"ladder/{name}"] for name in self._ladder.state()})


def _ladder() -> Promotion:
    return Promotion(("bandit", "net"), alpha=ALPHA, span=HEAVIEST)
