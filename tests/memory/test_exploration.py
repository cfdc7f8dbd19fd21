from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain import Memory
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError
from engrain.memory.answering import Ranked
from engrain.memory.exploration import REACH, explored
from tests.strategies import normal

K = 5


def ranked(n: int) -> Ranked:
    scores = -np.arange(n, dtype=np.float32)
    return Ranked(np.arange(n), np.repeat(scores[:, None], 2, 1).copy(), scores)


def opened(path: Path, *, explore: float = 0.3, seed: int = 0) -> Memory:
    memory = Memory(path, dim=8, explore=explore, seed=seed, clock=SimulatedClock(1e9))
    for i in range(60):
        memory.remember(f"word{i}", id=i, vector=normal(i, 1, 8)[0])
    return memory


@given(st.integers(0, 60), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32))
def test_only_the_last_place_may_change(n: int, k: int, rate: float, seed: int) -> None:
    shown, propensity = explored(ranked(n), k, rate, np.random.default_rng(seed))
    size = min(k, n)
    assert len(shown.handles) == len(shown.rows) == len(shown.scores) == size
    assert shown.handles[: size - 1].tolist() == list(range(max(0, size - 1)))
    assert (shown.rows[:, 0] == shown.scores).all()
    if size < 2 or n == size:
        assert (propensity, shown.handles.tolist()) == (1.0, list(range(size)))
        return
    others = min(REACH, n - size)
    last = int(shown.handles[-1])
    assert size - 1 <= last < size + others
    assert propensity == (1.0 - rate if last == size - 1 else rate / others)


def test_propensities_are_the_shares_with_which_memories_are_shown() -> None:
    rng, counts = np.random.default_rng(0), np.zeros(60)
    for _ in range(20_000):
        shown, propensity = explored(ranked(60), K, 0.4, rng)
        counts[shown.handles[-1]] += 1.0 / propensity
    np.testing.assert_allclose(counts[K - 1 : K + REACH] / 20_000, 1.0, atol=0.15)


def test_it_is_off_by_default_and_the_same_under_one_seed(tmp_path: Path) -> None:
    def lasts(name: str, explore: float = 0.3, seed: int = 0) -> list[tuple[object, float]]:
        with opened(tmp_path / name, explore=explore, seed=seed) as memory:
            recalls = [memory.recall("word", K, vector=normal(99, 1, 8)[0]) for _ in range(40)]
            return [(recall[K - 1].id, recall.propensity) for recall in recalls]

    assert {propensity for _, propensity in lasts("off.db", explore=0.0)} == {1.0}
    first = lasts("a.db")
    assert lasts("b.db") == first
    assert lasts("c.db", seed=1) != first
    assert {round(propensity, 6) for _, propensity in first} == {0.7, 0.3 / REACH}
    with pytest.raises(ConfigError, match="explore"):
        Memory(tmp_path / "d.db", explore=1.5)


def test_it_is_logged_learned_from_and_replayed(tmp_path: Path) -> None:
    with opened(tmp_path / "m.db", explore=0.5) as memory:
        told = []
        for _ in range(30):
            recall = memory.recall("word", K, vector=normal(99, 1, 8)[0])
            memory.feedback(recall, used=[recall[K - 1].id])
            told.append(recall.propensity)
        assert [lesson.propensity for lesson in memory.lessons()] == told
        assert len({round(propensity, 6) for propensity in told}) == 2
        assert memory.recall("word", K, log=False).propensity == 1.0
        hash = memory.state_hash
    with Memory(tmp_path / "m.db") as again:
        assert again.state_hash == hash
