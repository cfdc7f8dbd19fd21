"""A small network that predicts a memory's value from its embedding."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, as_vector
from engrain.base.errors import ConfigError, NonFiniteError

_EPSILON = np.float32(1e-5)
_NAMES = ("w1", "b1", "gain", "shift", "w2", "b2")


class LearnedValueEstimator:
    """V(x) = σ(w2 · LayerNorm(ReLU(W1 x + b1)) + b2), trained by semi-gradient TD.

    θ ← (1 - α·decay)·θ + α·δ·e with e = ∇V, or e ← trace_decay·e + ∇V for TD(λ) with
    trace_decay = γλ (Sutton & Barto 2018, sections 9.3 and 12.2; Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    embedding_dim, hidden_dim : int
    learning_rate : float
        α.
    weight_decay : float
    trace_decay : float
        γλ in [0, 1); 0 keeps no traces.
    seed : int
        Of the initial weights (He et al. 2015).

    Raises
    ------
    ConfigError
        A setting is out of range.
    """

    def __init__(
        self,
        embedding_dim: int = 1024,
        hidden_dim: int = 256,
        learning_rate: float = 0.01,
        weight_decay: float = 1e-4,
        trace_decay: float = 0.0,
        seed: int = 0,
    ) -> None:
        if min(embedding_dim, hidden_dim) < 1 or not learning_rate > 0:
            raise ConfigError("LearnedValueEstimator: dimensions and learning rate must be above 0")
        if not 0.0 <= weight_decay < 1.0 or not 0.0 <= trace_decay < 1.0:
            raise ConfigError("LearnedValueEstimator: decays must lie in [0, 1)")
        self.embedding_dim = embedding_dim
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.trace_decay = trace_decay
        rng = np.random.default_rng(seed)
        spread = math.sqrt(2.0 / embedding_dim)
        self.parameters: dict[str, F32Array] = {
            "w1": rng.normal(0.0, spread, (hidden_dim, embedding_dim)).astype(np.float32),
            "b1": np.zeros(hidden_dim, dtype=np.float32),
            "gain": np.ones(hidden_dim, dtype=np.float32),
            "shift": np.zeros(hidden_dim, dtype=np.float32),
            "w2": np.zeros(hidden_dim, dtype=np.float32),
            "b2": np.zeros(1, dtype=np.float32),
        }
        self._traces: dict[str, F32Array] = {}

    def estimate(self, embedding: npt.ArrayLike) -> float:
        """Return the value in (0, 1); ½ for everything before the first update.

        Raises
        ------
        ShapeError, NonFiniteError
        """
        return self._forward(as_vector(embedding, self.embedding_dim, "embedding"))[-1]

    def update(self, embedding: npt.ArrayLike, td_error: float) -> float:
        """Move the value of an embedding along `td_error`; return the value before.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        x = as_vector(embedding, self.embedding_dim, "embedding")
        if not math.isfinite(td_error):
            raise NonFiniteError(f"td_error: needs a finite number, got {td_error!r}")
        value, gradient = self.gradient(x)
        step = np.float32(self.learning_rate * td_error)
        keep = np.float32(1.0 - self.learning_rate * self.weight_decay)
        for name, slope in gradient.items():
            if self.trace_decay:
                slope += self._traces.get(name, np.float32(0.0)) * np.float32(self.trace_decay)
                self._traces[name] = slope
            weights = self.parameters[name]
            if self.weight_decay:
                weights *= keep
            weights += step * slope
        return value

    def end_episode(self) -> None:
        """Forget the gradient traces."""
        self._traces.clear()

    def gradient(self, x: F32Array) -> tuple[float, dict[str, F32Array]]:
        """Return the value and its derivative by every parameter."""
        p = self.parameters
        hidden, normal, spread, value = self._forward(x)
        slope = np.float32(value * (1.0 - value))
        below = slope * p["w2"] * p["gain"]
        centred = below - below.mean() - normal * (below * normal).mean()
        inner = (centred / spread) * (hidden > 0)
        return value, {
            "w1": np.outer(inner, x),
            "b1": inner,
            "gain": slope * p["w2"] * normal,
            "shift": slope * p["w2"],
            "w2": slope * (normal * p["gain"] + p["shift"]),
            "b2": np.full(1, slope, dtype=np.float32),
        }

    def _forward(self, x: F32Array) -> tuple[F32Array, F32Array, np.float32, float]:
        p = self.parameters
        hidden = np.maximum(p["w1"] @ x + p["b1"], np.float32(0.0))
        centred = hidden - hidden.mean()
        spread = np.sqrt(centred.dot(centred) / np.float32(len(hidden)) + _EPSILON)
        normal = centred / spread
        logit = float(p["w2"] @ (normal * p["gain"] + p["shift"]) + p["b2"][0])
        return hidden, normal, spread, 1.0 / (1.0 + math.exp(-min(max(logit, -60.0), 60.0)))

    def state(self) -> dict[str, Any]:
        """Return the whole state; `load` continues it bit for bit."""
        return {
            "parameters": {name: value.copy() for name, value in self.parameters.items()},
            "traces": {name: value.copy() for name, value in self._traces.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.parameters = {name: np.array(state["parameters"][name]) for name in _NAMES}
        self._traces = {name: np.array(value) for name, value in state["traces"].items()}
