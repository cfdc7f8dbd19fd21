from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.arrays import F32Array
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError, SnapshotError, UnknownIdError
from engrain.policy.memory_bank import DAY, MemoryBank, Merge

DIM = 16


def vector(seed: int, near: int | None = None) -> F32Array:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(DIM)
    x /= np.linalg.norm(x)
    if near is not None:
        x = vector(near) + 0.1 * x
    return np.asarray(x / np.linalg.norm(x), np.float32)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(1e9)


@pytest.fixture
def bank(tmp_path: Path, clock: SimulatedClock) -> Iterator[MemoryBank]:
    with Memory(tmp_path / "m.db", dim=DIM, clock=clock) as memory:
        yield MemoryBank(memory, clock=clock, merges=tmp_path / "merges")


def test_decay_follows_time_not_calls(bank: MemoryBank, clock: SimulatedClock) -> None:
    a = bank.add("a", vector(1), importance=0.8)
    b = bank.add("b", vector(2), importance=1e-4)
    assert bank.decay() == {a: 0.8, b: 0.01}
    for _ in range(10):
        clock.advance(3 * DAY)
        bank.decay()
    assert bank.importance(a) == pytest.approx(0.8 * np.exp(-0.3), rel=1e-12)
    assert bank.decay()[b] == 0.01
    bank.memory.recall(vector=vector(1), k=1)
    found = bank.memory.recall(vector=vector(1), k=1)
    bank.memory.feedback(found, outcomes={a: 1.0})
    assert bank.importance(a) == pytest.approx(0.9)  # accessed now, quality 1


def test_retrieves_by_cosine_or_gate_and_leaves_no_trace(bank: MemoryBank) -> None:
    ids = [bank.add(None, vector(n), importance=n / 10) for n in range(6)]
    rows = np.stack([vector(n) for n in range(6)])
    expected = np.argsort(-(rows @ vector(3)))[:4]
    found = bank.retrieve(3.0 * vector(3), 4)
    assert [id for id, _ in found] == [ids[n] for n in expected]
    assert abs(found[0][1] - 1.0) < 1e-3
    head = bank.memory.flush()
    assert {id for id, _ in bank.retrieve(vector(3), 6, min_importance=0.35)} == {*ids[4:]}

    class Backwards:
        def score_memories(self, situation: F32Array, memories: F32Array) -> F32Array:
            return np.asarray(-(memories @ situation), np.float32)

    assert bank.retrieve(vector(3), 6, Backwards())[-1][0] == ids[3]
    assert bank.memory.flush() == head


def test_consolidation_keeps_the_most_important_and_can_be_undone(
    bank: MemoryBank, tmp_path: Path, clock: SimulatedClock
) -> None:
    far = bank.add("far", vector(9), importance=0.1)
    low = bank.add("low", vector(11, near=1), importance=0.2)
    top = bank.add("top", vector(1), importance=0.9)
    mid = bank.add("mid", vector(12, near=1), importance=0.5)
    hash_before, importance = bank.memory.state_hash, bank.decay()
    (merge,) = bank.consolidate()
    assert (merge.kept, set(merge.merged)) == (top, {low, mid})
    assert bank.ids() == [far, top]
    assert bank.merges == [merge]
    assert bank.consolidate() == []
    again = MemoryBank(bank.memory, clock=clock, merges=tmp_path / "merges")
    assert again.ids() == [far, top]
    assert again.undo(again.merges) == 2
    assert again.decay() == importance
    assert bank.memory.state_hash == hash_before
    assert MemoryBank(bank.memory, clock=clock, merges=tmp_path / "merges").merges == []


def test_stars_not_chains(bank: MemoryBank) -> None:
    angle = 0.25  # neighbours at cos 0.969, the ends of three at 0.878

    def at(n: int) -> F32Array:
        x = np.zeros(DIM, np.float32)
        x[:2] = np.cos(n * angle), np.sin(n * angle)
        return x

    ids = [bank.add(None, at(n), importance=0.9 - n / 10) for n in range(3)]
    assert bank.consolidate(0.95) == [Merge(ids[0], (ids[1],))]
    assert bank.consolidate(0.85) == [Merge(ids[0], (ids[2],))]
    assert bank.undo() == 2


def test_a_merge_into_a_merged_memory_follows(bank: MemoryBank, clock: SimulatedClock) -> None:
    a = bank.add(None, vector(1), importance=0.5)
    b = bank.add(None, vector(11, near=1), importance=0.4)
    bank.consolidate()
    c = bank.add(None, vector(12, near=1), importance=0.9)
    bank.consolidate()
    assert bank.ids() == [c]
    assert {id for merge in bank.merges for id in merge.merged} == {a, b}
    bank.memory.forget(c)
    assert set(bank.ids()) == {a, b}  # nobody stands for them any more


def test_prune_keeps_the_most_important(bank: MemoryBank) -> None:
    worth = [0.3, 0.9, 0.1, 0.7, 0.5]
    ids = [bank.add(None, vector(n), importance=w) for n, w in enumerate(worth)]
    twin = bank.add(None, vector(21, near=1), importance=0.8)
    bank.consolidate()
    assert bank.prune(6) == []
    assert bank.prune(5) == [twin]
    assert bank.prune(2) == [ids[2], ids[0], ids[4]]
    assert bank.ids() == [ids[1], ids[3]]
    assert len(bank) == 2
    bank.max_memories = 1
    assert bank.prune() == [ids[3]]


def test_vectors_follow_the_memory(bank: MemoryBank) -> None:
    a = bank.add(None, 5.0 * vector(1))
    np.testing.assert_allclose(bank.vectors([a, a]), [vector(1)] * 2, atol=1e-3)
    b = bank.add(None, vector(2))
    np.testing.assert_allclose(bank.vectors([b]), [vector(2)], atol=1e-3)
    bank.memory.forget(a)
    with pytest.raises(UnknownIdError):
        bank.vectors([a])


def test_vectors_are_those_the_memory_holds_now(bank: MemoryBank) -> None:
    bank.add(embedding=np.eye(DIM)[0], id="x")
    np.testing.assert_array_equal(bank.vectors(["x"]), np.eye(DIM)[:1])
    bank.add(embedding=3 * np.eye(DIM)[1], id="x")
    np.testing.assert_array_equal(bank.vectors(["x", "x"]), np.eye(DIM)[[1, 1]])
    assert bank.vectors([]).shape == (0, DIM)


def test_opens_a_file_of_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        with MemoryBank(tmp_path / "own.db") as bank:
            bank.add("the same text")
            bank.consolidate()
    with MemoryBank(tmp_path / "own.db") as bank:
        assert len(bank) == 1
        assert len(bank.memory) == 2
    (tmp_path / "own.db.merges").write_text("[[1]]")
    with pytest.raises(SnapshotError):
        MemoryBank(tmp_path / "own.db")


def test_bad_arguments_are_refused(bank: MemoryBank) -> None:
    with pytest.raises(ConfigError):
        MemoryBank(bank.memory, max_memories=0)
    with pytest.raises(ConfigError):
        MemoryBank(bank.memory, decay_rate=-1.0)
    with pytest.raises(ConfigError):
        bank.add("x", importance=1.1)
    with pytest.raises(ConfigError):
        bank.consolidate(1.5)
    with pytest.raises(ConfigError):
        bank.prune(-1)
    assert bank.retrieve(vector(1)) == []
    assert bank.consolidate() == []
