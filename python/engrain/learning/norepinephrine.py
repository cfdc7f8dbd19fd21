"""Norepinephrine: how awake learning is, by how new the queries are."""

from __future__ import annotations

from typing import NamedTuple

import numpy.typing as npt

from engrain.base.arrays import as_vector
from engrain.learning.config import LearningConfig
from engrain.learning.modulation import Modulation, rule_from


class ArousalState(NamedTuple):
    """What norepinephrine is at.

    Attributes
    ----------
    novelty : float
        1 - mean cosine of the last query with those before it, in [0, 1].
    phasic : float
        Burst: the largest recent novelty, fading by .7 per query.
    gain : float
        Factor of learning, in [.5, 2].
    """

    novelty: float
    phasic: float
    gain: float


class NorepinephrineSystem:
    """gain = clip(baseline + 1.5 · novelty · phasic, .5, 2) (Aston-Jones & Cohen 2005).

    Parameters
    ----------
    baseline_arousal : float
        In [0, 1].
    modulation : Modulation, optional
        A state shared with the other systems.
    """

    def __init__(
        self,
        baseline_arousal: float = LearningConfig().NE_baseline_arousal,
        *,
        modulation: Modulation | None = None,
    ) -> None:
        config = LearningConfig(NE_baseline_arousal=baseline_arousal)
        self._modulation = modulation or Modulation(rule_from(config))

    def update(self, query_embedding: npt.ArrayLike) -> ArousalState:
        """Take in a query.

        Raises
        ------
        ShapeError, NonFiniteError
            Nothing was changed.
        """
        vector = as_vector(query_embedding, self._modulation.dim, "query_embedding")
        self._modulation.query(vector, 0.0, 0.0)
        return self.state

    @property
    def state(self) -> ArousalState:
        """Current arousal."""
        now = self._modulation.now
        return ArousalState(now.novelty, now.phasic, now.norepinephrine)

    @property
    def gain(self) -> float:
        """Current factor of learning."""
        return self.state.gain
