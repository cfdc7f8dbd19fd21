"""A log replayed from its first event gives the state of the live run.

`ENGRAIN_REPLAY` sets the number of requests (100,000 take some minutes).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from engrain import Memory
from engrain.base.clock import SimulatedClock
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.events import content
from engrain.memory.opening import settings_of
from engrain.memory.parts import Parts
from engrain.memory.state import State
from tests.strategies import normal

DIM, MEMORIES = 16, 400
REQUESTS = int(os.environ.get("ENGRAIN_REPLAY", "1500"))
WORDS = [f"word{i}" for i in range(200)]


def live(path: Path, requests: int) -> Memory:
    """Run mixed requests: recalls and feedback, now and then everything else."""
    rng, clock = np.random.default_rng(7), SimulatedClock(1e9)
    memory = Memory(path, dim=DIM, clock=clock)
    vectors = normal(3, MEMORIES, DIM)

    def text() -> str:
        return " ".join(rng.choice(WORDS, 6))

    for i in range(MEMORIES):
        memory.remember(
            text(), vector=vectors[i], id=i, sequence=f"s{i // 8}", metadata={"half": i % 2}
        )
    for step in range(requests):
        clock.advance(float(rng.exponential(3.0)))
        wanted = int(rng.integers(MEMORIES))
        filter = {"half": wanted % 2} if wanted % 5 == 0 else None
        query = vectors[wanted] + 0.3 * rng.standard_normal(DIM)
        recall = memory.recall(text(), vector=query, filter=filter, session=f"t{step // 4}")
        principal = [None, "anna", "new"][step % 3]
        if step % 5 != 4:
            told = {hit.id: float(hit.id == wanted) for hit in recall if rng.random() < 0.8}
            told = told or {recall[0].id: 0.5}
            memory.feedback(
                recall,
                outcomes=told,
                principal=principal,
                latency_ms=900.0,
                target_latency_ms=500.0,
            )
        if step % 50 == 10:
            memory.judge(text(), {wanted: 1.0}, vector=query, principal=principal)
        if step % 60 == 20:
            memory.forget(wanted, erase=False)
            memory.remember(text(), vector=vectors[wanted], id=wanted)
        if step % 90 == 30:
            memory.link(wanted, (wanted + 1) % MEMORIES, 0.5)
        if step in (300, 900):
            memory.refit()
    return memory


def replayed(memory: Memory) -> str:
    """Apply every event of the log to an empty state."""
    events = memory._log.events()
    meta, _ = content(next(events), 0)
    state = State(settings_of(meta), Parts(()), lambda seq: None)
    for event in events:
        state.apply(event)
    return state.snapshot()[1].hex()


def test_a_log_of_mixed_requests_replays_to_the_same_state(tmp_path: Path) -> None:
    with live(tmp_path / "m.db", REQUESTS) as memory:
        expected = memory.state_hash
        memory.flush()
        assert replayed(memory) == expected


def test_it_replays_to_the_same_state_at_every_level(tmp_path: Path) -> None:
    with live(tmp_path / "m.db", 200) as memory:
        expected = memory.state_hash
        memory.flush()
        for level in LEVELS:
            set_simd_level(level)
            assert replayed(memory) == expected, level
