"""Training of a net behind a memory's gate: it is offered by the log, and proven there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
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
    """What a training did: its lists, held-out losses of cosine and net, and if it was offered."""

    lists: int
    cosine: float
    net: float
    offered: bool


class _Lists(NamedTuple):
    situations: Tensor
    memories: Tensor
    relevant: Tensor
    mask: Tensor


class GateTraining(NetTraining[GateComponent]):
    """Trains a `MemoryGate` on what a memory's gate learned from.

    The oldest four fifths of the lists teach, the newest fifth stops the training in time; a net
    that ranks the newest better than the cosine is handed to the component by `Memory.adopt`, which
    logs it, and has to beat the inline gate there.

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
            return GateReport(len(lessons), float("nan"), float("nan"), offered=False)
        train, test = map(_joined, split_held_out(lessons))
        net = MemoryGate(*[train.situations.shape[1]] * 2)
        loss = partial(_contrast, net)
        cosine = float(loss(test).detach())
        best = fit_until_worse(
            net, loss, train, test, lr=self.lr, epochs=self.epochs, patience=PATIENCE,
            seed=self.seed, constrain=net.project,
        )  # fmt: skip
        offered = best < cosine
        if offered:
            difference = net.difference.detach().numpy()
            self.memory.adopt(self.component.name, {"difference": np.ascontiguousarray(difference)})
        self.last_report = GateReport(len(lessons), cosine, best, offered)
        return self.last_report


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
