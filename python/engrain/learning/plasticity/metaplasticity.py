"""BCM: a threshold between weakening and strengthening that slides with activity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError


class MetaplasticityController:
    """Δw = η·y(y - θ)·x with y = w·x, and θ the running mean of y².

    Below θ activity weakens its inputs, above it strengthens them; θ rises with activity, so that
    weights neither die out nor run away, and a unit comes to answer one pattern.

    Source: Bienenstock, Cooper & Munro (1982); θ = ⟨y²⟩ after Intrator & Cooper (1992).

    Parameters
    ----------
    learning_rate : float
        η > 0.
    tau : float
        Number of updates over which y² is averaged, at least 1.
    threshold : float
        θ at the start.
    """

    def __init__(
        self, learning_rate: float = 0.01, tau: float = 100.0, threshold: float = 1.0
    ) -> None:
        if not learning_rate > 0 or not tau >= 1 or not 0 <= threshold < math.inf:
            raise ConfigError("BCM: learning_rate > 0, tau >= 1, threshold >= 0")
        self.learning_rate = learning_rate
        self.tau = tau
        self.threshold = threshold

    def update(self, weights: F64Array, inputs: F64Array) -> float:
        """Apply the rule, in place, and slide the threshold; return y.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        if weights.shape != inputs.shape:
            raise ShapeError(f"inputs: expected {weights.shape}, got {inputs.shape}")
        y = float(weights @ inputs)
        if not math.isfinite(y):
            raise NonFiniteError("weights and inputs: contain NaN or infinity")
        weights += self.learning_rate * y * (y - self.threshold) * inputs
        self.threshold += (y * y - self.threshold) / self.tau
        return y

    def state(self) -> dict[str, Any]:
        """Return the threshold."""
        return {"threshold": np.float64(self.threshold)}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.threshold = float(state["threshold"])
