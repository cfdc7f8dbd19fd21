"""Fusion of scores from different sources, with weights learned from outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError


class LearnedFusion:
    """A weighted mean of score columns whose weights follow the softmax ranking loss.

    Weights stay on the simplex; a step is w_k ← w_k exp(-η ∂L/∂w_k) / Z with the cross entropy
    L between softmax(s / T) and the rewards' shares (Kivinen & Warmuth 1997, exponentiated
    gradient; Cao et al. 2007, ListNet).

    Parameters
    ----------
    columns : sequence of str
        Names of the sources.
    learning_rate : float
    temperature : float
        Of the softmax; scores of sources are expected in [0, 1].
    """

    def __init__(
        self,
        columns: Sequence[str] = ("neural", "symbolic", "recency", "outcome"),
        learning_rate: float = 0.5,
        temperature: float = 0.1,
    ) -> None:
        if not columns or learning_rate <= 0 or temperature <= 0:
            raise ConfigError("LearnedFusion: needs columns, a learning rate and a temperature > 0")
        self.columns = tuple(columns)
        self.learning_rate = learning_rate
        self.temperature = temperature
        self.weights: F64Array = np.full(len(self.columns), 1.0 / len(self.columns))

    def score(self, features: npt.ArrayLike) -> F64Array:
        """Return one score per row of `features`, shape (n, columns)."""
        return np.asarray(self._checked(features) @ self.weights)

    def update(self, features: npt.ArrayLike, rewards: npt.ArrayLike) -> float:
        """Take one step toward the order of `rewards`, shape (n,), ≥ 0; return the loss before.

        Raises
        ------
        ShapeError
            Features and rewards do not fit.
        NonFiniteError
            A number is not finite, or a reward is negative.
        """
        rows = self._checked(features)
        wanted = np.asarray(rewards, dtype=np.float64)
        if wanted.shape != (len(rows),):
            raise ShapeError(f"rewards: expected ({len(rows)},), got {wanted.shape}")
        if not np.isfinite(wanted).all() or (wanted < 0).any():
            raise NonFiniteError("rewards: need finite numbers of at least 0")
        if len(rows) < 2 or wanted.sum() == 0:
            return 0.0
        target = wanted / wanted.sum()
        logits = rows @ self.weights / self.temperature
        logits -= logits.max()
        share = np.exp(logits)
        share /= share.sum()
        gradient = rows.T @ (share - target) / self.temperature
        step = -self.learning_rate * gradient
        weights = self.weights * np.exp(step - step.max())
        self.weights = weights / weights.sum()
        return float(-(target * np.log(share + 1e-300)).sum())

    def _checked(self, features: npt.ArrayLike) -> F64Array:
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ShapeError(f"features: expected (n, {len(self.columns)}), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise NonFiniteError("features: contains NaN or infinity")
        return rows

    def state(self) -> dict[str, Any]:
        """Return the learned state as named arrays."""
        return {"weights": self.weights.copy()}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.weights = np.array(state["weights"], dtype=np.float64)
