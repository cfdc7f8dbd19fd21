"""Training of a net behind a memory's strategies: it is offered by the log, and proven there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engrain.policy.net_training import NetTraining, split_held_out
from engrain.policy.nets import fit_until_worse
from engrain.policy.strategy_component import HEAVIEST, StrategyComponent, StrategyLesson
from engrain.policy.strategy_selector import StrategySelector

LEAST = 200  # rewards
PATIENCE = 8
TEMPERATURE = 0.05  # a strategy worth .05 more is taken e times as often
EXPLORED = 0.05


class StrategyReport(NamedTuple):
    """What a training did: rewards, their held-out mean, the net's estimated one, if offered."""

    rewards: int
    earned: float
    net: float
    offered: bool


class _Rewards(NamedTuple):
    situations: Tensor
    arms: Tensor
    propensities: Tensor
    rewards: Tensor


class StrategyTraining(NetTraining[StrategyComponent]):
    """Trains a `StrategySelector` on what a memory's strategies brought.

    The net learns how much each strategy brings, by squared error on the one that was chosen. The
    oldest four fifths of the rewards teach, the newest fifth stops the training in time; a net that
    would have earned more there, by a doubly robust estimate (Dudik et al. 2014), is handed to the
    component by `Memory.adopt`, which logs it, and has to beat the bandit there.

    Parameters and errors are those of `NetTraining`.
    """

    EVERY = 500
    last_report: StrategyReport | None = None

    def run_once(self) -> StrategyReport:
        """Train once on the rewards at hand, and offer the net where it pays."""
        lessons = self.component.lessons()
        if len(lessons) < LEAST:
            return StrategyReport(len(lessons), float("nan"), float("nan"), offered=False)
        train, test = map(_joined, split_held_out(lessons))
        net = StrategySelector(
            train.situations.shape[1],
            len(self.component.strategies),
            exploration_rate=EXPLORED,
            temperature=TEMPERATURE,
            seed=self.seed,
        )
        fit_until_worse(
            net, partial(_squared_error, net), train, test,
            lr=self.lr, epochs=self.epochs, patience=PATIENCE, seed=self.seed,
        )  # fmt: skip
        earned, value = float(test.rewards.mean()), _value(net, test)
        if value > earned:
            self.memory.adopt(self.component.name, _arrays(net))
        self.last_report = StrategyReport(len(lessons), earned, value, value > earned)
        return self.last_report


def _joined(lessons: Sequence[StrategyLesson]) -> _Rewards:
    situations, arms, propensities, rewards = zip(*lessons, strict=True)
    return _Rewards(
        torch.from_numpy(np.stack(situations)),
        torch.tensor(arms),
        torch.tensor(propensities, dtype=torch.float32),
        torch.tensor(rewards, dtype=torch.float32),
    )


def _squared_error(net: StrategySelector, told: _Rewards) -> Tensor:
    expected: Tensor = net.net(told.situations).gather(1, told.arms[:, None]).squeeze(1)
    return ((expected - told.rewards) ** 2).mean()


@torch.no_grad()
def _value(net: StrategySelector, told: _Rewards) -> float:
    """Return the doubly robust estimate of what the net would have earned."""
    expected, policy = net.net(told.situations), net.log_policy(told.situations).exp()
    taken, known = (part.gather(1, told.arms[:, None]).squeeze(1) for part in (policy, expected))
    weight = (taken / told.propensities).clamp_max(HEAVIEST)
    return float(((policy * expected).sum(1) + weight * (told.rewards - known)).mean())


def _arrays(net: StrategySelector) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    held = {name: part.numpy().copy() for name, part in net.state_dict().items()}
    return {
        "hidden_weight": held["net.0.weight"],
        "hidden_bias": held["net.0.bias"],
        "out_weight": held["net.2.weight"],
        "out_bias": held["net.2.bias"],
        "settings": np.array([EXPLORED, TEMPERATURE], np.float32),
    }
