"""Lateral inhibition among retrieved memories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError


@dataclass(frozen=True, slots=True)
class InhibitionRule:
    """How memories compete.

    Attributes
    ----------
    strength : float
        Inhibition that one memory can receive in all, 0 or above.
    sparsity : float
        Share of the memories silenced at the end, in [0, 1].
    temperature : float
        Of the softmax by which they press; lower is closer to winner takes all. Above 0.
    rounds : int
        1 or more.

    Raises
    ------
    ConfigError
        A value is out of its range.
    """

    strength: float = 0.5
    sparsity: float = 0.2
    temperature: float = 0.1
    rounds: int = 5

    def __post_init__(self) -> None:
        if not 0 <= self.strength < float("inf"):
            raise ConfigError(f"strength: must be 0 or above, got {self.strength}")
        if not 0 <= self.sparsity <= 1:
            raise ConfigError(f"sparsity: must be in [0, 1], got {self.sparsity}")
        if not 0 < self.temperature < float("inf"):
            raise ConfigError(f"temperature: must be above 0, got {self.temperature}")
        if not 1 <= self.rounds <= 1000:
            raise ConfigError(f"rounds: must be in [1, 1000], got {self.rounds}")


def inhibit(
    scores: F32Array, similarity: F32Array | None = None, rule: InhibitionRule | None = None
) -> F32Array:
    """Return the scores after lateral inhibition.

    In each round ``w = softmax(a / temperature)`` and
    ``a_i <- max(0, a_i - strength / rounds * sum_{j != i} w_j max(0, similarity_ij))``; then the
    ``floor(sparsity n)`` lowest become 0. Subtractive form of Földiák (1990).

    Parameters
    ----------
    scores : ndarray of float32, shape (n,)
    similarity : ndarray of float32, shape (n, n), optional
        Symmetric; 1 everywhere where None: winners then keep their order.
    rule : InhibitionRule, optional

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes do not agree, or a value is not finite.
    """
    rule = rule or InhibitionRule()
    out = scores.copy()
    scratch = np.empty(2 * len(out), dtype=np.float32)
    _kernels.inhibit(
        out, similarity, rule.strength, rule.sparsity, rule.temperature, rule.rounds, scratch
    )
    return out
