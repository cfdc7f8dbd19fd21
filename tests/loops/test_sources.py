from __future__ import annotations

from pathlib import Path

import numpy as np

from engrain import Memory
from engrain.kernels import SignalQueue
from engrain.loops import LogSource, QueueSource
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
        source = LogSource(memory, most=3)
        batch, touched = source.drain()
        assert len(batch) == 3
        np.testing.assert_array_equal(touched, [0, 1, 2, 4])
        again = LogSource(memory)
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
        batch, touched = LogSource(memory).drain()
        assert len(batch) == 0
        np.testing.assert_array_equal(touched, [0])
