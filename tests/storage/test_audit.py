from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from engrain.base.errors import EngrainError, TamperedError
from engrain.storage import EventLog, Head, verify
from engrain.storage.chain import decode, link
from engrain.storage.schema import event_key, payload_key

Open = Callable[..., EventLog]
EVENTS = 120
SNAPSHOT = 61


@pytest.fixture
def head(path: Path, opened: Open) -> Head:
    """Write a log with a snapshot in the middle and close it; return its head."""
    log = opened()
    for number in range(EVENTS):
        if log.head.seq == SNAPSHOT - 1:
            log.write_snapshot(b"state " * 4000, b"hash")
        log.append("kind", [b"query %d" % number, b"rows %d" % number * 100])
    log.close()
    return log.head


def change(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def flip(path: Path, table: str, column: str, key: str, value: int, place: int) -> None:
    """Flip one bit of a stored blob."""
    connection = sqlite3.connect(path)
    where = f"FROM {table} WHERE {key} = ? LIMIT 1"
    (blob,) = connection.execute(f"SELECT {column} {where}", (value,)).fetchone()
    changed = bytearray(blob)
    changed[place] ^= 1
    connection.execute(
        f"UPDATE {table} SET {column} = ? WHERE rowid IN (SELECT rowid {where})",  # noqa: S608
        (bytes(changed), value),
    )
    connection.commit()
    connection.close()


REGIONS = {
    "header": ("event", "header", "key", event_key(0, 70), 20),
    "tenant": ("event", "header", "key", event_key(0, 70), 40),
    "commitment": ("event", "header", "key", event_key(0, 70), -3),
    "hash": ("event", "hash", "key", event_key(0, 70), 5),
    "salt": ("payload", "body", "key", payload_key(70, 1), 3),
    "payload": ("payload", "body", "key", payload_key(70, 1), 50),
    "old header": ("event", "header", "key", event_key(0, 7), 12),
    "old payload": ("payload", "body", "key", payload_key(7, 0), 18),
    "snapshot": ("snapshot", "body", "event", SNAPSHOT, 9999),
    "snapshot record": ("payload", "body", "key", payload_key(SNAPSHOT, 0), 30),
    "last hash": ("event", "hash", "key", event_key(0, EVENTS + 1), 0),
}


@pytest.mark.parametrize("region", REGIONS)
def test_one_flipped_bit_is_named(path: Path, head: Head, region: str) -> None:
    table, column, key, value, place = REGIONS[region]
    assert verify(path, expected_head=head).ok
    flip(path, table, column, key, value, place)
    seq = value >> 4 if table == "payload" else value
    report = verify(path)
    assert report.first_bad == seq
    with pytest.raises(TamperedError) as error:
        report.raise_if_bad()
    assert error.value.seq == seq


@pytest.mark.parametrize("region", ["header", "tenant", "commitment", "hash", "last hash"])
def test_opening_refuses_a_tail_that_was_altered(path: Path, head: Head, region: str) -> None:
    table, column, key, value, place = REGIONS[region]
    flip(path, table, column, key, value, place)
    with pytest.raises(TamperedError) as error:
        EventLog.open(path, epoch=1)
    assert error.value.seq == value


@pytest.mark.parametrize("region", ["salt", "payload"])
def test_reading_refuses_an_altered_payload(path: Path, head: Head, region: str) -> None:
    table, column, key, value, place = REGIONS[region]
    flip(path, table, column, key, value, place)
    with EventLog.open(path, epoch=1) as log, pytest.raises(TamperedError) as error:
        list(log.events())
    assert error.value.seq == 70


def test_missing_and_misplaced_events_are_named(path: Path, head: Head) -> None:
    change(path, "DELETE FROM event WHERE key = 30")
    assert verify(path).first_bad == 30
    change(path, "UPDATE event SET key = 30 WHERE key = 31")
    assert verify(path).first_bad == 30


def test_payloads_put_in_are_named(path: Path, head: Head) -> None:
    change(path, "INSERT INTO payload VALUES (?, x'00')", payload_key(40, 2))
    assert verify(path).first_bad == 40
    change(path, "DELETE FROM payload WHERE key = ?", payload_key(40, 2))
    assert verify(path).ok
    change(path, "INSERT INTO payload VALUES (?, x'00')", payload_key(5000, 0))
    assert [problem.seq for problem in verify(path).problems] == [None]


def test_erased_content_put_back_is_named(path: Path, head: Head, opened: Open) -> None:
    connection = sqlite3.connect(path)
    row = connection.execute("SELECT * FROM payload WHERE key = ?", (payload_key(9, 0),)).fetchone()
    connection.close()
    log = opened()
    log.erase([9], b"state", b"h").wait()
    log.close()
    assert verify(path).erased == 2
    change(path, "INSERT INTO payload VALUES (?, ?)", *row)
    assert verify(path).first_bad == 9


def test_a_cut_tail_shows_only_against_a_head_kept_elsewhere(path: Path, head: Head) -> None:
    change(path, "DELETE FROM event WHERE key > 100")
    change(path, "DELETE FROM payload WHERE key >= ?", payload_key(101, 0))
    assert verify(path).ok
    report = verify(path, expected_head=head)
    assert report.first_bad == 101
    assert "cut off" in report.problems[0].what


def test_a_rewritten_chain_shows_only_against_a_head_kept_elsewhere(path: Path, head: Head) -> None:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT key, hash, header FROM event ORDER BY key").fetchall()
    previous = rows[98][1]
    for key, _, header in rows[99:]:
        forged = header.replace(b"kind", b"kink") if key == 100 else header
        previous = link(previous, forged)
        connection.execute(
            "UPDATE event SET hash = ?, header = ? WHERE key = ?", (previous, forged, key)
        )
        assert decode(forged).seq == key
    connection.commit()
    connection.close()
    assert verify(path).ok
    assert verify(path, expected_head=head).first_bad == head.seq
    assert verify(path, expected_head=Head(50, rows[49][1])).ok


def test_a_flipped_byte_of_the_wal_cuts_the_tail(path: Path) -> None:
    program = """
import os, sys
from engrain.storage import EventLog
log = EventLog.open(sys.argv[1], epoch=1)
for number in range(200):
    receipt = log.append("kind", [b"%d" % number] * 2)
    if number % 5 == 0:
        receipt.wait()
print(log.flush().hash.hex(), flush=True)
os._exit(9)
"""
    command = [sys.executable, "-c", program, str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    head = Head(200, bytes.fromhex(run.stdout.strip()))
    assert verify(path, expected_head=head).ok
    wal = path.with_name(path.name + "-wal")
    content = bytearray(wal.read_bytes())
    content[len(content) // 2] ^= 1
    wal.write_bytes(content)
    report = verify(path)
    assert report.ok
    assert 0 < report.head.seq < 200
    assert verify(path, expected_head=head).first_bad == report.head.seq + 1


@pytest.mark.parametrize("seed", range(40))
def test_no_flipped_byte_of_the_file_changes_history_unseen(
    path: Path, head: Head, seed: int
) -> None:
    with EventLog.open(path, epoch=1, mode="r") as log:
        truth, snapshot = list(log.events()), log.latest_snapshot()
    content = bytearray(path.read_bytes())
    content[Random(seed).randrange(len(content))] ^= 1 + Random(-seed).randrange(255)
    path.write_bytes(content)
    try:
        assert verify(path, expected_head=head).ok
    except (EngrainError, AssertionError):
        return
    with EventLog.open(path, epoch=1, mode="r") as log:
        assert list(log.events()) == truth
        assert log.latest_snapshot() == snapshot


def test_progress_is_told(path: Path, head: Head) -> None:
    steps: list[tuple[int, int]] = []
    verify(path, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (head.seq, head.seq)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_reports_hold_no_content(path: Path, opened: Open) -> None:
    log = opened()
    for _ in range(20):
        log.append("kind", [b"the canary"])
    log.close()
    change(path, "UPDATE payload SET body = CAST(body || 'canary' AS BLOB)")
    report = verify(path)
    assert len(report.problems) == 20
    assert "canary" not in repr(report)
