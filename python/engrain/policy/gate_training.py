"""Training of a net behind a memory's gate: it is offered by the log, and proven there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import inf, isnan, nan
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engrain.policy.gate_component import GateComponent, GateLesson
from engrain.policy.losses import contrastive_loss
from engrain.policy.memory_gate import MemoryGate
from engrain.policy.net_training import NetTraining, split_held_out
from engrain.policy.nets import fit_until_worse

LEAST = 100  # lists
PATIENCE = 10


class GateReport(NamedTuple):
    """What a training did.

    Attributes
    ----------
    lists : int
        Used, held-out ones included.
    cosine, net : float
        Contrastive loss on the held-out ones.
    held : float
        The same of the net that the component holds already; NaN without one.
    offered : bool
        The new net was handed to the component: its loss is the least.
    """

    lists: int
    cosine: float
    net: float
    held: float
    offered: bool


class _Lists(NamedTuple):
    situations: Tensor
    memories: Tensor
    relevant: Tensor
    mask: Tensor


class GateTraining(NetTraining[GateComponent]):
    """Trains a `MemoryGate` on what a memory's gate learned from.

    The oldest four fifths of the lists teach, the newest fifth stops the training in time; a net
    that ranks the newest better than the cosine, and than the net that the component holds already,
    is handed over by `Memory.adopt`, which logs it, and has to beat the inline gate there.

    Parameters and errors are those of `NetTraining`.
    """

    EVERY = 200
    last_report: GateReport | None = None

    def run_once(self) -> GateReport:
        """Train once on the lists at hand, and offer the net where it pays."""
        lessons = [
            lesson
            for lesson in self.component.lessons()
            if (lesson.outcomes > 0.5).any() and (lesson.outcomes <= 0.5).any()
        ]
        if len(lessons) < LEAST:
            return GateReport(len(lessons), nan, nan, nan, offered=False)
        train, test = map(_joined, split_held_out(lessons))
        net = MemoryGate(*[train.situations.shape[1]] * 2)
        loss = partial(_contrast, net)
        cosine = float(loss(test).detach())
        best = fit_until_worse(
            net, loss, train, test, lr=self.lr, epochs=self.epochs, patience=PATIENCE,
            seed=self.seed, constrain=net.project,
        )  # fmt: skip
        held = self._held(net, test)
        offered = best < min(cosine, inf if isnan(held) else held)
        if offered:
            difference = net.difference.detach().numpy()
            self.memory.adopt(self.component.name, {"difference": np.ascontiguousarray(difference)})
        self.last_report = GateReport(len(lessons), cosine, best, held, offered)
        return self.last_report

    @torch.no_grad()
    def _held(self, net: MemoryGate, test: _Lists) -> float:
        """Return the loss of the net that the component holds."""
        if self.component.difference is None:
            return nan
        other = MemoryGate(net.situation_dim, net.memory_dim)
        other.difference.copy_(torch.from_numpy(self.component.difference))
        return float(_contrast(other, test))


def _joined(lessons: Sequence[GateLesson]) -> _Lists:
    longest = max(len(lesson.outcomes) for lesson in lessons)
    shape = len(lessons), longest
    memories = np.zeros((*shape, lessons[0].memories.shape[1]), np.float32)
    relevant, mask = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for row, lesson in enumerate(lessons):
        n = len(lesson.outcomes)
        memories[row, :n], relevant[row, :n] = lesson.memories, lesson.outcomes > 0.5
        mask[row, :n] = True
    situations = np.stack([lesson.situation for lesson in lessons])
    return _Lists(*map(torch.from_numpy, (situations, memories, relevant, mask)))


def _contrast(net: MemoryGate, lists: _Lists) -> Tensor:
    scores = net(lists.situations, lists.memories) / net.temperature.detach()
    return contrastive_loss(scores, lists.relevant, lists.mask)
