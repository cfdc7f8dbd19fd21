from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain import Memory

VECTORS = np.eye(4, dtype=np.float32)


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    made = Memory(tmp_path / "m.db", dim=4)
    for i, vector in enumerate(VECTORS):
        made.remember(f"fact number {i}", vector=vector, id=i)
    return made


def test_answered_recalls_and_judgments_come_in_order(memory: Memory) -> None:
    recall = memory.recall("fact", 3, vector=VECTORS[0] + VECTORS[1])
    memory.recall("never answered", 3, vector=VECTORS[2])
    first = memory.feedback(
        recall,
        used=[recall.hits[0].id],
        quality=0.25,
        latency_ms=30.0,
        target_latency_ms=20.0,
        model_tier=2,
    )
    second = memory.judge("number", {3: 1.0, 0: 0.0}, vector=VECTORS[3])
    lesson, judged = memory.lessons()
    assert (lesson.seq, judged.seq) == (first.seq, second.seq)
    assert (lesson.quality, lesson.latency_ratio, lesson.model) == (0.25, 1.5, 2)
    shown = [int(str(hit.id)) for hit in recall.hits]
    others = np.mean([VECTORS[id] for id in shown[1:]], axis=0)
    np.testing.assert_allclose(lesson.direction, VECTORS[shown[0]] - others, atol=1e-3)
    np.testing.assert_array_equal(sorted(lesson.handles), sorted(shown))
    assert lesson.query is not None
    assert np.linalg.norm(lesson.query) == pytest.approx(1.0, abs=1e-3)
    assert (judged.quality, judged.latency_ratio, judged.model) == (1.0, 1.0, None)
    np.testing.assert_allclose(judged.direction, VECTORS[3] - VECTORS[0], atol=1e-3)
    assert [each.seq for each in memory.lessons(after=first.seq)] == [second.seq]
    assert [each.seq for each in memory.lessons(most=1)] == [first.seq]
    memory.close()


def test_what_was_rolled_back_or_forgotten_teaches_nothing(memory: Memory) -> None:
    kept = memory.judge("one", {0: 1.0, 1: 0.0}, vector=VECTORS[0])
    memory.judge("two", {1: 1.0, 2: 0.0}, vector=VECTORS[1])
    memory.rollback(kept)
    memory.forget(1, erase=False)
    (lesson,) = memory.lessons()
    assert lesson.seq == kept.seq
    np.testing.assert_array_equal(lesson.handles, [0])
    assert not lesson.direction.any()
    memory.close()


def test_a_new_file_has_no_lessons(tmp_path: Path) -> None:
    with Memory(tmp_path / "new.db", dim=4) as memory:
        assert memory.lessons() == []
