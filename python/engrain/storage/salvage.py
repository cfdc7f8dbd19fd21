"""``engrain repair``: keep the good prefix of a damaged log, set the damaged file aside."""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engrain.base.errors import SnapshotError, StorageError, TamperedError
from engrain.storage.audit import UNFINISHED, audit
from engrain.storage.chain import GENESIS, Header
from engrain.storage.files import sync
from engrain.storage.lock import WriterLock
from engrain.storage.logfile import translated
from engrain.storage.records import Head
from engrain.storage.scan import Row, check_row, checked_payload, payload_bodies, rows_to_gap
from engrain.storage.schema import INDEX_BITS, connect_reader, connect_writer, event_key, identify
from engrain.storage.snapshots import OWN_TYPES, load_snapshot, snapshot_seqs

CHUNK_EVENTS = 256


@dataclass(slots=True)
class Kept:
    """What a repair kept of one tenant.

    Attributes
    ----------
    head : Head
        End of the good prefix; events after it are in quarantine only.
    snapshots : list of int
        Seqs of the snapshots kept.
    lost_payloads : list of int
        Events at or before the newest snapshot with a payload that could not be kept: the state
        does not need it, history does.
    """

    head: Head
    snapshots: list[int] = field(default_factory=list)
    lost_payloads: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RepairReport:
    """Outcome of a repair.

    Attributes
    ----------
    kept : dict of str to Kept
        By tenant.
    quarantine : Path or None
        The file as it was, with its WAL beside it; None when nothing was wrong.
    """

    kept: dict[str, Kept]
    quarantine: Path | None


def repair(path: str | os.PathLike[str]) -> RepairReport:
    """Rebuild a log from its good prefix; the damaged file is kept aside, untouched.

    The prefix ends before the first event that does not verify, or whose damaged payload a replay
    from the newest good snapshot would need.

    Raises
    ------
    MemoryInUse
    StorageError
        Not even the tables can be read: restore a backup.
    """
    source = Path(path).resolve()
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist")
    lock = WriterLock(source)
    part = source.with_name(source.name + ".repairing")
    try:
        _discard(part)
        with translated(source):
            connection = connect_reader(source, live=False)
            try:
                if not identify(connection, source):
                    raise StorageError(f"{source} is empty: no event log")
                kept = _sound(connection)
                if kept is not None:
                    return RepairReport(kept, None)
                kept = _rebuild(connection, part)
            finally:
                connection.close()
        return RepairReport(kept, _swap(source, part))
    finally:
        _discard(part)
        lock.release()


def _tenants(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    return connection.execute("SELECT id, name FROM tenant").fetchall()


def _sound(connection: sqlite3.Connection) -> dict[str, Kept] | None:
    """Heads of a file in which nothing is wrong, None for a damaged one."""
    kept: dict[str, Kept] = {}
    for number, name in _tenants(connection):
        report = audit(connection, number, name)
        if any(problem.what != UNFINISHED for problem in report.problems):
            return None
        kept[name] = Kept(report.head, snapshot_seqs(connection, number))
    return kept


def _rebuild(connection: sqlite3.Connection, part: Path) -> dict[str, Kept]:
    target = connect_writer(part)
    try:
        target.execute("BEGIN IMMEDIATE")
        kept = {}
        for number, name in _tenants(connection):
            target.execute("INSERT INTO tenant VALUES (?, ?)", (number, name))
            kept[name] = _keep(connection, target, number, name)
        target.execute("COMMIT")
    finally:
        target.close()
    return kept


def _keep(source: sqlite3.Connection, target: sqlite3.Connection, tenant: int, name: str) -> Kept:
    kept = Kept(Head(0, GENESIS))
    good = sum(1 for _ in _good_events(source, tenant, name))
    base = _copy_snapshots(source, target, tenant, name, good, kept)
    for row, header in itertools.islice(_good_events(source, tenant, name), good):
        bodies, whole = _good_payloads(source, row[0], header)
        if not whole and header.seq > base and header.type not in OWN_TYPES:
            break
        if not whole:
            kept.lost_payloads.append(header.seq)
        target.execute("INSERT INTO event VALUES (?, ?, ?)", row)
        target.execute(
            "INSERT OR IGNORE INTO event_type VALUES (?, ?)", (header.type, header.critical)
        )
        target.executemany("INSERT INTO payload VALUES (?, ?)", bodies)
        kept.head = Head(header.seq, row[1])
    return kept


def _good_events(
    connection: sqlite3.Connection, tenant: int, name: str
) -> Iterator[tuple[Row, Header]]:
    """Yield events from the first one until one is missing, unreadable or does not verify."""
    seq, previous, count = 0, GENESIS, CHUNK_EVENTS
    while True:
        try:
            rows = rows_to_gap(connection, tenant, seq, seq + count)
        except sqlite3.DatabaseError:
            if count == 1:
                return
            count = 1
            continue
        for row in rows:
            try:
                header = check_row(row, previous, name)
            except TamperedError:
                return
            yield row, header
            seq, previous = seq + 1, row[1]
        if len(rows) < count:
            return


def _good_payloads(
    connection: sqlite3.Connection, key: int, header: Header
) -> tuple[list[tuple[int, bytes]], bool]:
    """Payloads of one event that verify, and whether all that are there do."""
    try:
        bodies = payload_bodies(connection, key, key)
    except sqlite3.DatabaseError:
        return [], False
    good = []
    for place, body in bodies.items():
        try:
            checked_payload(body, header, place - (key << INDEX_BITS))
        except TamperedError:
            continue
        good.append((place, body))
    return good, len(good) == len(bodies)


def _copy_snapshots(
    source: sqlite3.Connection,
    target: sqlite3.Connection,
    tenant: int,
    name: str,
    last: int,
    kept: Kept,
) -> int:
    """Copy the snapshots that verify; return the seq of the newest one, 0 without any."""
    try:
        seqs = [seq for seq in snapshot_seqs(source, tenant) if seq <= last]
    except sqlite3.DatabaseError:
        return 0
    for seq in seqs:
        try:
            load_snapshot(source, tenant, name, seq)
        except SnapshotError:
            continue
        rows = source.execute(
            "SELECT event, chunk, body FROM snapshot WHERE event = ?", (event_key(tenant, seq),)
        )
        target.executemany("INSERT INTO snapshot VALUES (?, ?, ?)", rows)
        kept.snapshots.append(seq)
    return max(kept.snapshots, default=0)


def _swap(source: Path, part: Path) -> Path:
    """Put the rebuilt file in place of the damaged one, which gets a name of its own."""
    quarantine = next(
        name
        for number in itertools.count(1)
        if not (name := source.with_name(f"{source.name}.quarantine-{number}")).exists()
    )
    os.link(source, quarantine)
    part.chmod(source.stat().st_mode & 0o777)
    # The old WAL must be gone before the new file takes the name: its frames would be replayed.
    wal = source.with_name(source.name + "-wal")
    if wal.exists():
        wal.rename(quarantine.with_name(quarantine.name + "-wal"))
    source.with_name(source.name + "-shm").unlink(missing_ok=True)
    sync(source.parent)
    part.replace(source)
    sync(source.parent)
    return quarantine


def _discard(part: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        part.with_name(part.name + suffix).unlink(missing_ok=True)
