"""Synaptic scaling: one factor for all inputs, so that their ratios stay."""

from __future__ import annotations

import math
from typing import NamedTuple

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError, NonFiniteError
from engrain.learning.plasticity.depression import check_weights


class Scaling(NamedTuple):
    """What a scaling did.

    Attributes
    ----------
    factor : float
        By which every weight was multiplied.
    reached : bool
        False where the ceiling stopped the factor short of the target.
    """

    factor: float
    reached: bool


class HomeostaticScaler:
    """Multiplies all inputs of a unit by one factor until its activity is what it should be.

    w ← w·(1 + η(r* - r)/r*) (Turrigiano et al. 1998). A factor that would lift a weight above the
    ceiling is cut for all, never for one.

    Parameters
    ----------
    target : float
        Wanted activity r*, or wanted sum of weights in `scale_to_sum`; above 0.
    learning_rate : float
        η, in (0, 1].
    ceiling : float
        Largest weight.
    """

    def __init__(
        self, target: float = 1.0, learning_rate: float = 0.1, ceiling: float = math.inf
    ) -> None:
        if not target > 0 or not 0 < learning_rate <= 1 or not ceiling > 0:
            raise ConfigError("HomeostaticScaler: target and ceiling above 0, rate in (0, 1]")
        self.target = target
        self.learning_rate = learning_rate
        self.ceiling = ceiling

    def scale(self, weights: F64Array, activity: float) -> Scaling:
        """Scale weights, in place, one step toward the target activity.

        Parameters
        ----------
        weights : ndarray of float64, shape (n,)
        activity : float
            Current activity r, at least 0.

        Raises
        ------
        NonFiniteError
        """
        if not 0.0 <= activity < math.inf:
            raise NonFiniteError(f"activity: needs a finite number >= 0, got {activity!r}")
        drive = self.learning_rate * (self.target - activity) / self.target
        return self._apply(weights, max(1.0 + drive, 0.0))

    def scale_to_sum(self, weights: F64Array) -> Scaling:
        """Scale weights, in place, so that their magnitudes add up to the target."""
        total = float(abs(weights).sum())
        return self._apply(weights, self.target / total if total > 0 else 1.0)

    def _apply(self, weights: F64Array, factor: float) -> Scaling:
        check_weights(weights)
        largest = float(abs(weights).max(initial=0.0))
        limit = self.ceiling / largest if largest > 0 else math.inf
        used = min(factor, max(limit, 1.0))
        weights *= used
        return Scaling(used, used == factor)
