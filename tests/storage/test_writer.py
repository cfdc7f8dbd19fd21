from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engrain.base.errors import DurabilityLost, QueueFullError
from engrain.storage import EventLog, Receipt, schema

Open = Callable[..., EventLog]


@contextmanager
def write_locked(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock, so that no commit can succeed."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def test_a_group_is_one_commit(opened: Open) -> None:
    log = opened(group_seconds=60)
    receipts = [log.append("kind", [b"1"]) for _ in range(900)]
    assert not any(receipt.done() for receipt in receipts)
    receipts[-1].wait()
    assert all(receipt.done() for receipt in receipts)
    assert log.stats()["commits"] <= 2


def test_a_group_is_committed_without_anyone_waiting(opened: Open) -> None:
    log = opened(group_seconds=0.001)
    log.append("kind", [b"1"])
    for _ in range(1000):
        if log.durable_seq == 1:
            break
        time.sleep(0.005)
    assert log.durable_seq == 1


def test_groups_keep_their_distance_under_a_steady_stream(opened: Open) -> None:
    log = opened(group_seconds=0.05, group_events=10**6)
    begin = time.monotonic()
    while time.monotonic() < begin + 0.5:
        log.append("kind", [b"1"])
        time.sleep(0.0005)
    assert 1 <= log.stats()["commits"] <= 1 + (time.monotonic() - begin) / 0.05


def test_a_flush_ends_though_others_go_on_appending(opened: Open) -> None:
    log, stop = opened(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            log.append("kind", [b"1" * 1000])
            time.sleep(0)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(20):
            seq = log.append("kind", [b"2"]).seq
            log.flush()
            assert log.durable_seq >= seq
    finally:
        stop.set()
        thread.join()


def test_a_full_group_does_not_wait_for_its_time(opened: Open) -> None:
    log = opened(group_seconds=0.2, group_events=10)
    for _ in range(95):
        log.append("kind", [b"1"])
    log.flush()
    assert log.stats()["commits"] == 10


def test_threads_share_one_chain(opened: Open) -> None:
    log = opened()

    def work(name: int) -> None:
        for number in range(200):
            receipt = log.append("kind", [b"%d %d" % (name, number)])
            if number % 50 == 0:
                receipt.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.flush().seq == 800
    assert log.verify().ok
    for name in range(4):
        mine = [
            e.payloads[0] for e in log.events() if (e.payloads[0] or b"").startswith(b"%d " % name)
        ]
        assert mine == [b"%d %d" % (name, number) for number in range(200)]


def test_receipts_and_flush_can_be_awaited(opened: Open) -> None:
    log = opened(group_seconds=60)

    async def stream() -> int:
        receipts = [log.append("kind", [b"1"]) for _ in range(20)]
        await asyncio.gather(*(wait(receipt) for receipt in receipts))
        assert all(receipt.done() for receipt in receipts)
        log.append("kind", [b"2"])
        return (await log.aflush()).seq

    async def wait(receipt: Receipt) -> None:
        await receipt

    assert asyncio.run(stream()) == log.durable_seq == 21


def test_a_cancelled_wait_harms_nobody(opened: Open, path: Path) -> None:
    log = opened()

    async def give_up() -> None:
        receipt = log.append("kind", [b"1"])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(receipt), 0.05)

    async def wait(receipt: Receipt) -> None:
        await receipt

    with write_locked(path):
        asyncio.run(give_up())
    assert log.flush().seq == 1


def test_a_full_queue_refuses_before_anything_changes(opened: Open, path: Path) -> None:
    log = opened(queue_limit=50, group_events=10)
    with write_locked(path):
        accepted: list[Receipt] = []
        with pytest.raises(QueueFullError, match="50"):
            accepted.extend(log.append("kind", [b"%d" % number]) for number in range(200))
        head = log.head
        with pytest.raises(QueueFullError):
            log.check_writable()
        with pytest.raises(TimeoutError):
            accepted[-1].wait(timeout=0.05)
        assert log.head == head
    assert log.flush() == head
    assert [e.payloads[0] for e in log.events()] == [b"%d" % n for n in range(len(accepted))]
    log.append("kind", [])


def test_a_lock_held_by_others_is_a_failure_that_flush_retries(
    opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 50)
    log = opened()
    log.append("kind", [b"1"]).wait()
    with write_locked(path):
        receipt = log.append("kind", [b"2"])
        with pytest.raises(DurabilityLost, match=r"after seq 1 .*SQLITE_BUSY") as error:
            receipt.wait()
        assert error.value.last_durable_seq == 1
        with pytest.raises(DurabilityLost):
            log.append("kind", [b"3"])
        with pytest.raises(DurabilityLost):
            log.flush()
    assert "SQLITE_BUSY" in log.stats()["failed"]
    assert log.flush().seq == 2
    receipt.wait()
    log.append("kind", [b"3"]).wait()
    assert log.verify().ok


def test_no_waiter_is_left_behind_whatever_happens_in_the_thread(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened()

    def explode(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr("engrain.storage.writer.commit", explode)
    with pytest.raises(DurabilityLost, match="SystemExit"):
        log.append("kind", [b"1"]).wait(timeout=10)
    with pytest.raises(DurabilityLost):
        log.flush()
    with pytest.raises(DurabilityLost):
        log.close()
    assert log.closed
