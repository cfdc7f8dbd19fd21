"""The inline gate: a bilinear score s' W m that starts as the cosine and may not leave it far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I8Array, I64Array, NamedArrays
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.kernels import MicroLoRA, quantize_rows, score_rows, topk, topk_int8

TEMPERATURE = 0.1


class GatedRows:
    """Memories prepared for many questions: exact rows and int8 codes to find the best by.

    Parameters
    ----------
    memories : ndarray of float32, shape (n, dim), C-contiguous
    """

    def __init__(self, memories: F32Array) -> None:
        self.rows = memories
        self.codes: I8Array
        self.codes, self.scale = quantize_rows(memories)


class InlineGate:
    """Scores memories by ``s' W m`` with ``W = I + B'A`` of low rank, learned one list at a time.

    Untaught, scores are those of the cosine bit for bit. ``|W - I|`` (Frobenius) never exceeds
    `radius`.

    Parameters
    ----------
    dim : int
    rank : int
        Of W - I.
    radius : float
        Of the ball round the identity.
    learning_rate : float
        Of the normalised step, see `engrain.kernels.MicroLoRA`.
    seed : int

    Raises
    ------
    ConfigError
        A setting is out of its range.
    """

    def __init__(
        self,
        dim: int,
        *,
        rank: int = 16,
        radius: float = 2.0,
        learning_rate: float = 0.004,
        seed: int = 0,
    ) -> None:
        if not 0.0 < radius < np.inf:
            raise ConfigError(f"radius: expected a finite number above 0, got {radius!r}")
        self.radius = radius
        self._lora = MicroLoRA(dim, rank, learning_rate=learning_rate, epsilon=1e-2, seed=seed)

    @property
    def dim(self) -> int:
        """Width of situations and memories."""
        return self._lora.dim

    @property
    def rank(self) -> int:
        """Rank of W - I."""
        return self._lora.rank

    @property
    def updates(self) -> int:
        """Lists learned from."""
        return self._lora.updates

    @property
    def weight(self) -> F32Array:
        """W as a matrix, shape (dim, dim): a copy for inspection."""
        moved = self._lora.scale * (self._lora.a.T @ self._lora.b)
        return np.eye(self.dim, dtype=np.float32) + moved.astype(np.float32)

    @property
    def distance(self) -> float:
        """Frobenius norm of W - I; NaN where weights are not finite."""
        return self._lora.project(float("inf"))

    def turn(self, situation: F32Array) -> F32Array:
        """Return ``W' s``, whose inner products with memories are the scores; shape (dim,)."""
        return self._lora.apply(situation)

    def score_memories(self, situation: F32Array, memories: F32Array) -> F32Array:
        """Return one score per memory.

        Parameters
        ----------
        situation : ndarray of float32, shape (dim,)
            Unit length.
        memories : ndarray of float32, shape (n, dim), C-contiguous
            Unit rows.

        Returns
        -------
        ndarray of float32, shape (n,)
        """
        return score_rows(memories, self.turn(situation))

    def select_top_k(
        self, situation: F32Array, memories: F32Array | GatedRows, k: int = 5
    ) -> tuple[I64Array, F32Array]:
        """Return indices and scores of the `k` best, best first; fastest on `GatedRows`."""
        turned = self.turn(situation)
        if isinstance(memories, GatedRows):
            return topk_int8(memories.codes, memories.scale, memories.rows, turned, k)
        return topk(memories, turned, k)

    def update(self, situation: F32Array, memories: F32Array, outcomes: F32Array) -> float:
        """Take one step on the log-loss of a list, and return that loss before the step.

        The loss is ``-sum_i t_i log softmax(score / 0.1)_i`` with targets t the outcomes over their
        sum; a list without any outcome above 0 teaches nothing and costs 0.

        Parameters
        ----------
        situation : ndarray of float32, shape (dim,)
        memories : ndarray of float32, shape (n, dim), C-contiguous
        outcomes : ndarray of float32, shape (n,)
            In [0, 1].

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        if outcomes.shape != (len(memories),):
            raise ShapeError(f"outcomes: expected shape ({len(memories)},), got {outcomes.shape}")
        if not (np.isfinite(outcomes).all() and (outcomes >= 0).all()):
            raise NonFiniteError("outcomes: expected finite numbers of at least 0")
        if not outcomes.any():
            return 0.0
        loss, push = list_loss(self.score_memories(situation, memories), outcomes)
        self._lora.update(situation, np.ascontiguousarray(push @ memories, np.float32))
        self._lora.project(self.radius)
        return loss

    def reset(self) -> None:
        """Return to the identity."""
        self._lora.reset()

    def state(self) -> NamedArrays:
        """Return the whole learned state as named arrays."""
        return self._lora.state()

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            Another shape, or not finite.
        """
        self._lora.load(state)


def list_loss(scores: F32Array, outcomes: F32Array) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the log-loss of a list, see `InlineGate.update`, and its gradient in the scores.

    Parameters
    ----------
    scores, outcomes : ndarray of float32, shape (n,)

    Returns
    -------
    loss : float
        In nats.
    gradient : ndarray of float64, shape (n,)
    """
    logits = scores.astype(np.float64) / TEMPERATURE
    logits -= logits.max()
    chances = np.exp(logits)
    total = chances.sum()
    targets = outcomes.astype(np.float64) / outcomes.sum()
    loss = float(np.log(total) - targets @ logits)
    return loss, (chances / total - targets) / TEMPERATURE
