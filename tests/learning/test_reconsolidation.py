from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.learning.persistence import load_checkpoint, save_checkpoint
from engrain.learning.reconsolidation import ReconsolidationEngine
from tests.strategies import normal, seeds


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@given(seed=seeds, outcome=st.floats(0, 1), importance=st.floats(0, 10))
def test_a_memory_turns_toward_what_helped_and_away_from_what_failed(
    seed: int, outcome: float, importance: float
) -> None:
    memory, query = normal(seed, 24), normal(seed + 1, 24)
    engine = ReconsolidationEngine(base_lr=0.5, store={"m": memory})
    after = engine.update_embedding("m", query, outcome, importance)
    if after is None:
        assert abs(outcome - 0.5) < 1e-6
        return
    assert np.linalg.norm(after) == pytest.approx(1.0, abs=1e-5)
    turn = cosine(after, query) - cosine(memory, query)
    assert turn * np.sign(outcome - 0.5) >= -1e-6
    assert np.arccos(min(1.0, cosine(after, memory))) <= 0.1 + 1e-3


def test_importance_protects_and_opposite_outcomes_mirror() -> None:
    memory, query = normal(0, 16), normal(1, 16)
    turns = []
    for outcome, importance in ((0.9, 0.0), (0.9, 9.0), (0.1, 0.0)):
        engine = ReconsolidationEngine(base_lr=0.1, store={"m": memory})
        after = engine.update_embedding("m", query, outcome, importance)
        assert after is not None
        turns.append(cosine(after, query) - cosine(memory, query))
    assert turns[0] > 5 * turns[1] > 0 > turns[2]


def test_retrieval_opens_the_window_and_time_closes_it() -> None:
    clock = SimulatedClock(1e9)
    engine = ReconsolidationEngine(
        store={"m": normal(0, 8)}, require_retrieval=True, lability_window=60.0, clock=clock
    )
    query, before = normal(1, 8), engine.get("m")
    assert engine.update_embedding("m", query, 0.9) is None
    engine.mark_retrieved("m")
    clock.advance(59.0)
    assert engine.is_labile("m")
    assert engine.update_embedding("m", query, 0.9) is not None
    clock.advance(2.0)
    assert engine.update_embedding("m", query, 0.9) is None
    assert before is not None
    assert len(engine.history) == 1
    assert engine.history[0].rate == pytest.approx(0.004)
    assert engine.history[0].cosine == pytest.approx(cosine(before, query), abs=1e-5)


def test_what_is_unknown_or_matches_does_not_change() -> None:
    memory = normal(2, 8)
    engine = ReconsolidationEngine(store={"m": memory})
    engine.mark_retrieved("unknown")
    assert engine.update_embedding("unknown", normal(3, 8), 0.9) is None
    assert engine.update_embedding("m", memory * 3, 0.9) is None
    assert engine.update_embedding("m", normal(3, 8), 0.5) is None
    np.testing.assert_array_equal(engine.get("m"), memory)
    assert engine.get("unknown") is None
    changed = engine.batch_reconsolidate({"m": 0.9, "unknown": 0.9}, normal(3, 8))
    assert list(changed) == ["m"]


def test_the_cap_holds_and_the_newest_stays() -> None:
    engine = ReconsolidationEngine(max_memories=100, max_history=5)
    for i in range(300):
        engine.add(i, normal(i, 4))
        engine.update_embedding(i, normal(i + 1, 4), 0.9)
    assert len(engine) == 100
    assert engine._vectors.shape == (100, 4)
    assert len(engine.history) == 5
    assert 299 in engine
    assert 0 not in engine
    engine.add(1000, normal(0, 4))
    assert not engine.is_labile(1000)


def test_saved_and_continued_is_not_having_stopped(tmp_path: Path) -> None:
    clock = SimulatedClock(5.0)
    first = ReconsolidationEngine(store={i: normal(i, 8) for i in range(10)}, clock=clock)
    second = ReconsolidationEngine(clock=clock)
    first.update_embedding(3, normal(50, 8), 0.9)
    save_checkpoint(tmp_path / "r", {"engine": first})
    load_checkpoint(tmp_path / "r", {"engine": second})
    for i in range(10):
        a, b = (e.update_embedding(i, normal(60 + i, 8), 0.2) for e in (first, second))
        np.testing.assert_array_equal(a, b)


def test_bad_input_is_refused_before_anything_changes() -> None:
    memory = normal(0, 4)
    engine = ReconsolidationEngine(store={"m": memory})
    for outcome in (np.nan, np.inf, -0.1, 100.0):
        with pytest.raises(ValueError, match="outcome"):
            engine.update_embedding("m", memory, outcome)
    with pytest.raises(ValueError, match="query_embedding"):
        engine.update_embedding("m", [np.nan] * 4, 0.9)
    with pytest.raises(ValueError, match="query_embedding"):
        engine.update_embedding("m", [1.0, 2.0], 0.9)
    with pytest.raises(ValueError, match="importance"):
        engine.update_embedding("m", memory, 0.9, importance=-1.0)
    with pytest.raises(ValueError, match="vector"):
        engine.add("n", [1.0])
    with pytest.raises(ValueError, match="base_lr"):
        ReconsolidationEngine(base_lr=0.0)
    with pytest.raises(ValueError, match="lability"):
        ReconsolidationEngine(lability_window=0.0)
    np.testing.assert_array_equal(engine.get("m"), memory)
    assert len(engine) == 1
