from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from engrain.base.arrays import F32Array, I64Array
from engrain.loops.abstraction import abstract_patterns, concept_levels
from engrain.loops.hierarchy import Cluster
from engrain.loops.patterns import LearnedPattern, ReasoningBank

FANS, SPREADS, DIM = (4, 4, 4, 6), (1.0, 0.55, 0.3, 0.16), 96


def planted(seed: int) -> tuple[F32Array, list[I64Array]]:
    """Return 384 points in 4 groups of 4 groups of 4 groups of 6, and each level's labels."""
    rng = np.random.default_rng(seed)
    points = np.zeros((1, DIM))
    labels: list[I64Array] = []
    for spread, fan in zip(SPREADS, FANS, strict=True):
        points = np.repeat(points, fan, axis=0)
        points = points + spread * rng.standard_normal(points.shape) / np.sqrt(DIM)
        labels = [np.repeat(level, fan) for level in labels] + [np.arange(len(points))]
    return points.astype(np.float32), labels[:-1]


def bank_of(points: F32Array) -> ReasoningBank:
    bank = ReasoningBank(points.shape[1], merge_cosine=1.0)
    for point in points:
        bank.store(LearnedPattern(point, 0.9, size=5.0))
    return bank


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_hierarchy_is_found_level_by_level(seed: int) -> None:
    points, labels = planted(seed)
    bank = bank_of(points)
    ids = list(bank.get_all_patterns())
    concepts = abstract_patterns(bank)
    assert len({c.child_patterns for c in concepts}) == len(concepts) == 84
    for level, truth in zip((3, 2, 1), labels, strict=True):
        found = -1 - np.arange(len(points))
        for i, concept in enumerate(c for c in concepts if c.abstraction_level == level):
            found[[ids.index(child) for child in concept.child_patterns]] = i
        assert adjusted_rand_score(truth, found) >= 0.9


def test_a_concept_is_the_sum_of_its_patterns() -> None:
    points, _ = planted(5)
    bank = bank_of(points)
    patterns = bank.get_all_patterns()
    concept = abstract_patterns(bank)[0]
    members = [patterns[child] for child in concept.child_patterns]
    total = np.sum([m.size * m.confidence * m.centroid for m in members], axis=0)
    np.testing.assert_allclose(concept.centroid, total / np.linalg.norm(total), atol=1e-6)
    assert concept.size == sum(m.size for m in members)
    assert 0 < concept.confidence <= 0.9


def test_noise_has_no_concepts_and_few_patterns_neither() -> None:
    rows = np.random.default_rng(0).standard_normal((200, DIM)).astype(np.float32)
    assert abstract_patterns(bank_of(rows)) == []
    assert abstract_patterns(bank_of(rows[:3])) == []


def test_levels_count_from_the_finest() -> None:
    clusters = [
        Cluster(np.array(rows), 2.0, 1.0)
        for rows in ([0, 1, 2, 3, 4], [0, 1], [2, 3], [0, 1, 2, 3])
    ]
    assert concept_levels(clusters) == [3, 1, 1, 2]


def test_concepts_are_built_anew_without_growing() -> None:
    bank = bank_of(planted(1)[0])
    for _ in range(3):
        concepts = abstract_patterns(bank)
        bank.drop_meta()
        for concept in concepts:
            bank.store_meta(concept)
    stored = [p for p in bank.get_all_patterns().values() if p.abstraction_level > 0]
    assert sum(p.size for p in stored) == sum(c.size for c in concepts)
