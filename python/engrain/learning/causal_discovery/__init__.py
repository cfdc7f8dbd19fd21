"""Causal graphs from streams: sufficient statistics, PC, temporal knowledge, attribution."""

from __future__ import annotations

from engrain.learning.causal_discovery.attribution import explained_variance, shapley
from engrain.learning.causal_discovery.background import BackgroundKnowledge
from engrain.learning.causal_discovery.discovery import CausalDiscovery, CausalGraph
from engrain.learning.causal_discovery.independence import FisherZ, GSquare, IndependenceTest
from engrain.learning.causal_discovery.pc import pc
from engrain.learning.causal_discovery.statistics import DiscreteStatistics, GaussianStatistics

__all__ = [
    "BackgroundKnowledge",
    "CausalDiscovery",
    "CausalGraph",
    "DiscreteStatistics",
    "FisherZ",
    "GSquare",
    "GaussianStatistics",
    "IndependenceTest",
    "explained_variance",
    "pc",
    "shapley",
]
