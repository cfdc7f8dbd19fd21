"""Heterosynaptic depression: what was near but silent loses a little."""

from __future__ import annotations

from engrain.base.arrays import BoolArray, F64Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError


class LTDEngine:
    """Weakens silent competitors of what was just strengthened: w ← max(w·(1 - rate), floor).

    A weight already below the floor stays as it is.

    Source: Lynch, Dunwiddie & Gribkoff (1977), heterosynaptic depression.

    Parameters
    ----------
    rate : float
        In [0, 1].
    floor : float
        At least 0.
    """

    def __init__(self, rate: float = 0.05, floor: float = 0.01) -> None:
        if not 0.0 <= rate <= 1.0 or not floor >= 0.0:
            raise ConfigError(f"LTD: rate {rate} must lie in [0, 1], floor {floor} be at least 0")
        self.rate = rate
        self.floor = floor

    def depress(self, weights: F64Array, active: BoolArray) -> int:
        """Weaken, in place, the weights that were not active; return how many changed.

        Parameters
        ----------
        weights : ndarray of float64, shape (n,)
        active : ndarray of bool, shape (n,)

        Raises
        ------
        ShapeError, NonFiniteError
        """
        if weights.shape != active.shape:
            raise ShapeError(f"active: expected {weights.shape}, got {active.shape}")
        check_weights(weights)
        target = (~active) & (weights > self.floor)
        lowered = (weights[target] * (1.0 - self.rate)).clip(min=self.floor)
        changed = int((lowered != weights[target]).sum())
        weights[target] = lowered
        return changed


def check_weights(weights: F64Array) -> None:
    """Refuse weights that are not finite.

    Raises
    ------
    NonFiniteError
    """
    if not (abs(weights) < float("inf")).all():
        raise NonFiniteError("weights: contain NaN or infinity")
