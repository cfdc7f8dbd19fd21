from __future__ import annotations

import threading

import pytest

from engrain.base.errors import ConfigError
from engrain.loops import Touched, TouchedQueue


def test_ids_wait_once_and_are_taken_once() -> None:
    queue = TouchedQueue()
    queue.put([3, 1, 3], [7])
    queue.put([1])
    assert len(queue) == 3
    assert queue.take() == Touched((1, 3), (7,), full=False)
    assert queue.take() == Touched((), (), full=False)
    assert queue.counts == {"recorded": 3, "taken": 3, "dropped": 0, "overflows": 0}


def test_more_than_a_thousand_mean_a_full_run() -> None:
    queue = TouchedQueue()
    queue.put(range(1000))
    assert not queue.take().full
    queue.put(range(1001))
    queue.put([5000])
    assert queue.take() == Touched((), (), full=True)
    assert not queue.take().full
    assert queue.counts["overflows"] == 1
    assert queue.counts["dropped"] == 1001


def test_a_run_that_failed_puts_back_what_it_took() -> None:
    queue = TouchedQueue(3)
    queue.put([1, 2])
    taken = queue.take()
    queue.put([2, 3])
    queue.put_back(taken)
    assert queue.take().memories == (1, 2, 3)
    queue.put_back(Touched((), (), full=True))
    assert queue.take().full


def test_what_waits_survives_in_a_state() -> None:
    queue, other = TouchedQueue(), TouchedQueue()
    queue.put([1, 2], [3])
    other.load(queue.state())
    assert other.take() == Touched((1, 2), (3,), full=False)


def test_threads_lose_nothing() -> None:
    queue = TouchedQueue(10_000)
    taken: set[int] = set()

    def put(first: int) -> None:
        for id in range(first, first + 1000):
            queue.put([id])

    threads = [threading.Thread(target=put, args=(k * 1000,)) for k in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken.update(queue.take().memories)
    taken.update(queue.take().memories)
    assert len(taken) == 8000
    assert queue.counts["recorded"] == queue.counts["taken"] == 8000


def test_a_queue_needs_room() -> None:
    with pytest.raises(ConfigError, match="capacity"):
        TouchedQueue(0)
