from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.loops import LearnedPattern, PatternExtractor, ReasoningBank

DIM, TOPICS = 64, 8


def questions(seed: int, n: int = 400) -> F32Array:
    """Return questions around fixed topics, of all lengths."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(np.random.default_rng(99).standard_normal((DIM, TOPICS)))[0].T
    rows = centres[rng.integers(0, TOPICS, n)] + 0.3 / np.sqrt(DIM) * rng.standard_normal((n, DIM))
    scaled: F32Array = (rows * rng.uniform(0.1, 10.0, (n, 1))).astype(np.float32)
    return scaled


def cycle(bank: ReasoningBank, seed: int) -> None:
    bank.store_all(PatternExtractor(bank, seed=seed).extract(questions(seed), 3 * TOPICS))


def test_ten_cycles_leave_no_double() -> None:
    bank = ReasoningBank(DIM)
    for seed in range(10):
        cycle(bank, seed)
    patterns = list(bank.get_all_patterns().values())
    centroids = np.stack([p.centroid for p in patterns])
    cosines = centroids @ centroids.T - np.eye(len(patterns))
    assert len(patterns) == TOPICS
    assert cosines.max() < bank.merge_cosine
    assert sum(p.size for p in patterns) == 4000


def test_a_merged_pattern_equals_the_pattern_of_all_its_questions() -> None:
    bank, topic = ReasoningBank(DIM), np.eye(1, DIM, dtype=np.float32)
    rows = topic + 0.02 * np.random.default_rng(3).standard_normal((100, DIM)).astype(np.float32)
    extractor = PatternExtractor(bank)
    for part in (rows[:30], rows[30:]):
        (pattern,) = extractor.extract(part, 1)
        bank.store(pattern)
    (whole,) = extractor.extract(rows, 1)
    (kept,) = bank.get_all_patterns().values()
    np.testing.assert_allclose(kept.centroid, whole.centroid, atol=1e-6)
    assert kept.confidence == pytest.approx(whole.confidence, rel=1e-6)
    assert kept.size == 100


def test_patterns_that_grow_together_become_one() -> None:
    bank = ReasoningBank(2, merge_cosine=0.9)
    first, apart, between = (
        LearnedPattern(np.array([np.cos(angle), np.sin(angle)], dtype=np.float32), 1.0)
        for angle in np.radians([0.0, 30.0, 14.0])
    )
    kept_id = bank.store(first)
    assert bank.store(apart) != kept_id
    assert bank.store(between) == kept_id
    (kept,) = bank.get_all_patterns().values()
    assert kept.size == 3


def test_patterns_stored_at_once_are_those_stored_one_by_one() -> None:
    whole, single = (ReasoningBank(DIM, capacity=6) for _ in range(2))
    for seed in range(3):
        found = PatternExtractor(whole, seed=seed).extract(questions(seed), 3 * TOPICS)
        family = [replace(p, child_patterns=(100 * seed + i,)) for i, p in enumerate(found)]
        assert whole.store_all(family) == [single.store(pattern) for pattern in family]
    assert whole.store_all([]) == []
    for name, array in whole.export().items():
        np.testing.assert_array_equal(single.export()[name], array)
    children = [p.child_patterns for p in whole.get_all_patterns().values()]
    assert max(map(len, children)) > 1


def test_forgotten_patterns_of_patterns_leave_the_others_as_they_were() -> None:
    bank, (low, other, high) = ReasoningBank(DIM), np.eye(3, DIM, dtype=np.float32)
    kept = [bank.store(LearnedPattern(low, 1.0))]
    bank.store_meta(LearnedPattern(high, 0.9, 1, (kept[0],), 5.0))
    kept.append(bank.store(LearnedPattern(other, 1.0)))
    bank.drop_meta()
    assert list(bank.get_all_patterns()) == kept
    assert not len(bank.export()["children"])
    again = bank.store_meta(LearnedPattern(high, 0.9, 1, tuple(kept), 5.0))
    assert bank.get_all_patterns()[again].child_patterns == tuple(kept)


def test_the_nearest_patterns_come_best_first() -> None:
    bank = ReasoningBank(DIM)
    ids = [bank.store(LearnedPattern(v, 1.0)) for v in np.eye(3, DIM, dtype=np.float32)]
    query = np.zeros(DIM, dtype=np.float32)
    query[:3] = (0.1, 2.0, 0.5)
    found = bank.nearest(query, k=2)
    assert [id for id, _ in found] == [ids[1], ids[2]]
    assert found[0][1] == pytest.approx(2.0 / np.linalg.norm(query))


def test_a_bank_loaded_in_single_precision_learns_on() -> None:
    bank, (first, second) = ReasoningBank(DIM), np.eye(2, DIM, dtype=np.float32)
    bank.store(LearnedPattern(first, 1.0, size=4.0))
    state = bank.export()
    again = ReasoningBank(DIM)
    again.load(state | {name: state[name].astype(np.float32) for name in ("sums", "counts")})
    for each in (bank, again):
        each.store(LearnedPattern(first, 1.0, size=2.0))
        each.store(LearnedPattern(second, 0.5))
    for name, array in bank.export().items():
        np.testing.assert_array_equal(again.export()[name], array)


def test_patterns_of_patterns_are_kept_apart_with_their_children() -> None:
    bank, centre = ReasoningBank(DIM), np.eye(1, DIM, dtype=np.float32)[0]
    low = bank.store(LearnedPattern(centre, 1.0))
    high = bank.store_meta(LearnedPattern(centre, 0.9, 2, (low,), 5.0))
    meta = bank.get_all_patterns()[high]
    assert (meta.abstraction_level, meta.child_patterns) == (2, (low,))
    assert [id for id, _ in bank.nearest(centre)] == [low]


def test_a_full_bank_gives_up_the_pattern_of_the_fewest_questions() -> None:
    bank = ReasoningBank(DIM, capacity=2)
    first, second, third = np.eye(3, DIM, dtype=np.float32)
    kept = bank.store(LearnedPattern(first, 1.0, size=9.0))
    bank.store(LearnedPattern(second, 1.0, size=1.0))
    last = bank.store(LearnedPattern(third, 1.0, size=5.0))
    assert list(bank.get_all_patterns()) == [kept, last]


def test_the_exported_bank_goes_on_bit_for_bit() -> None:
    bank, other = ReasoningBank(DIM), ReasoningBank(DIM)
    cycle(bank, 1)
    bank.store_meta(LearnedPattern(np.eye(1, DIM, dtype=np.float32)[0], 0.9, 1, (0, 1), 5.0))
    other.load(bank.export())
    for each in (bank, other):
        cycle(each, 2)
    for name, array in bank.export().items():
        np.testing.assert_array_equal(other.export()[name], array)
    with pytest.raises(SnapshotError):
        ReasoningBank(DIM + 1).load(bank.export())


def test_rows_of_length_0_are_left_out_and_bad_ones_refused() -> None:
    bank = ReasoningBank(DIM)
    extractor = PatternExtractor(bank)
    assert extractor.extract(np.zeros((3, DIM), dtype=np.float32), 2) == []
    with pytest.raises(NonFiniteError):
        extractor.extract(np.full((3, DIM), np.nan, dtype=np.float32), 2)
    with pytest.raises(ShapeError):
        extractor.extract(np.zeros((3, DIM + 1), dtype=np.float32), 2)
    with pytest.raises(ShapeError, match="length 0"):
        bank.store(LearnedPattern(np.zeros(DIM, dtype=np.float32), 1.0))
    with pytest.raises(ConfigError, match="confidence"):
        bank.store(LearnedPattern(np.ones(DIM, dtype=np.float32), 0.0))
    with pytest.raises(ConfigError):
        ReasoningBank(DIM, merge_cosine=0.0)
    assert len(bank) == 0
