"""Ranking by the best proven of several gates, down to the plain cosine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.policy.promotion import Promotion


class Gate(Protocol):
    """What scores memories in a situation, such as `InlineGate`, `MemoryGate` and `NetGate`."""

    def score_memories(self, situation: F32Array, memories: F32Array) -> Any:
        """Return one score per row of `memories`."""


class Cosine:
    """The gate that nothing can spoil."""

    def score_memories(self, situation: F32Array, memories: F32Array) -> F64Array:
        """Return the cosine with each memory, 0 for a zero vector."""
        norms = np.linalg.norm(memories, axis=1) * np.linalg.norm(situation)
        scores: F64Array = (memories @ situation) / np.maximum(norms, 1e-30)
        return scores


class GateLadder:
    """Ranks by the gate in force and moves between gates by what interactions show.

    `observe` ranks the shown memories by every gate, before any of them learns from the
    interaction, and takes 1 - nDCG of the outcomes as its loss; see `Promotion` for when a gate is
    promoted and when it falls back. Below the given gates stands the cosine.

    Parameters
    ----------
    gates : mapping of str to Gate
        From the safer to the more ambitious.
    alpha : float
        As in `Promotion`.

    Raises
    ------
    ConfigError
        No gates, or one called "cosine".
    """

    def __init__(self, gates: Mapping[str, Gate], *, alpha: float = 0.001) -> None:
        if not gates or "cosine" in gates:
            raise ConfigError(f"gates: expected some beside the cosine, got {sorted(gates)}")
        self.gates: dict[str, Gate] = {"cosine": Cosine(), **gates}
        self.promotion = Promotion(tuple(self.gates), alpha=alpha)

    @property
    def active(self) -> str:
        """Name of the gate in force."""
        return self.promotion.active

    def score_memories(self, situation: F32Array, memories: F32Array) -> F64Array:
        """Return scores by the gate in force, by the cosine where they are not finite."""
        scores = self._scores(self.active, situation, memories)
        return scores if np.isfinite(scores).all() else self._scores("cosine", situation, memories)

    def observe(self, situation: F32Array, memories: F32Array, outcomes: npt.ArrayLike) -> str:
        """Judge every gate on one interaction; return the name of the one in force from now on.

        Parameters
        ----------
        situation : ndarray of float32, shape (dim,)
        memories : ndarray of float32, shape (n, dim)
            Those shown.
        outcomes : array_like, shape (n,)
            In [0, 1]; an interaction in which none or all alike helped judges nothing.

        Raises
        ------
        ShapeError
            `outcomes` has another length.
        """
        told = np.asarray(outcomes, np.float64)
        if told.shape != (len(memories),):
            raise ShapeError(f"outcomes: expected shape ({len(memories)},), got {told.shape}")
        if len(told) == 0 or told.min() == told.max():
            return self.active
        losses = {
            name: _ranking_loss(self._scores(name, situation, memories), told)
            for name in self.gates
        }
        return self.promotion.observe(losses)

    def _scores(self, name: str, situation: F32Array, memories: F32Array) -> F64Array:
        found = self.gates[name].score_memories(situation, memories)
        return np.asarray(found, dtype=np.float64)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return who stands and the evidence so far."""
        return self.promotion.state()

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`."""
        self.promotion.load(state)


def _ranking_loss(scores: F64Array, outcomes: F64Array) -> float:
    """Return 1 - nDCG, ties broken against the scores; NaN where they are not finite."""
    if not np.isfinite(scores).all():
        return float("nan")
    discount = 1 / np.log2(np.arange(2, len(scores) + 2))
    ranked = outcomes[np.lexsort((outcomes, -scores))]
    return float(1 - ranked @ discount / (np.sort(outcomes)[::-1] @ discount))
