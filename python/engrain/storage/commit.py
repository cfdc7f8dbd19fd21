"""One group commit: events, payloads, snapshots and drops in a single transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from engrain.base.errors import StorageError
from engrain.storage.entry import Entry, StateWrite
from engrain.storage.schema import event_key, payload_key

# Rows per statement. sqlite3 gives up the GIL once per statement step, and a busy main thread may
# keep it for 5 ms each time: many rows per step, few steps per commit.
ROWS = (256, 32, 4, 1)
KEEP_SNAPSHOTS = 2


def commit(
    connection: sqlite3.Connection, tenant: int, batch: Sequence[Entry], drops: Sequence[int]
) -> None:
    """Write a group durably, or nothing of it.

    Parameters
    ----------
    connection : sqlite3.Connection
        In autocommit mode.
    tenant : int
        Row of the tenant.
    batch : sequence of Entry
    drops : sequence of int
        Keys of payloads to delete.

    Raises
    ------
    sqlite3.Error
        After rolling back.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        _write(connection, tenant, batch, drops)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _write(
    connection: sqlite3.Connection, tenant: int, batch: Sequence[Entry], drops: Sequence[int]
) -> None:
    _insert(connection, "event", 3, list(_event_values(tenant, batch)))
    _insert(connection, "payload", 2, list(_payload_values(tenant, batch)))
    for name, critical in {entry.type: entry.critical for entry in batch}.items():
        connection.execute("INSERT OR IGNORE INTO event_type VALUES (?, ?)", (name, critical))
    for entry in batch:
        if entry.state is not None:
            _write_state(connection, tenant, entry.seq, entry.state)
    _delete(connection, drops)


def _event_values(tenant: int, batch: Sequence[Entry]) -> Iterator[object]:
    for entry in batch:
        yield event_key(tenant, entry.seq)
        yield entry.hash
        yield entry.header


def _payload_values(tenant: int, batch: Sequence[Entry]) -> Iterator[object]:
    for entry in batch:
        event = event_key(tenant, entry.seq)
        for index, body in enumerate(entry.bodies):
            yield payload_key(event, index)
            yield body


def _insert(connection: sqlite3.Connection, table: str, width: int, values: list[object]) -> None:
    start, row = 0, "(" + ", ".join("?" * width) + ")"
    for rows in ROWS:
        statement = f"INSERT INTO {table} VALUES " + ", ".join([row] * rows)  # noqa: S608
        step = rows * width
        while len(values) - start >= step:
            connection.execute(statement, values[start : start + step])
            start += step


def _delete(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    start = 0
    for rows in ROWS:
        statement = f"DELETE FROM payload WHERE key IN ({', '.join('?' * rows)})"  # noqa: S608
        while len(keys) - start >= rows:
            connection.execute(statement, keys[start : start + rows])
            start += rows


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
