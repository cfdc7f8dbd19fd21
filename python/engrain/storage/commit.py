"""One group commit: events, payloads, snapshots and drops in a single transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from engrain.base.errors import StorageError
from engrain.storage.entry import Entry, StateWrite
from engrain.storage.schema import INDEX_BITS, KEY_SHIFT, LARGE, SIZE_BITS, event_key, payload_key

KEEP_SNAPSHOTS = 2
ROWS = 1000  # events per statement: 16 payloads each stay below SQLite's largest value, 10^9 bytes


def commit(
    connection: sqlite3.Connection, tenant: int, batch: Sequence[Entry], drops: Sequence[int]
) -> None:
    """Write a group durably, or nothing of it.

    A plain group is one statement, which is a transaction by itself: sqlite3 gives the GIL up once
    per step, and a busy main thread may keep it for 5 ms each time.

    Parameters
    ----------
    connection : sqlite3.Connection
        From `connect_writer`.
    tenant : int
        Row of the tenant.
    batch : sequence of Entry
        Of consecutive seqs.
    drops : sequence of int
        Keys of payloads to delete.

    Raises
    ------
    sqlite3.Error
        After rolling back.
    """
    if len(batch) <= ROWS and not any(map(_beside, batch)):
        _insert(connection, tenant, batch, drops)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for start in range(0, len(batch), ROWS):
            _insert(connection, tenant, batch[start : start + ROWS], ())
        for entry in batch:
            _write_beside(connection, tenant, entry)
        _insert(connection, tenant, (), drops)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _insert(
    connection: sqlite3.Connection, tenant: int, batch: Sequence[Entry], drops: Sequence[int]
) -> None:
    """Write events with all but their large payloads, see `schema.ARRIVAL`."""
    heads = [entry.hash + entry.header for entry in batch]
    small = [
        (number << INDEX_BITS | index, body)
        for number, entry in enumerate(batch)
        for index, body in enumerate(entry.bodies)
        if len(body) < LARGE
    ]
    connection.execute(
        "INSERT INTO arrival VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            event_key(tenant, batch[0].seq) if batch else 0,
            b"".join(heads),
            _places(list(enumerate(heads))),
            b"".join([body for _, body in small]),
            _places(small),
            json.dumps({entry.type: entry.critical for entry in batch}),
            str(list(drops)),
        ),
    )


def _places(parts: Sequence[tuple[int, bytes]]) -> str:
    """Return as JSON where parts lie that are joined, by key."""
    found, at = [], 1
    for key, part in parts:
        size = len(part)
        found.append(key << KEY_SHIFT | at << SIZE_BITS | size)
        at += size
    return str(found)


def _beside(entry: Entry) -> bool:
    return entry.state is not None or max(map(len, entry.bodies), default=0) >= LARGE


def _write_beside(connection: sqlite3.Connection, tenant: int, entry: Entry) -> None:
    event = event_key(tenant, entry.seq)
    for index, body in enumerate(entry.bodies):
        if len(body) >= LARGE:
            connection.execute(
                "INSERT INTO payload VALUES (?, ?)", (payload_key(event, index), body)
            )
    if entry.state is not None:
        _write_state(connection, tenant, entry.seq, entry.state)


def _write_state(connection: sqlite3.Connection, tenant: int, seq: int, state: StateWrite) -> None:
    first, event = event_key(tenant, 0), event_key(tenant, seq)
    for number, chunk in enumerate(state.chunks):
        connection.execute("INSERT INTO snapshot VALUES (?, ?, ?)", (event, number, chunk))
    kept = 1 if state.erased is not None else KEEP_SNAPSHOTS
    connection.execute(
        "DELETE FROM snapshot WHERE event BETWEEN ? AND ? AND event NOT IN (SELECT DISTINCT event "
        "FROM snapshot WHERE event BETWEEN ? AND ? ORDER BY event DESC LIMIT ?)",
        (first, event, first, event, kept),
    )
    if state.erased is None:
        return
    connection.executemany(
        "DELETE FROM payload WHERE key BETWEEN ? AND ?",
        [
            (payload_key(first + seq, 0), payload_key(first + seq + 1, 0) - 1)
            for seq in state.erased
        ],
    )
    connection.execute("INSERT INTO unscrubbed VALUES (?)", (event,))


def scrub(connection: sqlite3.Connection) -> None:
    """Rewrite the file so that no erased byte is left in it or in the WAL.

    ``secure_delete`` zeroes deleted cells, but moving cells between pages leaves copies in the
    gaps; only a rebuilt file is known to hold none. Costs time and room in proportion to the file.

    Raises
    ------
    StorageError
        Readers kept the WAL busy; the work stays marked and is done by the next `flush` or opening.
    """
    connection.execute("VACUUM")
    connection.execute("DELETE FROM unscrubbed")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageError("erased bytes remain in the WAL while others read the file")
