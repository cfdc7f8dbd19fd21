from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError
from engrain.base.protocols import Adopter, Component, Query, Trace
from engrain.loops import (
    BackgroundLearningConfig,
    LoopCoordinator,
    PatternMemory,
    SONAConfig,
)
from tests.strategies import normal

DIM = 16
AXES = np.eye(DIM, dtype=np.float32)


def query(vector: F32Array | None) -> Query:
    return Query("", vector, 0, 0.0)


def teach(patterns: PatternMemory, vector: F32Array, helped: int, *, worth: float = 1.0) -> None:
    handles = np.array([helped, 99], np.int64)
    nothing = np.zeros((2, 1), np.float32)
    trace = Trace(query(vector), handles, nothing, nothing[:, 0])
    patterns.learn(trace, np.array([worth, 0.0], np.float32))


def scores(patterns: PatternMemory, vector: F32Array | None) -> list[float]:
    out = np.full(3, 7.0, np.float32)
    patterns.score(query(vector), np.array([1, 2, 99], np.int64), out)
    return [float(x) for x in out]


def taught() -> PatternMemory:
    patterns = PatternMemory()
    patterns.adopt({"centroids": AXES[:2]})
    teach(patterns, AXES[0], 1)
    teach(patterns, AXES[0], 1)
    teach(patterns, AXES[1], 2, worth=0.5)
    return patterns


def test_it_is_a_component_that_hangs_in_by_name(tmp_path: Path) -> None:
    assert isinstance(PatternMemory(), Component)
    assert isinstance(PatternMemory(), Adopter)
    with Memory(tmp_path / "m.db", dim=DIM, components=["patterns"]) as memory:
        assert memory.adopters() == ("patterns",)
        memory.remember("a fact", vector=AXES[0])
        assert "patterns" in memory.recall("fact", vector=AXES[0]).hits[0].components


def test_what_helped_questions_of_a_kind_scores_on_the_next_one_only() -> None:
    patterns = taught()
    assert scores(patterns, AXES[0]) == pytest.approx([2 / 3, 0.0, 0.0])
    assert scores(patterns, AXES[1]) == pytest.approx([0.0, 0.5 / 1.5, 0.0])
    between = (AXES[0] + AXES[1]) / np.float32(np.sqrt(2))
    gate = min(0.5, (np.sqrt(0.5) - 0.3) / 0.7)
    assert scores(patterns, between) == pytest.approx([gate * 2 / 3, gate / 3, 0.0], rel=1e-5)
    assert scores(patterns, AXES[5]) == scores(patterns, None) == [0.0, 0.0, 0.0]


def test_without_patterns_nothing_scores_and_lessons_wait_for_them() -> None:
    patterns = PatternMemory()
    teach(patterns, AXES[0], 1)
    assert scores(patterns, AXES[0]) == [0.0, 0.0, 0.0]
    patterns.adopt({"centroids": AXES[:3]})
    assert scores(patterns, AXES[0]) == pytest.approx([0.5, 0.0, 0.0])


def test_forgetting_takes_back_exactly_what_was_earned() -> None:
    patterns, other = taught(), PatternMemory()
    other.adopt({"centroids": AXES[:2]})
    teach(other, AXES[1], 2, worth=0.5)
    patterns.forget(1)
    patterns.forget(77)
    assert scores(patterns, AXES[0]) == [0.0, 0.0, 0.0]
    assert scores(patterns, AXES[1]) == scores(other, AXES[1])


def test_the_oldest_lesson_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engrain.loops.pattern_memory.KEPT_LESSONS", 2)
    patterns = taught()
    assert scores(patterns, AXES[0]) == pytest.approx([0.5, 0.0, 0.0])
    teach(patterns, AXES[1], 2)
    assert scores(patterns, AXES[0]) == [0.0, 0.0, 0.0]


def test_state_goes_on_bit_for_bit() -> None:
    patterns, other = taught(), PatternMemory()
    other.load(patterns.state())
    for each in (patterns, other):
        teach(each, AXES[0] + np.float32(0.1) * AXES[3], 2, worth=0.3)
    assert scores(patterns, AXES[0]) == scores(other, AXES[0])
    for name, array in patterns.state().items():
        np.testing.assert_array_equal(other.state()[name], array)
    empty = PatternMemory()
    empty.load(PatternMemory().state())
    assert scores(empty, AXES[0]) == [0.0, 0.0, 0.0]


def test_patterns_that_do_not_fit_are_refused() -> None:
    patterns = taught()
    for bad in (AXES[:2, :5], np.zeros((257, DIM), np.float32), AXES[0]):
        with pytest.raises(ShapeError):
            patterns.adopt({"centroids": bad})
    assert scores(patterns, AXES[0])[0] > 0


def test_the_background_loop_feeds_it_and_the_log_keeps_what_it_took(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    background = BackgroundLearningConfig(num_clusters=4, checkpoint_dir=tmp_path / "loops")
    sona = SONAConfig(dim=DIM, models=1, hidden=4, background=background)
    noise = normal(1, 40, DIM) * np.float32(0.1)
    with Memory(path, dim=DIM, components=["patterns"]) as memory:
        memory.remember_many({"text": f"fact {i}", "vector": AXES[i], "id": i} for i in range(DIM))
        for i in range(40):
            recall = memory.recall("fact", 8, vector=AXES[i % 4] + noise[i])
            memory.feedback(recall, used=[recall.hits[0].id])
        coordinator = LoopCoordinator(sona, memory=memory)
        assert coordinator.run_background().patterns_kept > 0
        found = memory.candidates(vector=AXES[0])
        column = found.rows[:, found.names.index("patterns")]
        assert column.max() > 0.5
        with pytest.raises(ConfigError, match="patterns"):
            memory.adopt("dreams", {})
        before, hash = found, memory.state_hash
    with Memory(path, components=["patterns"]) as memory:
        assert memory.verify().ok
        assert memory.state_hash == hash
        again = memory.candidates(vector=AXES[0])
        np.testing.assert_array_equal(again.rows, before.rows)
        memory.rollback(0)
        assert not memory.candidates(vector=AXES[0]).rows[:, found.names.index("patterns")].any()
