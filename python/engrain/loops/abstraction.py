"""Concepts above patterns: each stable cluster of the pattern tree once, with its level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engrain.loops.hierarchy import LARGEST, Cluster, HierarchicalClustering
from engrain.loops.patterns import LearnedPattern, ReasoningBank


def concept_levels(clusters: Sequence[Cluster]) -> list[int]:
    """Return the level of each cluster: 1 if it holds no other, else one above the highest."""
    order = sorted(range(len(clusters)), key=lambda i: len(clusters[i].members))
    levels = [1] * len(clusters)
    inside: dict[int, int] = {}  # row to the largest cluster seen that holds it
    for i in order:
        rows = clusters[i].members.tolist()
        within = {inside[row] for row in rows if row in inside}
        levels[i] = 1 + max((levels[j] for j in within), default=0)
        inside.update(dict.fromkeys(rows, i))
    return levels


def abstract_patterns(
    bank: ReasoningBank, *, min_size: int = 4, min_stability: float = 1.5
) -> list[LearnedPattern]:
    """Return concepts above the patterns of questions in a bank, the finest first.

    Ward's tree of the patterns' directions; only clusters of more than three that stand out from
    their surroundings count, and each node of the tree at most once.

    Parameters
    ----------
    bank : ReasoningBank
    min_size : int
    min_stability : float
        How many times the height of its own merge a cluster's parent must have.
    """
    patterns = {
        key: pattern
        for key, pattern in bank.get_all_patterns().items()
        if pattern.abstraction_level == 0
    }
    if len(patterns) < min_size:
        return []
    kept = sorted(patterns, key=lambda key: (-patterns[key].size, key))[:LARGEST]
    ids = np.array(sorted(kept), np.int64)
    rows = np.stack([patterns[key].centroid for key in ids.tolist()])
    tree = HierarchicalClustering().fit(rows)
    clusters = tree.stable_clusters(min_size=min_size, min_stability=min_stability)
    levels = concept_levels(clusters)
    made = [
        _concept([patterns[key] for key in ids[c.members].tolist()], level, ids[c.members].tolist())
        for c, level in zip(clusters, levels, strict=True)
    ]
    return sorted(made, key=lambda concept: concept.abstraction_level)


def _concept(members: list[LearnedPattern], level: int, ids: list[int]) -> LearnedPattern:
    total = sum(m.size * m.confidence * m.centroid.astype(np.float64) for m in members)
    size = sum(m.size for m in members)
    length = float(np.linalg.norm(total))
    centroid = (np.asarray(total) / max(length, 1e-300)).astype(np.float32)
    return LearnedPattern(centroid, length / size, level, tuple(ids), size)
