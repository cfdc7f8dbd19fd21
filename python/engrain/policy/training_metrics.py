"""How a joint training went, and the best weights it passed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from engrain.policy.nets import ModuleState

LOSSES = ("memory", "strategy", "confidence")


@dataclass(slots=True)
class JointTrainingMetrics:
    """How a training went.

    Attributes
    ----------
    history : list of dict of str to float
        Losses on the training samples, "total", "memory", "strategy" and "confidence": before the
        first epoch, the mean of each epoch's steps, and last those of the weights that were kept.
    validation : list of dict of str to float
        The same on samples held out; empty where none were.
    best_epoch : int
        The epoch whose weights were kept.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def epochs(self) -> int:
        """Epochs run."""
        return max(len(self.history) - 1, 0)

    def summary(self) -> str:
        """Return the losses before and after, held-out ones beside them."""
        lines = [f"Joint Training: {self.epochs} epochs"]
        for name in ("total", *LOSSES):
            label = f"{name.capitalize()} loss:"
            line = f"  {label:<16} {self._way(self.history, name, -1)}"
            if self.validation:
                held = self._way(self.validation, name, self.best_epoch)
                line += f"   (held out {held})"
            lines.append(line)
        return "\n".join(lines)

    @staticmethod
    def _way(history: list[dict[str, float]], name: str, last: int) -> str:
        return f"{history[0][name]:.2f} → {history[last][name]:.2f}"


def mean_losses(steps: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each loss over the steps of an epoch."""
    return {name: sum(step[name] for step in steps) / len(steps) for name in steps[0]}


class BestWeights:
    """The weights with the lowest held-out loss so far."""

    def __init__(
        self,
        nets: Sequence[nn.Module],
        first: dict[str, float] | None,
        metrics: JointTrainingMetrics,
    ) -> None:
        self._states = [ModuleState(net) for net in nets]
        self._metrics, self._kept = metrics, None if first is None else self._copy()
        if first is not None:
            metrics.validation.append(first)

    def _copy(self) -> list[Any]:
        return [state.state() for state in self._states]

    def is_stale(self, losses: dict[str, float], patience: int) -> bool:
        metrics = self._metrics
        metrics.validation.append(losses)
        epoch = len(metrics.validation) - 1
        if losses["total"] < metrics.validation[metrics.best_epoch]["total"]:
            metrics.best_epoch, self._kept = epoch, self._copy()
        return epoch - metrics.best_epoch >= patience

    def restore(self) -> None:
        if self._kept is None:
            self._metrics.best_epoch = self._metrics.epochs
            return
        for state, kept in zip(self._states, self._kept, strict=True):
            state.load(kept)
