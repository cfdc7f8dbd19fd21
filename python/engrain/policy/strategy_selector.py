"""How to answer: strategies, and a net that chooses among them and logs its propensity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, ShapeError, UnknownIdError
from engrain.policy.nets import mode, reset, zero
from engrain.policy.situation_encoder import as_rows


@dataclass(frozen=True, slots=True)
class Strategy:
    """A way of answering, and the instruction that asks a model for it."""

    id: str
    instruction: str


GENERIC: Final = (
    Strategy("quick_answer", "Answer in one or two sentences."),
    Strategy("step_by_step", "Work through the task in numbered steps."),
    Strategy("deep_dive", "Explain thoroughly, with background and consequences."),
    Strategy("clarify", "Ask the question whose answer would help most before answering."),
    Strategy("example_first", "Begin with a worked example and generalise from it."),
    Strategy("compare_options", "Lay out the alternatives with their costs, then recommend one."),
    Strategy("code_only", "Answer with code and nothing else."),
    Strategy("teach", "Lead the user to the answer by explaining the ideas behind it."),
    Strategy("summarize", "Condense what is known to its essentials."),
    Strategy("hedge", "Answer, say what is uncertain, and how it could be checked."),
)


class StrategyRegistry:
    """The strategies to choose from, in a fixed order.

    Parameters
    ----------
    strategies : iterable of Strategy or str
        A str is a strategy without an instruction. Default: ten generic ones.

    Raises
    ------
    ConfigError
        None, or two of one id.
    """

    def __init__(self, strategies: Iterable[Strategy | str] = GENERIC) -> None:
        self._held = tuple(s if isinstance(s, Strategy) else Strategy(s, "") for s in strategies)
        self._index = {strategy.id: i for i, strategy in enumerate(self._held)}
        if not self._held or len(self._index) < len(self._held):
            raise ConfigError(f"expected different strategies, got {[s.id for s in self._held]}")

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Strategy]:
        return iter(self._held)

    def __getitem__(self, index: int) -> Strategy:
        return self._held[index]

    def index(self, strategy_id: str) -> int:
        """Return the place of a strategy.

        Raises
        ------
        UnknownIdError
            It is not registered.
        """
        if strategy_id not in self._index:
            raise UnknownIdError(strategy_id)
        return self._index[strategy_id]


class Selection(NamedTuple):
    """A chosen strategy.

    Attributes
    ----------
    strategy_id : str
    place : int
        In the registry.
    propensity : float
        Probability with which it was chosen; log it for off-policy evaluation.
    probabilities : ndarray of float64, shape (strategies,)
    """

    strategy_id: str
    place: int
    propensity: float
    probabilities: F64Array


class StrategySelector(nn.Module):
    """A softmax policy over strategies, mixed with uniform exploration.

    ``p = (1 - e) softmax(f(s) / T) + e / K`` with one hidden layer f whose last layer starts at
    zero: before any feedback all strategies are equally likely.

    Parameters
    ----------
    situation_dim, num_strategies, hidden_dim : int
    exploration_rate : float
        e, in [0, 1].
    temperature : float
        T.
    seed : int
        Of the start and of the choices.
    """

    def __init__(
        self,
        situation_dim: int = 384,
        num_strategies: int = len(GENERIC),
        hidden_dim: int = 128,
        exploration_rate: float = 0.1,
        temperature: float = 1.0,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= exploration_rate <= 1 or temperature <= 0 or num_strategies < 1:
            raise ConfigError(
                "expected an exploration_rate in [0, 1], a positive temperature and a strategy, "
                f"got {exploration_rate}, {temperature}, {num_strategies}"
            )
        self.situation_dim, self.num_strategies = situation_dim, num_strategies
        self.exploration_rate, self.temperature = exploration_rate, temperature
        self.net = nn.Sequential(
            nn.Linear(situation_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, num_strategies)
        )
        reset(self, seed)
        zero(self.net[-1])
        self._rng = np.random.default_rng(seed)
        self.eval()

    def forward(self, situation: Tensor) -> Tensor:
        """Return logits with gradients, shape (..., num_strategies)."""
        logits: Tensor = self.net(situation) / self.temperature
        return logits

    def log_policy(self, situation: Tensor) -> Tensor:
        """Return the log-probabilities with which `select` explores, with gradients."""
        greedy = torch.softmax(self(situation), dim=-1)
        return torch.log(
            (1 - self.exploration_rate) * greedy + self.exploration_rate / self.num_strategies
        )

    @torch.no_grad()
    def probabilities(self, situation: Any) -> F64Array:
        """Return the probability of each strategy in one situation, shape (num_strategies,)."""
        row = as_rows(situation, self.situation_dim, "situation")
        with mode(False, self):
            chances = self.log_policy(row).double().exp().numpy()
        total: F64Array = chances / chances.sum()
        return total

    def select(self, situation: Any, registry: StrategyRegistry, explore: bool = True) -> Selection:
        """Choose a strategy.

        Parameters
        ----------
        situation : array_like, shape (situation_dim,)
        registry : StrategyRegistry
        explore : bool
            Draw from the policy; else take the most likely, whose propensity is then 1.

        Raises
        ------
        ShapeError
            The registry holds another number of strategies.
        """
        if len(registry) != self.num_strategies:
            raise ShapeError(
                f"registry: expected {self.num_strategies} strategies, got {len(registry)}"
            )
        chances = self.probabilities(situation)
        if explore:
            index = int(np.searchsorted(np.cumsum(chances), self._rng.random(), side="right"))
            index = min(index, len(chances) - 1)
        else:
            index = int(np.argmax(chances))
        propensity = float(chances[index]) if explore else 1.0
        return Selection(registry[index].id, index, propensity, chances)
