"""Maps that keep probabilities calibrated as outcomes come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array, NamedArrays
from engrain.base.errors import ConfigError, SnapshotError

BOUND = 0.005  # probabilities stay in [BOUND, 1 - BOUND]


def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x)."""
    return float(1.0 / (1.0 + np.exp(-min(max(x, -30.0), 30.0))))


def clipped(p: float) -> float:
    """Return p, at least `BOUND` away from 0 and 1."""
    return min(max(p, BOUND), 1.0 - BOUND)


class StreamingMap:
    """A map from probabilities to probabilities, learned online: a regression that forgets slowly.

    One Newton step per observation on the log-loss of recent ones (online Laplace); the prior
    fades as they do.

    Parameters
    ----------
    start : sequence of float, shape (inputs,)
        Weights of the prior.
    ridge : float
        Its strength, in observations.
    memory : float
        Observations after which one has lost 63 % of its weight, at least 1.

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    def __init__(self, start: npt.ArrayLike, ridge: float = 100.0, memory: float = 500.0) -> None:
        if not (0.0 < ridge < np.inf and memory >= 1.0):
            raise ConfigError(f"expected ridge > 0 and memory >= 1, got {ridge!r}, {memory!r}")
        self._start: F64Array = np.array(start, np.float64)
        self._least = np.eye(len(self._start))
        self._keep = 1.0 - 1.0 / memory
        self._weights, self._hessian = self._start.copy(), ridge * self._least

    def predict(self, p: float) -> float:
        """Return the calibrated probability."""
        return sigmoid(float(self._weights @ self._inputs(clipped(p))))

    def update(self, p: float, success: bool) -> None:
        """Learn from a probability and what came of it."""
        inputs = self._inputs(clipped(p))
        found = sigmoid(float(self._weights @ inputs))
        curvature = max(found * (1.0 - found), 1e-3)
        held = self._keep * self._hessian + (1.0 - self._keep) * self._least
        self._hessian = held + curvature * np.outer(inputs, inputs)
        self._weights = self._weights + np.linalg.solve(
            self._hessian, (float(success) - found) * inputs
        )

    def _inputs(self, p: float) -> F64Array:
        """Return what the map is linear in, shape (inputs,)."""
        raise NotImplementedError

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays."""
        return {"weights": self._weights.copy(), "hessian": self._hessian.copy()}

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        if state["weights"].shape != self._start.shape:
            raise SnapshotError(f"weights: expected shape {self._start.shape}")
        self._weights = np.array(state["weights"], np.float64)
        self._hessian = np.array(state["hessian"], np.float64)


class StreamingPlatt(StreamingMap):
    """``sigmoid(a logit(p) + b)``, starting at the identity (Platt 1999).

    Parameters and errors are those of `StreamingMap`, without `start`.
    """

    def __init__(self, ridge: float = 100.0, memory: float = 500.0) -> None:
        super().__init__((1.0, 0.0), ridge, memory)

    def _inputs(self, p: float) -> F64Array:
        return np.array([np.log(p / (1.0 - p)), 1.0])


class StreamingBeta(StreamingMap):
    """``sigmoid(a log p - b log(1 - p) + c)``, starting at the identity (Kull et al. 2017).

    Parameters and errors are those of `StreamingMap`, without `start`.
    """

    def __init__(self, ridge: float = 100.0, memory: float = 500.0) -> None:
        super().__init__((1.0, 1.0, 0.0), ridge, memory)

    def _inputs(self, p: float) -> F64Array:
        return np.array([np.log(p), -np.log(1.0 - p), 1.0])
