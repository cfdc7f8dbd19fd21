from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engrain import Memory
from engrain.base.errors import ConfigError
from engrain.kernels import SignalQueue
from engrain.loops import (
    InstantLearningLoop,
    InstantSource,
    LogSource,
    QueryEmbedding,
    QueueSource,
    ResponseData,
)
from tests.strategies import normal

DIM = 8


def test_a_queue_gives_each_signal_once_and_counts_those_that_gave_way() -> None:
    queue = SignalQueue(4, DIM)
    source, x = QueueSource(queue), normal(0, 6, DIM)
    for i in range(6):
        queue.enqueue(-1, 0.5, 2.0, i, 0, 0.25 if i == 5 else None, x[i])
    assert source.fill() == 1.0
    batch, touched = source.drain()
    np.testing.assert_array_equal(batch.queries, x[2:])
    np.testing.assert_allclose(batch.outcomes, [0.5, 0.5, 0.5, 0.25])
    np.testing.assert_array_equal(batch.models, [2, 3, 4, 5])
    np.testing.assert_allclose(batch.latency_ratios, 2.0)
    assert len(touched) == 0
    assert len(source.drain()[0]) == 0
    assert queue.counts["recorded"] == queue.counts["drained"] + queue.counts["overwritten"]


def test_a_log_goes_on_where_the_last_drain_ended(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=DIM) as memory:
        vectors = normal(1, 5, DIM)
        for i, vector in enumerate(vectors):
            memory.remember(f"fact {i}", vector=vector, id=i)
        for i in range(4):
            memory.judge(f"question {i}", {i: 1.0, 4: 0.0}, vector=vectors[i])
        source = LogSource(memory, DIM, most=3)
        batch, touched = source.drain()
        assert len(batch) == 3
        np.testing.assert_array_equal(touched, [0, 1, 2, 4])
        again = LogSource(memory, DIM)
        again.load(source.state())
        for each in (source, again):
            batch, touched = each.drain()
            assert len(batch) == 1
            np.testing.assert_array_equal(touched, [3, 4])
            np.testing.assert_array_equal(batch.models, [-1])
            assert len(each.drain()[0]) == 0


def test_requests_without_a_vector_only_touch_their_memories(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=DIM) as memory:
        memory.remember("a fact", vector=normal(0, DIM), id=0)
        memory.judge("a question", {0: 1.0})
        batch, touched = LogSource(memory, DIM).drain()
        assert len(batch) == 0
        np.testing.assert_array_equal(touched, [0])


def test_loop_a_tells_which_memories_helped() -> None:
    memories = np.eye(DIM, dtype=np.float32)
    loop, x = InstantLearningLoop(memories, buffer=8), normal(2, 20, DIM)
    source = InstantSource(loop)

    def ask(i: int, *used: int) -> None:
        unused = tuple(sorted({0, 1, 2, 3} - set(used)))
        response = ResponseData(used, unused, quality_score=0.9, model_tier=2)
        loop.on_request(QueryEmbedding(x[i], 7), response, 500.0)

    ask(0, 2)
    ask(1, 0, 3)
    ask(2)
    before = memories.copy()
    batch, touched = source.drain()
    np.testing.assert_allclose(batch.queries, x[:3], rtol=1e-2)
    np.testing.assert_array_equal(touched, [0, 1, 2, 3])
    np.testing.assert_array_equal(batch.models, 2)
    np.testing.assert_allclose(batch.outcomes, 0.9, rtol=1e-6)
    np.testing.assert_allclose(batch.latency_ratios, 0.5)
    wanted = before[[2]].mean(0) - before[[0, 1, 3]].mean(0)
    np.testing.assert_allclose(batch.directions[0], wanted, atol=1e-6)
    wanted = before[[0, 3]].mean(0) - before[[1, 2]].mean(0)
    np.testing.assert_allclose(batch.directions[1], wanted, atol=1e-6)
    assert not batch.directions[2].any()
    for i in range(20):
        ask(i, 1)
    assert source.fill() == 1.0
    batch, _ = source.drain()
    assert len(batch) == 8
    assert (source.orphans, len(source.drain()[0])) == (0, 0)


def test_a_signal_whose_trajectory_is_gone_is_counted() -> None:
    loop = InstantLearningLoop(np.eye(DIM, dtype=np.float32), buffer=8)
    source = InstantSource(loop)
    loop.signals.enqueue(5, 0.5, query=normal(0, DIM))
    batch, touched = source.drain()
    assert (len(batch), len(touched), source.orphans) == (1, 0, 1)
    assert not batch.directions.any()


def test_a_new_memory_has_no_signals_and_one_of_another_width_is_refused(tmp_path: Path) -> None:
    with Memory(tmp_path / "m.db", dim=DIM) as memory:
        batch, touched = LogSource(memory, DIM).drain()
        assert (batch.queries.shape, len(touched)) == ((0, DIM), 0)
        memory.remember("a fact", vector=normal(0, DIM))
        with pytest.raises(ConfigError, match="vectors"):
            LogSource(memory, DIM + 1).drain()
