"""Keeping what was learned: elastic anchors on important weights."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import elastic_penalty

Mode = Literal["ewc", "online", "ewc++"]


def fisher_information(gradients: npt.ArrayLike) -> F64Array:
    """Return the diagonal Fisher information, the mean of squared per-sample gradients.

    F_i = E[(∂ log p / ∂θ_i)²]. The mean of squares, never the square of a batch's mean: the result
    does not depend on how samples are batched (Kunstner, Hennig & Balles 2019).

    Parameters
    ----------
    gradients : array_like, shape (samples, parameters)
        Of the log-likelihood, one row per sample.

    Returns
    -------
    ndarray of float64, shape (parameters,)
    """
    rows = np.asarray(gradients, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ShapeError(f"gradients: expected (samples, parameters), got {rows.shape}")
    if not np.isfinite(rows).all():
        raise NonFiniteError("gradients: contain NaN or infinity")
    return np.asarray(np.einsum("ij,ij->j", rows, rows) / len(rows))


class EWCRegularizer:
    """λ/2 · Σ F_i (θ_i - θ*_i)², over the tasks learned so far.

    Parameters
    ----------
    strength : float
        λ ≥ 0.
    mode : {'ewc', 'online', 'ewc++'}
        'ewc' keeps one anchor and Fisher per task (Kirkpatrick et al. 2017); 'online' one anchor
        with F ← decay·F + F_new (Schwarz et al. 2018); 'ewc++' one anchor with a running mean
        F ← (1 - decay)·F_new + decay·F (Chaudhry et al. 2018).
    decay : float
        In [0, 1].
    max_tasks : int
        Anchors kept by 'ewc'; beyond it the two oldest are merged into one.
    """

    def __init__(
        self, strength: float = 1000.0, mode: Mode = "ewc", decay: float = 0.95, max_tasks: int = 20
    ) -> None:
        if mode not in ("ewc", "online", "ewc++"):
            raise ConfigError(f"mode: needs 'ewc', 'online' or 'ewc++', got {mode!r}")
        if not strength >= 0 or not 0 <= decay <= 1 or max_tasks < 2:
            raise ConfigError("EWC: strength >= 0, decay in [0, 1], max_tasks >= 2")
        self.strength, self.mode, self.decay, self.max_tasks = strength, mode, decay, max_tasks
        self.anchors: list[tuple[F32Array, F32Array]] = []

    def consolidate(self, weights: npt.ArrayLike, gradients: npt.ArrayLike) -> None:
        """Anchor what was learned at `weights`, important by per-sample `gradients`."""
        anchor = np.array(weights, dtype=np.float32)
        fisher = fisher_information(gradients).astype(np.float32)
        if anchor.shape != fisher.shape:
            raise ShapeError(f"weights: expected {fisher.shape}, got {anchor.shape}")
        if self.mode == "ewc":
            self.anchors.append((anchor, fisher))
            if len(self.anchors) > self.max_tasks:
                self.anchors[:2] = [_merged(*self.anchors[:2])]
            return
        if self.anchors:
            share = 1.0 if self.mode == "online" else 1.0 - self.decay
            fisher *= np.float32(share)
            fisher += np.float32(self.decay) * self.anchors[0][1]
        self.anchors = [(anchor, fisher)]

    def penalty(self, weights: npt.ArrayLike) -> float:
        """Return the penalty at `weights`: 0 at the anchor of a single task."""
        now = np.ascontiguousarray(weights, dtype=np.float32)
        return sum(elastic_penalty(now, a, f, strength=self.strength) for a, f in self.anchors)

    def gradient(self, weights: npt.ArrayLike) -> F32Array:
        """Return the derivative of the penalty, shape (parameters,)."""
        now = np.ascontiguousarray(weights, dtype=np.float32)
        slope = np.zeros_like(now)
        for anchor, fisher in self.anchors:
            elastic_penalty(now, anchor, fisher, strength=self.strength, gradient=slope)
        return slope

    def state(self) -> dict[str, Any]:
        """Return anchors and Fisher information."""
        return {"anchors": [{"anchor": a.copy(), "fisher": f.copy()} for a, f in self.anchors]}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.anchors = [(np.array(s["anchor"]), np.array(s["fisher"])) for s in state["anchors"]]


def _merged(
    first: tuple[F32Array, F32Array], second: tuple[F32Array, F32Array]
) -> tuple[F32Array, F32Array]:
    """Return the anchor whose quadratic is the sum of two, up to a constant."""
    fisher = first[1] + second[1]
    weighted = first[0] * first[1] + second[0] * second[1]
    middle = np.float32(0.5) * (first[0] + second[0])
    anchor = np.divide(weighted, fisher, out=middle, where=fisher > 0)
    return anchor, fisher


class SynapticIntelligence:
    """Importance gathered along the way: Ω_i = Σ_tasks ω_i / (Δθ_i² + ξ).

    ω_i sums -∂L/∂θ_i · dθ_i over the steps of a task (Zenke, Poole & Ganguli 2017).

    Parameters
    ----------
    weights : array_like, shape (parameters,)
        At the start.
    strength : float
        c ≥ 0.
    damping : float
        ξ > 0.
    """

    def __init__(self, weights: npt.ArrayLike, strength: float = 0.1, damping: float = 0.1) -> None:
        if not strength >= 0 or not damping > 0:
            raise ConfigError("SynapticIntelligence: strength >= 0, damping > 0")
        self.strength, self.damping = strength, damping
        self.anchor: F64Array = np.array(weights, dtype=np.float64)
        self.importance: F64Array = np.zeros_like(self.anchor)
        self._path: F64Array = np.zeros_like(self.anchor)

    def observe(self, gradient: npt.ArrayLike, change: npt.ArrayLike) -> None:
        """Take in one step: the loss's gradient before it, and the change of weights it made."""
        g, step = np.asarray(gradient, dtype=np.float64), np.asarray(change, dtype=np.float64)
        if g.shape != self.anchor.shape or step.shape != self.anchor.shape:
            raise ShapeError(f"gradient {g.shape} and change {step.shape}: {self.anchor.shape}")
        if not (np.isfinite(g).all() and np.isfinite(step).all()):
            raise NonFiniteError("gradient and change: contain NaN or infinity")
        self._path -= g * step

    def consolidate(self, weights: npt.ArrayLike) -> None:
        """End a task at `weights`."""
        now = np.array(weights, dtype=np.float64)
        moved = (now - self.anchor) ** 2
        self.importance += np.maximum(self._path, 0.0) / (moved + self.damping)
        self.anchor = now
        self._path = np.zeros_like(now)

    def penalty(self, weights: npt.ArrayLike) -> float:
        """Return c · Σ Ω_i (θ_i - θ*_i)²."""
        away = np.asarray(weights, dtype=np.float64) - self.anchor
        return self.strength * float(self.importance @ away**2)

    def gradient(self, weights: npt.ArrayLike) -> F64Array:
        """Return the derivative of the penalty, shape (parameters,)."""
        away = np.asarray(weights, dtype=np.float64) - self.anchor
        return np.asarray(2.0 * self.strength * self.importance * away)

    def state(self) -> dict[str, Any]:
        """Return anchor, importance and the path of the task under way."""
        return {
            "anchor": self.anchor.copy(),
            "importance": self.importance.copy(),
            "path": self._path.copy(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state returned by `state`."""
        self.anchor, self.importance = np.array(state["anchor"]), np.array(state["importance"])
        self._path = np.array(state["path"])
