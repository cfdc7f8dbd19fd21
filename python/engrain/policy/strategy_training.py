"""Training of a net behind a memory's strategies: it is offered by the log, and proven there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import nan
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
    """What a training did.

    Attributes
    ----------
    rewards : int
        Used, held-out ones included.
    earned : float
        Mean of the held-out ones.
    net : float
        What the new net would have earned there, estimated.
    gain, error : float
        Over what it would replace, and the standard error of that.
    offered : bool
        It was handed to the component: the gain is above its error.
    """

    rewards: int
    earned: float
    net: float
    gain: float
    error: float
    offered: bool


class _Rewards(NamedTuple):
    situations: Tensor
    arms: Tensor
    propensities: Tensor
    rewards: Tensor


class StrategyTraining(NetTraining[StrategyComponent]):
    """Trains a `StrategySelector` on what a memory's strategies brought.

    The net learns how much each strategy brings, by squared error on the one that was chosen. The
    oldest four fifths of the rewards teach, the newest fifth stops the training in time. There a
    doubly robust estimate (Dudik et al. 2014) says what the net would have earned beyond what was
    earned, or beyond what the net would have that the component holds already. One that gains more
    than the standard error is handed over by `Memory.adopt`, which logs it.

    Parameters and errors are those of `NetTraining`.
    """

    EVERY = 500
    last_report: StrategyReport | None = None

    def run_once(self) -> StrategyReport:
        """Train once on the rewards at hand, and offer the net where it pays."""
        lessons = self.component.lessons()
        if len(lessons) < LEAST:
            return StrategyReport(len(lessons), nan, nan, nan, nan, offered=False)
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
        with torch.no_grad():
            value, gain = self._gain(net, test)
        error = float(gain.std()) / len(gain) ** 0.5
        found = float(test.rewards.mean()), value, float(gain.mean()), error
        self.last_report = StrategyReport(len(lessons), *found, offered=found[2] > error)
        if self.last_report.offered:
            self.memory.adopt(self.component.name, _arrays(net))
        return self.last_report

    def _gain(self, net: StrategySelector, told: _Rewards) -> tuple[float, Tensor]:
        """Return what the net would have earned, and by row its gain over what it would replace."""
        expected = net.net(told.situations)
        earned, before = (
            _earned(net.log_policy(told.situations).exp(), expected, told),
            told.rewards,
        )
        if self.component.net is not None:
            chances = [self.component.net.probabilities(x) for x in told.situations.numpy()]
            before = _earned(torch.from_numpy(np.stack(chances)).float(), expected, told)
        return float(earned.mean()), earned - before


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


def _earned(policy: Tensor, expected: Tensor, told: _Rewards) -> Tensor:
    """Estimate by row what a policy, shape (n, strategies), would have earned."""
    taken, known = (part.gather(1, told.arms[:, None]).squeeze(1) for part in (policy, expected))
    weight = (taken / told.propensities).clamp_max(HEAVIEST)
    return (policy * expected).sum(1) + weight * (told.rewards - known)


def _arrays(net: StrategySelector) -> dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    held = {name: part.numpy().copy() for name, part in net.state_dict().items()}
    return {
        "hidden_weight": held["net.0.weight"],
        "hidden_bias": held["net.0.bias"],
        "out_weight": held["net.2.weight"],
        "out_bias": held["net.2.bias"],
        "settings": np.array([EXPLORED, TEMPERATURE], np.float32),
    }
