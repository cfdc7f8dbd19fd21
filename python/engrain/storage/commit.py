"""One group commit: events, payloads, snapshots and drops in a single transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engrain.base.errors import StorageError
from engrain.kernels.journal import Group
from engrain.storage.schema import event_key, payload_key
from engrain.storage.snapshots import StateWrite

KEEP_SNAPSHOTS = 2
INSERT = "INSERT INTO arrival VALUES (?, ?, ?, ?, ?, ?, ?)"


def commit(connection: sqlite3.Connection, tenant: int, group: Group) -> None:
    """Write a group durably, or nothing of it.

    A plain group is one statement, which is a transaction by itself: sqlite3 gives the GIL up once
    per step, and a busy main thread may keep it for 5 ms each time.

    Parameters
    ----------
    connection : sqlite3.Connection
        From `connect_writer`.
    tenant : int
        Row of the tenant.
    group : Group

    Raises
    ------
    sqlite3.Error
        After rolling back.
    """
    row = group.row(event_key(tenant, group.first))
    if not group.beside:
        connection.execute(INSERT, row)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(INSERT, row)
        for seq, (bodies, state) in group.beside.items():
            _write_beside(connection, tenant, seq, bodies, state)
        connection.executemany("DELETE FROM payload WHERE key = ?", zip(group.drops))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _write_beside(
    connection: sqlite3.Connection,
    tenant: int,
    seq: int,
    bodies: Sequence[tuple[int, bytes]],
    state: object,
) -> None:
    event = event_key(tenant, seq)
    connection.executemany(
        "INSERT INTO payload VALUES (?, ?)",
        [(payload_key(event, index), body) for index, body in bodies],
    )
    if isinstance(state, StateWrite):
        _write_state(connection, tenant, seq, state)


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
