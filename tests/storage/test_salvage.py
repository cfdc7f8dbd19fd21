from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from engrain.base.errors import MemoryInUse, StorageError
from engrain.storage import EventLog, Head, repair, verify
from engrain.storage.schema import PAGE_BYTES, payload_key

Open = Callable[..., EventLog]
SNAPSHOTS = (101, 202)


@pytest.fixture
def head(path: Path, opened: Open) -> Head:
    """Write a log of 300 events with snapshots at 101 and 202; return its head."""
    log = opened()
    random = Random(5)
    while log.head.seq < 300:
        if log.head.seq + 1 in SNAPSHOTS:
            log.write_snapshot(b"state at %d" % log.head.seq, b"hash")
        log.append("kind", [random.randbytes(100), random.randbytes(2000)])
    log.close()
    return log.head


def change(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def check(path: Path, seq: int, snapshot: int | None) -> None:
    """A repaired log ends at `seq`, holds that snapshot, verifies and goes on."""
    assert verify(path).ok
    with EventLog.open(path, epoch=1) as log:
        found = log.latest_snapshot()
        assert log.head.seq == seq
        assert (found and found.seq) == snapshot
        log.append("kind", [b"goes on"]).wait()
        assert len(list(log.events())) == seq + 1


def test_a_sound_log_is_left_alone(path: Path, head: Head) -> None:
    before = path.read_bytes()
    report = repair(path)
    assert report.quarantine is None
    assert report.kept["default"].head == head
    assert path.read_bytes() == before


@pytest.mark.parametrize(("seq", "snapshot"), [(250, 202), (150, 101), (50, None)])
def test_events_before_a_broken_link_are_kept(
    path: Path, head: Head, seq: int, snapshot: int | None
) -> None:
    change(path, "UPDATE event SET hash = x'00' WHERE key = ?", seq)
    damaged = path.read_bytes()
    report = repair(path)
    assert report.kept["default"].head.seq == seq - 1
    assert report.quarantine is not None
    assert report.quarantine.read_bytes() == damaged
    check(path, seq - 1, snapshot)


def test_a_damaged_payload_after_the_snapshot_ends_the_prefix(path: Path, head: Head) -> None:
    change(path, "UPDATE payload SET body = x'00' WHERE key = ?", payload_key(260, 1))
    report = repair(path)
    assert report.kept["default"].lost_payloads == []
    check(path, 259, 202)


def test_a_damaged_payload_before_the_snapshot_costs_only_itself(path: Path, head: Head) -> None:
    change(path, "UPDATE payload SET body = x'00' WHERE key = ?", payload_key(60, 1))
    report = repair(path)
    assert report.kept["default"].lost_payloads == [60]
    assert report.kept["default"].head == head
    check(path, 300, 202)
    with EventLog.open(path, epoch=1) as log:
        first, second = log.read(60).payloads
        assert (first is None, second) == (False, None)


def test_a_damaged_snapshot_costs_only_itself(path: Path, head: Head) -> None:
    change(path, "UPDATE snapshot SET body = x'00' WHERE event = 202")
    report = repair(path)
    assert report.kept["default"].snapshots == [101]
    check(path, 300, 101)


@pytest.mark.parametrize("seed", range(12))
def test_pages_of_garbage_leave_a_good_prefix(path: Path, head: Head, seed: int) -> None:
    with EventLog.open(path, epoch=1, mode="r") as log:
        truth = list(log.events())
    random = Random(seed)
    content = bytearray(path.read_bytes())
    page = random.randrange(8, len(content) // PAGE_BYTES)
    content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = random.randbytes(PAGE_BYTES)
    path.write_bytes(content)
    report = repair(path)
    if report.quarantine is not None:
        assert report.quarantine.read_bytes() == content
    kept = report.kept["default"]
    assert verify(path).ok
    with EventLog.open(path, epoch=1) as log:
        assert log.head == kept.head
        events = list(log.events())
        assert [event.seq for event in events] == list(range(1, kept.head.seq + 1))
        for found, true in zip(events, truth, strict=False):
            assert found == true or found.seq in kept.lost_payloads


def test_a_second_quarantine_does_not_replace_the_first(path: Path, head: Head) -> None:
    names = []
    for seq in (200, 100):
        change(path, "UPDATE event SET hash = x'00' WHERE key = ?", seq)
        names.append(repair(path).quarantine)
    assert len(set(names)) == 2
    assert all(name is not None and name.exists() for name in names)


def test_repair_needs_a_file_that_is_free_and_is_one(path: Path, opened: Open) -> None:
    with pytest.raises(FileNotFoundError):
        repair(path)
    opened()
    with pytest.raises(MemoryInUse):
        repair(path)
    other = path.with_name("other.db")
    other.write_bytes(b"garbage " * 4096)
    with pytest.raises(StorageError):
        repair(other)
    assert other.read_bytes() == b"garbage " * 4096
