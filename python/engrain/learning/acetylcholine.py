"""Acetylcholine: whether to take in something new or to call up what is known."""

from __future__ import annotations

from enum import StrEnum

from engrain.base.errors import NonFiniteError
from engrain.learning.config import LearningConfig
from engrain.learning.modulation import Modulation, rule_from


class CognitiveMode(StrEnum):
    """What acetylcholine sets the mind to; encoding and retrieval both raise learning."""

    ENCODING = "encoding"
    RETRIEVAL = "retrieval"
    BALANCED = "balanced"


class AcetylcholineSystem:
    """A level that follows demand, and the mode it means (Hasselmo 2006).

    level ← level + ½(clip(baseline + .4(encode - retrieve), .1, .9) - level). From .7 on the mode
    is encoding (boost 2), until the level is below .6; from .3 down it is retrieval (boost 1.2),
    until the level is above .4; between, it is balanced (boost 1).

    Parameters
    ----------
    baseline : float
        In [0, 1].
    modulation : Modulation, optional
        A state shared with the other systems.
    """

    def __init__(
        self,
        baseline: float = LearningConfig().ACh_baseline,
        *,
        modulation: Modulation | None = None,
    ) -> None:
        config = LearningConfig(ACh_baseline=baseline)
        self._modulation = modulation or Modulation(rule_from(config))

    def update(self, encoding_demand: float, retrieval_demand: float) -> CognitiveMode:
        """Take in demands in [0, 1]; return the mode.

        Raises
        ------
        NonFiniteError
            A demand is outside [0, 1].
        """
        for demand in (encoding_demand, retrieval_demand):
            if not 0.0 <= demand <= 1.0:
                raise NonFiniteError(f"demand: needs a number in [0, 1], got {demand!r}")
        self._modulation.query(None, encoding_demand, retrieval_demand)
        return self.mode

    @property
    def level(self) -> float:
        """Current level."""
        return self._modulation.now.acetylcholine

    @property
    def mode(self) -> CognitiveMode:
        """Current mode."""
        return CognitiveMode(self._modulation.now.mode)

    @property
    def boost(self) -> float:
        """Factor of learning: 2 encoding, 1.2 retrieving, 1 balanced."""
        return self._modulation.now.boost
