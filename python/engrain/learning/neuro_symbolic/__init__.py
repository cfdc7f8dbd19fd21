"""Reasoning on triples: an indexed store, strongest paths, rules from paths, fusion, RDF."""

from __future__ import annotations

from engrain.learning.neuro_symbolic.fusion import LearnedFusion
from engrain.learning.neuro_symbolic.ntriples import to_ntriples
from engrain.learning.neuro_symbolic.paths import Path, Step, best_paths
from engrain.learning.neuro_symbolic.reasoner import NeuroSymbolicReasoner, event_triples
from engrain.learning.neuro_symbolic.rules import PathFusion
from engrain.learning.neuro_symbolic.triples import Triple, TripleStore

__all__ = [
    "LearnedFusion",
    "NeuroSymbolicReasoner",
    "Path",
    "PathFusion",
    "Step",
    "Triple",
    "TripleStore",
    "best_paths",
    "event_triples",
    "to_ntriples",
]
