from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.clock import SimulatedClock
from engrain.base.errors import (
    ClosedMemoryError,
    ConfigError,
    NonFiniteError,
    ReadOnlyError,
    StorageError,
    UnknownIdError,
)
from engrain.storage import Event, EventLog, Head

Open = Callable[..., EventLog]
PAYLOADS = st.lists(st.binary(max_size=300), max_size=16)


def test_an_empty_log(log: EventLog) -> None:
    assert log.head == Head(0, bytes(32))
    assert list(log.events()) == []
    assert log.latest_snapshot() is None
    assert log.verify().ok
    assert log.flush() == log.head


def test_events_come_back_as_appended(opened: Open) -> None:
    clock = SimulatedClock(100.0)
    log = opened(clock=clock)
    receipts = []
    for number in range(500):
        clock.advance(0.5)
        payloads = [b"%d" % number, bytes(number % 7)][: number % 3]
        receipts.append(log.append("even" if number % 2 == 0 else "odd", payloads, schema=number))
    events = list(log.events())
    assert [event.seq for event in events] == list(range(1, 501))
    assert events[4] == Event(5, "even", 4, 102.5, 1, (b"4",), receipts[4].hash)
    assert [receipt.seq for receipt in receipts] == list(range(1, 501))
    assert receipts[-1].head == log.head
    assert list(log.events(after=498)) == events[498:]
    assert list(log.events(types={"odd"})) == events[1::2]
    assert log.read(5) == events[4]
    assert log.time == events[-1].time == 350.0


@given(payloads=st.lists(PAYLOADS, max_size=40), cut=st.integers(0, 40))
@settings(max_examples=25, deadline=None)
def test_reopening_continues_the_chain(
    payloads: list[list[bytes]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("log") / "log.db"
    for part in (payloads[:cut], payloads[cut:]):
        with EventLog.open(path, epoch=1) as log:
            for item in part:
                log.append("kind", item)
            head = log.head
    with EventLog.open(path, epoch=1, mode="r") as log:
        assert log.head == head
        assert [list(event.payloads) for event in log.events()] == payloads
        assert log.verify(expected_head=head).ok


def test_refused_input_leaves_no_gap(log: EventLog) -> None:
    log.append("kind", [b"1"])
    with pytest.raises(TypeError):
        log.append("kind", ["text"])  # type: ignore[list-item]
    with pytest.raises(NonFiniteError):
        log.append("kind", [], time=float("nan"))
    with pytest.raises(TypeError, match="expected a str"):
        log.append(5, [])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the log's own"):
        log.append("snapshot", [])
    with pytest.raises(UnknownIdError):
        log.drop_payload(9, 0)
    with pytest.raises(ValueError, match="index"):
        log.drop_payload(1, 16)
    assert log.append("kind", []).seq == 2


def test_a_clock_that_jumps_by_a_year_does_no_harm(opened: Open) -> None:
    clock, year = SimulatedClock(1e9), 365.0 * 86400
    log = opened(clock=clock)
    for step in (0.0, year, -2 * year, year, 1.0):
        clock.advance(step)
        log.append("kind", [])
    times = [event.time for event in log.events()]
    assert times == [1e9, 1e9 + year, 1e9 + year, 1e9 + year, 1e9 + year]
    log.close()
    clock.now = 5.0
    again = opened(clock=clock)
    again.append("kind", [])
    assert again.read(6).time == 1e9 + year
    clock.now = float("nan")
    with pytest.raises(NonFiniteError):
        again.append("kind", [])
    assert again.head.seq == 6


def test_a_dropped_payload_leaves_its_commitment(opened: Open) -> None:
    log = opened()
    log.append("recall", [b"query", b"rows"])
    log.drop_payload(1, 1)
    log.append("recall", [b"query", b"rows"])
    log.drop_payload(2, 1)
    log.flush()
    assert [event.payloads for event in log.events()] == [(b"query", None)] * 2
    report = log.verify()
    assert report.ok
    assert (report.dropped, report.erased) == (2, 0)
    log.drop_payload(1, 0)
    log.close()
    assert opened().read(1).payloads == (None, None)


def test_tenants_of_one_file_have_chains_of_their_own(path: Path, opened: Open) -> None:
    heads = {}
    for turn in range(2):
        for tenant in ("a", "b", "c"):
            log = opened(tenant=tenant)
            for number in range(3 + turn):
                log.append("kind", [f"{tenant}{turn}{number}".encode()])
            if tenant == "b":
                log.write_snapshot(b"state of b", b"h")
            heads[tenant] = log.flush()
            log.close()
    assert [heads[tenant].seq for tenant in "abc"] == [7, 9, 7]
    for tenant, head in heads.items():
        log = opened(tenant=tenant)
        assert log.verify(expected_head=head).ok
        assert all(
            (event.payloads[0] or b"").startswith(tenant.encode())
            for event in log.events()
            if event.type == "kind"
        )
        assert (log.latest_snapshot() is not None) == (tenant == "b")
        log.close()


def test_a_change_of_the_kernel_epoch_is_an_event(opened: Open) -> None:
    log = opened(epoch=1)
    log.append("kind", [b"old"])
    log.close()
    log = opened(epoch=2)
    assert log.last_epoch == 1
    with pytest.raises(StorageError, match="kernel epoch 1"):
        log.check_writable()
    with pytest.raises(StorageError, match="change_epoch"):
        log.append("kind", [b"new"])
    log.change_epoch(b"old hash", b"new hash")
    log.append("kind", [b"new"])
    events = list(log.events())
    assert [(event.type, event.epoch) for event in events] == [
        ("kind", 1),
        ("epoch_changed", 2),
        ("kind", 2),
    ]
    assert events[1].payloads == (b"old hash", b"new hash")
    log.close()
    opened(epoch=2).append("kind", [])


def test_a_closed_log_refuses_by_name(opened: Open) -> None:
    log = opened()
    receipt = log.append("kind", [b"1"])
    log.close()
    log.close()
    assert log.closed
    assert receipt.done()
    receipt.wait()
    calls: list[Callable[[], Any]] = [
        log.check_open,
        log.check_writable,
        log.snapshots,
        lambda: log.read_many([1]),
        lambda: log.read_snapshot(1),
        lambda: log.append("kind", []),
        lambda: log.drop_payload(1, 0),
        lambda: log.write_snapshot(b"", b""),
        lambda: log.erase([1], b"", b""),
        lambda: log.read(1),
        log.events,
        log.latest_snapshot,
        log.verify,
    ]
    for call in calls:
        with pytest.raises(ClosedMemoryError):
            call()


def test_a_log_opened_for_reading_refuses_changes(opened: Open) -> None:
    opened().append("kind", [b"1"]).wait()
    log = opened(mode="r")
    for call in (
        log.check_writable,
        lambda: log.append("kind", []),
        lambda: log.drop_payload(1, 0),
    ):
        with pytest.raises(ReadOnlyError, match="mode='r'"):
            call()
    assert log.flush().seq == log.durable_seq == 1


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "w"},
        {"epoch": 1 << 63},
        {"queue_limit": 0},
        {"group_events": 0},
        {"group_seconds": -1.0},
    ],
)
def test_settings_out_of_range_are_refused(opened: Open, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        opened(**options)


def test_stats_tell_when_a_snapshot_is_due(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engrain.storage.eventlog.SNAPSHOT_EVENTS", 10)
    log = opened()
    due = []
    for number in range(10):
        log.append("kind", [b"12345"] if number < 9 else [])
        due.append(log.snapshot_due)
    assert due == [False] * 9 + [True]
    log.flush()
    stats = log.stats()
    assert stats["events"] == stats["durable_seq"] == stats["tail_events"] == 10
    assert stats["tail_bytes"] == 9 * (16 + 5)
    assert stats["bytes"] + stats["wal_bytes"] > 0
    log.close()
    log = opened()
    assert log.snapshot_due
    assert log.stats()["tail_bytes"] == stats["tail_bytes"]
    log.write_snapshot(b"state", hashlib.sha256(b"state").digest())
    assert not log.snapshot_due
