"""One pass over a chain that checks every event, payload, snapshot and erasure."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable
from functools import partial

from engrain.base.errors import SnapshotError, TamperedError
from engrain.storage.chain import GENESIS, MAX_PAYLOADS, Header
from engrain.storage.records import Head
from engrain.storage.report import Problem, VerifyReport
from engrain.storage.scan import Row, check_row, checked_payload, newest_seq, portions
from engrain.storage.schema import INDEX_BITS, event_key, key_seq, payload_key
from engrain.storage.snapshots import (
    ERASED,
    OWN_TYPES,
    erased_seqs,
    load_snapshot,
    snapshot_seqs,
)

MAX_PROBLEMS = 100
UNFINISHED = "an erasure is unfinished: open the file for writing and flush"
Progress = Callable[[int, int], object]


def audit(
    connection: sqlite3.Connection,
    tenant: int,
    name: str,
    expected: Head | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check one tenant's chain whole.

    Parameters
    ----------
    connection : sqlite3.Connection
    tenant : int
        Its number in the file.
    name : str
    expected : Head or None
        A head kept elsewhere; without one a cut tail cannot be seen.
    progress : callable or None
        Called with (events checked, events in all).
    """
    work = _Audit(connection, tenant, name, expected)
    for step in (
        partial(work.walk, progress),
        work.check_head,
        work.check_snapshots,
        work.check_erasures,
        work.check_strays,
        work.check_structure,
    ):
        try:
            step()
        except TamperedError as error:
            work.note(error.seq, error)
        except sqlite3.DatabaseError as error:
            work.note(work.head.seq + 1, f"after event {work.head.seq}: SQLite: {error}")
    erased = sum(seq in work.erased for seq in work.absent)
    return VerifyReport(
        work.head,
        work.head.seq,
        erased,
        len(work.absent) - erased,
        work.snapshots,
        tuple(work.problems),
    )


class _Audit:
    def __init__(
        self, connection: sqlite3.Connection, tenant: int, name: str, expected: Head | None
    ) -> None:
        self.connection, self.tenant, self.name, self.expected = connection, tenant, name, expected
        self.head = Head(0, GENESIS)
        self.problems: list[Problem] = []
        self.erased: set[int] = set()
        self.absent: array[int] = array("Q")  # one seq per payload that is not there
        self.snapshots = 0
        self.present = 0
        self.critical: set[str] = set()

    def note(self, seq: int | None, what: object) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(seq, str(what)))

    def walk(self, progress: Progress | None) -> None:
        last = newest_seq(self.connection, self.tenant)
        for rows, bodies in portions(self.connection, self.tenant, 0, last):
            self.present += len(bodies)
            for row in rows:
                self.event(row, bodies)
            for key in bodies:
                seq = key_seq(key >> INDEX_BITS)
                self.note(seq, f"event {seq} has a payload that it never committed to")
            if progress is not None:
                progress(self.head.seq, last)

    def event(self, row: Row, bodies: dict[int, bytes]) -> None:
        key, digest, _ = row
        own = {
            i: bodies.pop(k) for i in range(MAX_PAYLOADS) if (k := payload_key(key, i)) in bodies
        }
        try:
            header = check_row(row, self.head.hash, self.name)
            self.payloads(header, own)
            if header.critical:
                self.critical.add(header.type)
        except TamperedError as error:
            self.note(error.seq, error)
        self.head = Head(key_seq(key), digest)
        if self.expected is not None and self.head.seq == self.expected.seq:
            self.compare(self.expected)

    def payloads(self, header: Header, stored: dict[int, bytes]) -> None:
        self.absent.extend([header.seq] * (header.payloads - len(stored)))
        for index, body in stored.items():
            if index >= header.payloads:
                raise TamperedError(
                    f"event {header.seq} has a payload that it never committed to", header.seq
                )
            content = checked_payload(body, header, index)
            if header.type == ERASED and index == 1:
                self.erased.update(erased_seqs(content))

    def compare(self, expected: Head) -> None:
        if self.head.hash != expected.hash:
            self.note(expected.seq, f"event {expected.seq} is not the one of the expected head")

    def check_head(self) -> None:
        if self.expected is not None and self.head.seq < self.expected.seq:
            first, last = self.head.seq + 1, self.expected.seq
            self.note(first, f"events {first} to {last} of the expected head are cut off")

    def check_snapshots(self) -> None:
        for seq in snapshot_seqs(self.connection, self.tenant):
            self.snapshots += 1
            try:
                load_snapshot(self.connection, self.tenant, self.name, seq)
            except SnapshotError as error:
                self.note(seq, error)

    def check_erasures(self) -> None:
        for seq in sorted(self.erased):
            first = event_key(self.tenant, seq)
            query = "SELECT 1 FROM payload WHERE key BETWEEN ? AND ? LIMIT 1"
            ends = (payload_key(first, 0), payload_key(first + 1, 0) - 1)
            if self.connection.execute(query, ends).fetchone():
                self.note(seq, f"event {seq} was erased, yet its content is still there")
        if self.connection.execute("SELECT 1 FROM unscrubbed").fetchone():
            self.note(None, UNFINISHED)

    def check_strays(self) -> None:
        first = payload_key(event_key(self.tenant, 0), 0)
        last = payload_key(event_key(self.tenant + 1, 0), 0) - 1
        (count,) = self.connection.execute(
            "SELECT count(*) FROM payload WHERE key BETWEEN ? AND ?", (first, last)
        ).fetchone()
        if count != self.present:
            self.note(None, f"{count - self.present} payloads belong to no event")

    def check_structure(self) -> None:
        rows = self.connection.execute("SELECT name FROM event_type WHERE critical").fetchall()
        for missing in sorted(self.critical - OWN_TYPES - {name for (name,) in rows}):
            self.note(None, f"critical type {missing!r} is not in the table of types")
        for (line,) in self.connection.execute("PRAGMA integrity_check(20)").fetchall():
            if line != "ok":
                self.note(None, f"SQLite: {line}")
