from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.clock import SimulatedClock
from engrain.base.errors import ConfigError
from engrain.loops import (
    BackgroundLearningConfig,
    DeepLearningLoop,
    InstantLearningLoop,
    LoopCoordinator,
    MemoryService,
    QueryEmbedding,
    ResponseData,
    SONAConfig,
)
from tests.loops.batches import planted
from tests.loops.test_background import wait_for

DIM, WEEK = 16, 7 * 86_400.0
MONDAY = datetime(2026, 1, 5, tzinfo=UTC).timestamp()


def config(folder: Path, **more: object) -> SONAConfig:
    background = BackgroundLearningConfig(num_clusters=8, checkpoint_dir=folder)
    return SONAConfig(dim=DIM, models=3, hidden=4, background=background, **more)  # type: ignore[arg-type]


def ask(coordinator: LoopCoordinator, count: int) -> None:
    batch = planted(0, count, DIM)
    for i in range(count):
        coordinator.on_request(
            QueryEmbedding(batch.queries[i], 0),
            ResponseData(quality_score=float(batch.outcomes[i]), model_tier=int(batch.models[i])),
            120.0,
        )


class Sundays:
    """Stands where Loop C does and notes when it ran."""

    def __init__(self, clock: SimulatedClock, *, fails: bool = False) -> None:
        self.clock, self.fails = clock, fails
        self.runs: list[float] = []

    def run_once(self) -> None:
        self.runs.append(self.clock())
        if self.fails:
            raise RuntimeError("no dreams tonight")


class Inline:
    """Stands where Loop A does and notes what it was told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def on_request(self, query: QueryEmbedding, response: ResponseData, latency_ms: float) -> None:
        self.told.append(latency_ms)


def test_requests_become_signals_and_signals_weights(tmp_path: Path) -> None:
    inline = Inline()
    coordinator = LoopCoordinator(config(tmp_path), instant=inline)
    assert coordinator.budgets() == []
    ask(coordinator, 300)
    assert inline.told == [120.0] * 300
    before = coordinator.shared_state.front
    report = coordinator.run_background()
    assert report.samples == 300
    assert report.patterns_kept == 4
    assert coordinator.shared_state.front.version > before.version
    stats = coordinator.stats()
    assert stats["signals"] == {"recorded": 300, "drained": 300, "overwritten": 0, "dropped": 0}
    assert stats["waiting"] == 0
    assert stats["replay"]["offered"] == 300
    budgets = {b.step: b for b in coordinator.budgets()}
    assert budgets["router"].allowed_ms == 5000.0
    assert 0.0 < budgets["router"].taken_ms < budgets["elapsed"].taken_ms
    assert coordinator.metrics.metrics(coordinator.clock()).patterns_learned_7d == 4


def test_no_signal_is_lost_unaccounted_while_threads_ask_and_cycles_run(tmp_path: Path) -> None:
    coordinator = LoopCoordinator(config(tmp_path, signals=256))
    threads = [threading.Thread(target=ask, args=(coordinator, 400)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        coordinator.background_loop.drain_signals()
    coordinator.background_loop.drain_signals()
    signals = coordinator.stats()["signals"]
    assert signals["recorded"] + signals["dropped"] == 3200
    assert signals["recorded"] == signals["drained"] + signals["overwritten"]
    assert coordinator.background_loop.counts["taken"] == signals["drained"]


def test_readers_do_not_wait_for_a_cycle(tmp_path: Path) -> None:
    coordinator = LoopCoordinator(config(tmp_path))
    ask(coordinator, 300)
    query = planted(0, 1, DIM).queries
    held = threading.Event()
    seen: list[int] = []

    def read(step: str) -> None:
        """Read in the middle of every step, in another thread, while the cycle stands still."""
        held.clear()

        def request() -> None:
            coordinator.shared_state.adapt(query)
            seen.append(coordinator.shared_state.route(query[0]))
            held.set()

        threading.Thread(target=request).start()
        assert held.wait(5.0), step

    coordinator.background_loop.run_once(progress=read)
    assert len(seen) == 7


def test_the_loops_start_stop_and_go_on(tmp_path: Path) -> None:
    sona = config(tmp_path, interval=0.02)
    clock = SimulatedClock(MONDAY)
    with LoopCoordinator(sona, clock=clock) as coordinator:
        assert "engrain-background" in [thread.name for thread in threading.enumerate()]
        with pytest.raises(ConfigError, match="stop"):
            coordinator.start()
        ask(coordinator, 100)
        clock.advance(1.0)
        wait_for(lambda: coordinator.background_loop.counts["cycles"] == 1)
        ask(coordinator, 5)
    assert not coordinator.running
    coordinator.stop()
    other = LoopCoordinator(sona, clock=clock)
    assert other.metrics.metrics(clock()) == coordinator.metrics.metrics(clock())
    assert other.metrics.metrics(clock()).patterns_learned_7d > 0
    assert other.background_loop.counts["cycles"] == 1
    assert other.background_loop.drain_signals() == 5
    x = planted(3, 50, DIM).queries
    np.testing.assert_array_equal(other.shared_state.adapt(x), coordinator.shared_state.adapt(x))


def test_the_deep_loop_runs_each_sunday_and_a_missed_one_is_made_up_once(tmp_path: Path) -> None:
    clock = SimulatedClock(MONDAY)
    deep = Sundays(clock)
    sona = config(tmp_path, interval=0.01)
    with LoopCoordinator(sona, deep=deep, clock=clock):
        for week in range(3):
            clock.advance(WEEK)
            wait_for(lambda count=week + 1: len(deep.runs) == count)  # type: ignore[misc]
    clock.advance(5 * WEEK)
    with LoopCoordinator(sona, deep=deep, clock=clock):
        wait_for(lambda: len(deep.runs) == 4)
        clock.advance(3600.0)
        threading.Event().wait(0.1)
    assert len(deep.runs) == 4


def test_a_deep_run_that_fails_is_logged_and_not_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = SimulatedClock(MONDAY)
    deep = Sundays(clock, fails=True)
    with LoopCoordinator(config(tmp_path, interval=0.01), deep=deep, clock=clock):
        clock.advance(WEEK)
        wait_for(lambda: "deep run failed" in caplog.text)
        threading.Event().wait(0.05)
    assert len(deep.runs) == 1
    with pytest.raises(ConfigError, match="deep="):
        LoopCoordinator(config(tmp_path)).run_deep()


def test_with_a_memory_signals_come_from_its_log_and_its_ranking_is_refitted(
    tmp_path: Path,
) -> None:
    with Memory(tmp_path / "m.db", dim=DIM) as memory:
        batch = planted(0, 60, DIM)
        memory.remember_many(
            {"text": f"fact {i}", "vector": v, "id": i} for i, v in enumerate(batch.directions)
        )
        for i in range(40):
            memory.judge(f"question {i}", {i: 1.0, 59: 0.0}, vector=batch.queries[i])
        coordinator = LoopCoordinator(config(tmp_path / "loops"), memory=memory)
        ask(coordinator, 1)
        assert coordinator.stats()["waiting"] == 0
        report = coordinator.run_background()
        assert report.samples == 40
        assert report.refitted
        assert coordinator.background_loop.outbox.take().memories == (*range(40), 59)
        assert coordinator.run_background().skipped
        again = LoopCoordinator(config(tmp_path / "loops"), memory=memory)
        assert again.run_background().skipped == "0 signals, 10 needed"


def test_all_three_loops_run_on_one_memory(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=DIM) as memory:
        batch = planted(0, 60, DIM)
        memory.remember_many(
            {"text": f"fact {i}", "vector": v, "id": i} for i, v in enumerate(batch.queries)
        )
        for i in range(40):
            memory.judge(f"question {i}", {i: 1.0, 59: 0.0}, vector=batch.queries[i])
        sona = config(tmp_path / "loops")
        coordinator = LoopCoordinator(sona, memory=memory)
        background = coordinator.background_loop
        coordinator.deep_loop = DeepLearningLoop(
            MemoryService(memory), coordinator.shared_state.bank, inbox=background.outbox
        )
        coordinator.run_background()
        report = coordinator.run_deep()
        assert report.memories == 60
        assert coordinator.metrics.metrics(coordinator.clock()).phi_current == report.phi
        assert background.outbox.take().memories == ()
        assert memory.verify().ok


def test_loop_a_teaches_loop_b_what_helps(tmp_path: Path) -> None:
    memories = np.random.default_rng(0).standard_normal((50, DIM)).astype(np.float32)
    memories /= np.linalg.norm(memories, axis=1, keepdims=True)
    topic = planted(0, 1, DIM).queries[0]
    rng = np.random.default_rng(1)
    coordinator = LoopCoordinator(config(tmp_path), instant=InstantLearningLoop(memories))
    for _ in range(200):
        query = (topic + 0.05 * rng.standard_normal(DIM)).astype(np.float32)
        response = ResponseData((7,), (3, 4, 5), quality_score=0.9, model_tier=1)
        coordinator.on_request(QueryEmbedding(query, 0), response, 100.0)
    report = coordinator.run_background()
    assert report.samples == 200
    assert report.consolidation_rate > 0.0
    assert coordinator.background_loop.outbox.take().memories == (3, 4, 5, 7)
    adapted = coordinator.shared_state.adapt(topic[None])[0]
    direction = memories[7] - memories[3:6].mean(0)
    assert (adapted - topic) @ direction > 0.1
    assert coordinator.stats()["waiting"] == 0
