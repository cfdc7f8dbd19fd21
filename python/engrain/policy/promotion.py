"""Which of several policies is in force: a ladder that the better climb and the worse leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

import numpy as np

from engrain.base.errors import ConfigError, ShapeError
from engrain.kernels.safeguard import BETS, Bets


class Promotion:
    """Keeps the best proven rung of a ladder in force.

    The lowest rung always stands. A higher one is promoted once its losses on interactions that it
    had not learned from are shown to lie below those of the rung in force and of the one directly
    beneath it, and falls back once they are shown to lie above those in force beneath it, or are
    not finite.

    Parameters
    ----------
    rungs : sequence of str
        From the safest to the most ambitious.
    alpha : float
        While two rungs are equally good, one changes places at most once in 1 / alpha interactions
        on average.
    span : float
        Largest difference of losses that counts, such as 1 for losses in [0, 1].

    Raises
    ------
    ConfigError
        Fewer than two different rungs, or a number out of range.
    """

    def __init__(
        self,
        rungs: Sequence[str] = ("cosine", "inline", "nets"),
        *,
        alpha: float = 0.001,
        span: float = 1.0,
    ) -> None:
        if len(rungs) < 2 or len(set(rungs)) < len(rungs) or not 0 < alpha < 1 or span <= 0:
            raise ConfigError(
                "expected two different rungs or more, alpha in (0, 1) and a positive span, got "
                f"{list(rungs)}, {alpha}, {span}"
            )
        self.rungs, self.alpha, self.span = tuple(rungs), alpha, span
        self._standing = [True] + [False] * (len(rungs) - 1)
        self._bets = [Bets(renewed=True) for _ in rungs]

    @property
    def active(self) -> str:
        """The rung in force: the highest that stands."""
        return self.rungs[max(i for i, stands in enumerate(self._standing) if stands)]

    def stands(self, rung: str) -> bool:
        """Tell whether a rung has proven itself and not lost that since."""
        return self._standing[self.rungs.index(rung)]

    def observe(self, losses: Mapping[str, float]) -> str:
        """Take note of one interaction; return the rung in force from now on.

        Parameters
        ----------
        losses : mapping of str to float
            Of every rung, before any of them learned from this interaction.

        Raises
        ------
        ConfigError
            A rung is missing, or the lowest one's loss is not finite.
        """
        if set(losses) != set(self.rungs) or not isfinite(losses[self.rungs[0]]):
            raise ConfigError(f"expected finite losses of {self.rungs}, got {dict(losses)}")
        in_force = losses[self.rungs[0]]
        for i, rung in enumerate(self.rungs[1:], start=1):
            self._judge(i, losses[rung], in_force, losses[self.rungs[i - 1]])
            if self._standing[i]:
                in_force = losses[rung]
        return self.active

    def _judge(self, i: int, loss: float, in_force: float, beneath: float) -> None:
        stands = self._standing[i]
        if not isfinite(loss):
            self._standing[i] = False
            self._bets[i].restart()
            return
        # To rise it must beat the rung beneath even where that one has not risen yet.
        change = (
            loss - in_force
            if stands
            else min(in_force, beneath if isfinite(beneath) else inf) - loss
        )
        x = float(np.clip(change / self.span, -1.0, 1.0))
        if self._bets[i].observe(x) * self.alpha >= 1.0:
            self._standing[i] = not stands
            self._bets[i].restart()

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return who stands and the evidence so far."""
        return {
            "standing": np.array(self._standing),
            "wealth": np.stack([bets.wealth for bets in self._bets]),
        }

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        ShapeError
            The state is of another ladder.
        """
        if state["wealth"].shape != (len(self.rungs), BETS):
            raise ShapeError(f"state has shape {state['wealth'].shape}, the ladder {self.rungs}")
        self._standing = [bool(stands) for stands in state["standing"]]
        for bets, wealth in zip(self._bets, state["wealth"], strict=True):
            bets.wealth = wealth
