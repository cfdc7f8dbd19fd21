"""Plasticity beyond the three factors: depression, scaling, sliding thresholds, tags, anchors."""

from __future__ import annotations

from engrain.learning.plasticity.consolidation import (
    EWCRegularizer,
    SynapticIntelligence,
    fisher_information,
)
from engrain.learning.plasticity.depression import LTDEngine
from engrain.learning.plasticity.homeostasis import HomeostaticScaler, Scaling
from engrain.learning.plasticity.metaplasticity import MetaplasticityController
from engrain.learning.plasticity.tagging import SynapticTag, SynapticTagger

__all__ = [
    "EWCRegularizer",
    "HomeostaticScaler",
    "LTDEngine",
    "MetaplasticityController",
    "Scaling",
    "SynapticIntelligence",
    "SynapticTag",
    "SynapticTagger",
    "fisher_information",
]
