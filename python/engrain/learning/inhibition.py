"""Inhibition: retrieved memories compete, the weak and the redundant fall silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array
from engrain.base.errors import NonFiniteError, ShapeError
from engrain.base.ids import Id
from engrain.kernels import InhibitionRule, compare_rows, inhibit
from engrain.learning.config import LearningConfig

_DEFAULT = LearningConfig()


@dataclass(frozen=True, slots=True)
class InhibitionResult:
    """What is left after competition.

    Attributes
    ----------
    scores : dict of id to float
        In the order given, each at most what it was.
    winners : tuple of ids
        Those above 0, best first.
    sparsity : float
        Share silenced.
    """

    scores: dict[Id, float]
    winners: tuple[Id, ...]
    sparsity: float

    @property
    def active_fraction(self) -> float:
        """Share still above 0."""
        return 1.0 - self.sparsity


class InhibitoryNetwork:
    """Lateral inhibition among the memories of one retrieval (Földiák 1990).

    In five rounds each memory presses on the others by w = softmax(a / T), in proportion to their
    similarity: a_i ← max(0, a_i - strength/5 · Σ_j w_j max(0, sim_ij)); then the weakest
    ``floor(sparsity · n)`` are silenced. Scores are never raised.

    Parameters
    ----------
    inhibition_strength : float
        At least 0.
    sparsity_target : float
        Share to silence, in [0, 1].
    temperature : float
        Above 0; lower is closer to winner takes all.
    """

    def __init__(
        self,
        inhibition_strength: float = _DEFAULT.inhibition_strength,
        sparsity_target: float = _DEFAULT.sparsity_target,
        temperature: float = 0.1,
    ) -> None:
        self.rule = InhibitionRule(inhibition_strength, sparsity_target, temperature)

    def apply_inhibition(
        self,
        scores: Mapping[Id, float],
        embeddings: Mapping[Id, npt.ArrayLike] | npt.ArrayLike | None = None,
    ) -> InhibitionResult:
        """Let memories compete.

        Parameters
        ----------
        scores : mapping of id to float
        embeddings : mapping of id to vector, or array_like of shape (n, dim), optional
            Without them all memories are alike, and the winners keep their order.

        Raises
        ------
        ShapeError, NonFiniteError
        """
        ids = list(scores)
        values = np.array(list(scores.values()), dtype=np.float32)
        if not np.isfinite(values).all():
            raise NonFiniteError("scores: contain NaN or infinity")
        left = inhibit(values, similarity_of(ids, embeddings), self.rule)
        order = np.argsort(-left, kind="stable")
        winners = tuple(ids[i] for i in order if left[i] > 0)
        silenced = 1.0 - len(winners) / len(ids) if ids else 0.0
        return InhibitionResult(dict(zip(ids, left.tolist(), strict=True)), winners, silenced)


def similarity_of(
    ids: Sequence[Id], embeddings: Mapping[Id, npt.ArrayLike] | npt.ArrayLike | None
) -> F32Array | None:
    """Return the cosines among memories, None where all are taken as alike.

    Raises
    ------
    ShapeError, NonFiniteError
    """
    if embeddings is None or not ids:
        return None
    rows: Any = embeddings
    if not isinstance(embeddings, np.ndarray) and isinstance(embeddings, Mapping):
        rows = [embeddings[i] for i in ids]
    matrix = np.ascontiguousarray(rows, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != len(ids):
        raise ShapeError(f"embeddings: expected ({len(ids)}, dim), got {matrix.shape}")
    try:
        return compare_rows(matrix)
    except NonFiniteError as error:
        raise NonFiniteError(f"embeddings: {error}") from error
