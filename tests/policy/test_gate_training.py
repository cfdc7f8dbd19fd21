from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError
from engrain.policy.gate_component import GateComponent
from engrain.policy.gate_training import GateTraining
from tests.policy.test_gate import unit

pytestmark = pytest.mark.usefixtures("one_thread")

DIM = 24
HIDDEN = np.random.default_rng(5).standard_normal((DIM, DIM)).astype(np.float32)


def opened(path: Path, gate: GateComponent) -> Memory:
    clock = SimulatedClock(1e9)
    return Memory(path, dim=DIM, components=[gate], clock=clock, prior="base")


def ask_and_teach(memory: Memory, seed: int, n: int) -> None:
    """Say which of eight shown is best by a form of full rank."""
    vectors, place = memory.vectors(), {id: at for at, id in enumerate(memory.ids())}
    for number in range(n):
        s = unit(10_000 * seed + number, DIM)
        recall = memory.recall(vector=s, k=8)
        worth = {hit.id: float(s @ HIDDEN @ vectors[place[hit.id]]) for hit in recall}
        best = max(worth.values())
        memory.feedback(recall, outcomes={id: float(w == best) for id, w in worth.items()})


def fill(memory: Memory) -> None:
    memory.remember_many([{"vector": v, "id": n} for n, v in enumerate(unit(3, 60, DIM))])


def test_a_net_is_offered_by_the_log_promoted_by_what_it_ranks_and_replays(tmp_path: Path) -> None:
    gate = GateComponent(rank=2)
    with opened(tmp_path / "m.db", gate) as memory:
        fill(memory)
        training = GateTraining(memory, gate)
        ask_and_teach(memory, 1, 30)
        assert not training.run_once().offered
        ask_and_teach(memory, 2, 800)
        report = training.run_once()
        assert report.offered
        assert report.net < 0.9 * report.cosine
        assert gate.active == "inline"
        ask_and_teach(memory, 3, 300)
        assert gate.active == "nets"
        rows = memory.candidates(vector=unit(5, DIM)).rows
        before = memory.state_hash
    again = GateComponent(rank=2)
    with opened(tmp_path / "m.db", again) as memory:
        assert memory.state_hash == before
        assert again.active == "nets"
        np.testing.assert_array_equal(memory.candidates(vector=unit(5, DIM)).rows, rows)
        assert again._net is not None
        again._net.difference *= -1
        ask_and_teach(memory, 4, 100)
        assert again.active == "inline"


def test_a_proven_net_hands_its_place_to_a_better_one(tmp_path: Path) -> None:
    gate = GateComponent(rank=2)
    with opened(tmp_path / "m.db", gate) as memory:
        fill(memory)
        training = GateTraining(memory, gate)
        ask_and_teach(memory, 2, 600)
        assert training.run_once().offered
        ask_and_teach(memory, 3, 300)
        assert gate.active == "nets"
        first = gate.difference
        report = training.run_once()
        assert report.held < report.cosine
        assert report.offered == (report.net < report.held)
        assert gate.active == "nets"
        memory.adopt("gate", {"difference": -HIDDEN})
        assert gate.difference is not first
        assert gate.active == "nets"
        ask_and_teach(memory, 4, 100)
        assert gate.active == "inline"


def test_a_net_that_is_worse_is_not_promoted(tmp_path: Path) -> None:
    gate = GateComponent()
    with opened(tmp_path / "m.db", gate) as memory:
        fill(memory)
        ask_and_teach(memory, 2, 60)
        memory.adopt("gate", {"difference": -HIDDEN})
        ask_and_teach(memory, 3, 300)
        assert gate.active == "inline"


def test_the_thread_trains_after_so_many_lists(tmp_path: Path) -> None:
    gate = GateComponent(rank=2)
    with opened(tmp_path / "m.db", gate) as memory:
        fill(memory)
        with GateTraining(memory, gate, every=150, epochs=3) as training:
            ask_and_teach(memory, 2, 200)
            deadline = time.monotonic() + 60
            while training.last_report is None and time.monotonic() < deadline:
                time.sleep(0.02)
        assert training.last_report is not None
        assert training.last_report.lists >= 150


def test_nets_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    gate = GateComponent()
    with pytest.raises(ConfigError):
        gate.adopt({"difference": np.zeros((DIM, DIM), np.float32)})
    with opened(tmp_path / "m.db", gate) as memory:
        fill(memory)
        ask_and_teach(memory, 1, 3)
        with pytest.raises(ConfigError):
            GateTraining(memory, gate, every=0)
    with pytest.raises(ShapeError):
        gate.adopt({"difference": np.zeros((DIM, 3), np.float32)})
    with pytest.raises(NonFiniteError):
        gate.adopt({"difference": np.full((DIM, DIM), np.nan, np.float32)})
    assert gate.active == "inline"
