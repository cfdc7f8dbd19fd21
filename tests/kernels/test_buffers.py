from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.kernels import SignalQueue, TrajectoryBuffer
from tests.strategies import normal


def test_trajectories_come_out_as_they_went_in() -> None:
    buffer, queries = TrajectoryBuffer(8, 16, max_ids=3), normal(0, 5, 16)
    for i, query in enumerate(queries):
        assert buffer.push(query, np.arange(i + 1), float(i), 0.25 * i, 0.5) == i
    first = buffer.drain(2)
    assert first["number"].tolist() == [0, 1]
    rest = buffer.drain()
    assert np.concatenate([first["query"], rest["query"]]).tobytes() == queries.tobytes()
    assert rest["ids"].tolist() == [[0, 1, 2]] * 3
    assert first["ids"].tolist() == [[0, -1, -1], [0, 1, -1]]
    assert rest["time"].tolist() == [2, 3, 4]
    assert rest["precision"].tolist() == [0.5, 0.75, 1.0]
    assert len(buffer) == 0


@given(st.lists(st.integers(-4, 9), max_size=60))
def test_every_signal_is_accounted_for(script: list[int]) -> None:
    queue, sent, drained = SignalQueue(4), 0, 0
    held: list[int] = []
    for step in script:
        if step < 0:
            got = queue.drain(-step)["trajectory"].tolist()
            assert got == held[: len(got)]
            assert len(got) == min(-step, len(held))
            held, drained = held[len(got) :], drained + len(got)
        for _ in range(max(step, 0)):
            assert queue.enqueue(sent, 0.5)
            held, sent = [*held, sent][-4:], sent + 1
    counts = queue.counts
    assert len(queue) == len(held)
    assert counts["recorded"] == sent == drained + counts["overwritten"] + len(held)
    assert counts["drained"] == drained
    assert counts["dropped"] == 0


def test_a_signal_carries_what_it_was_given() -> None:
    queue, query = SignalQueue(4, dim=3), normal(1, 3)
    queue.enqueue(7, 0.9, 1.5, model_tier=2, context_tokens=800, feedback=1.0, query=query)
    queue.enqueue(-1, 0.1, query=query)
    got = queue.drain()
    assert got["trajectory"].tolist() == [7, -1]
    np.testing.assert_array_equal(got["quality"], np.array([0.9, 0.1], dtype=np.float32))
    assert got["latency_ratio"].tolist() == [1.5, 1.0]
    assert got["model_tier"].tolist() == [2, 0]
    assert got["context_tokens"].tolist() == [800, 0]
    assert got["feedback"][0] == 1
    assert np.isnan(got["feedback"][1])
    assert got["query"][1].tolist() == query.tolist()


def test_threads_lose_no_signal_uncounted() -> None:
    queue, seen = SignalQueue(64), []
    trajectory, quality = np.arange(5000), np.zeros(5000, dtype=np.float32)
    writers = [
        threading.Thread(target=queue.enqueue_many, args=(trajectory, quality)) for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers) or len(queue):
        seen.append(len(queue.drain()["trajectory"]))
    counts = queue.counts
    assert counts["recorded"] + counts["dropped"] == 20_000
    assert counts["recorded"] == counts["drained"] + counts["overwritten"]
    assert counts["drained"] == sum(seen)


def test_buffers_refuse_before_they_record() -> None:
    buffer, query, ids = TrajectoryBuffer(4, 8), normal(0, 8), np.arange(3)
    with pytest.raises(TypeError, match="query"):
        buffer.push(query.astype(float), ids, 0.0)
    with pytest.raises(ValueError, match="query"):
        buffer.push(query[:7], ids, 0.0)
    with pytest.raises(ValueError, match="NaN"):
        buffer.push(query * np.float32("nan"), ids, 0.0)
    with pytest.raises(ValueError, match="time"):
        buffer.push(query, ids, float("inf"))
    with pytest.raises(TypeError, match="ids"):
        buffer.push(query, ids.astype(np.int32), 0.0)
    assert buffer.counts["recorded"] == 0
    queue = SignalQueue(4, dim=8)
    with pytest.raises(ValueError, match="query"):
        queue.enqueue(0, 0.5)
    with pytest.raises(ValueError, match="quality"):
        queue.enqueue(0, float("nan"), query=query)
    with pytest.raises(ValueError, match="feedback"):
        queue.enqueue(0, 0.5, feedback=float("inf"), query=query)
    assert queue.counts["recorded"] == 0
    with pytest.raises(ConfigError, match="capacity"):
        SignalQueue(0)
    with pytest.raises(ConfigError, match="max_ids"):
        TrajectoryBuffer(4, 8, max_ids=0)
