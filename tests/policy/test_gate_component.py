from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.clock import SimulatedClock
from engrain.base.protocols import Component, Query, Record
from engrain.policy.gate_component import GateComponent
from tests.policy.test_gate import unit

DIM = 24


def ask_and_teach(memory: Memory, seed: int, n: int) -> None:
    """Ask for what lies where a hidden matrix turns the request to."""
    hidden = np.eye(DIM) + 4 * np.outer(unit(1, DIM), unit(2, DIM))
    vectors, ids = memory.vectors(), memory.ids()
    for number in range(n):
        s = unit(10_000 * seed + number, DIM)
        recall = memory.recall(vector=s, k=10)
        shown = [hit.id for hit in recall]
        best = max(shown, key=lambda one: float(vectors[ids.index(one)] @ hidden @ s))
        memory.feedback(recall, outcomes={id: float(id == best) for id in shown})


def opened(path: Path, clock: SimulatedClock) -> Memory:
    return Memory(path, dim=DIM, components=["gate"], clock=clock, prior="base")


def test_hangs_into_a_memory_by_name_and_replays(tmp_path: Path) -> None:
    clock = SimulatedClock(1e9)
    with opened(tmp_path / "m.db", clock) as memory:
        memory.remember_many([{"vector": v, "id": n} for n, v in enumerate(unit(3, 60, DIM))])
        names = memory.recall(vector=unit(5, DIM), k=3, log=False)[0].components
        assert names["gate"] == 0.0
        ask_and_teach(memory, 2, 150)
        column = memory.candidates(vector=unit(5, DIM)).names.index("gate")
        rows = memory.candidates(vector=unit(5, DIM)).rows
        assert rows[:, column].any()
        before = memory.state_hash
    with opened(tmp_path / "m.db", clock) as memory:
        assert memory.state_hash == before
        np.testing.assert_array_equal(memory.candidates(vector=unit(5, DIM)).rows, rows)
        ask_and_teach(memory, 3, 5)
        memory.judge(None, {4: 1.0}, vector=unit(9, DIM))
        memory.refit()
        memory.forget(7)
        hash_live = memory.state_hash
    with opened(tmp_path / "m.db", clock) as memory:
        assert memory.state_hash == hash_live


def test_untaught_it_changes_no_ranking(tmp_path: Path) -> None:
    clock, found = SimulatedClock(1e9), []
    for name, components in (("with.db", ["gate"]), ("without.db", [])):
        with Memory(tmp_path / name, dim=DIM, components=components, clock=clock) as memory:
            memory.remember_many([{"vector": v, "id": n} for n, v in enumerate(unit(3, 60, DIM))])
            hits = memory.recall(vector=unit(5, DIM), k=20, log=False)
            found.append([(hit.id, hit.score) for hit in hits])
    assert found[0] == found[1]


def test_a_judgment_is_learned_once(tmp_path: Path) -> None:
    with opened(tmp_path / "m.db", SimulatedClock(1e9)) as memory:
        memory.remember_many([{"vector": v, "id": n} for n, v in enumerate(unit(3, 60, DIM))])
        for number in range(60):
            memory.judge(None, {number % 60: 1.0}, vector=unit(100 + number, DIM))
        report = memory.refit()
        assert report.fitted
        assert report.weights["gate"] >= 0.0


def test_works_without_vectors_and_with_gaps() -> None:
    gate = GateComponent()
    assert isinstance(gate, Component)
    gate.remember(Record(0, "text", None, {}, None, None, 0.0))
    gate.remember(Record(200, "text", unit(1, DIM), {}, None, None, 0.0))
    gate.remember(Record(3, "text", unit(2, DIM), {}, None, None, 0.0))
    gate.forget(3)
    gate.forget(900)
    out = np.full(3, 7.0, np.float32)
    gate.score(Query("q", unit(3, DIM), 0, 0.0), np.array([0, 200, 950]), out)
    assert out.tolist() == [7.0] * 3  # nothing learned: the caller's zeros stay
    assert gate.state() == {}
    with pytest.raises(KeyError):
        gate.load({"watch/sums": np.zeros(3)})
