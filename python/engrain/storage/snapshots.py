"""Snapshots inside the file: chunks of a state, announced by a chained event that holds hashes."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engrain.base.errors import SnapshotError, TamperedError
from engrain.storage.chain import HASH_BYTES
from engrain.storage.records import Snapshot
from engrain.storage.scan import check_row, checked_payload, rows_or_raise, stored_hash
from engrain.storage.schema import event_key, key_seq, payload_key

SNAPSHOT = "snapshot"
ERASED = "erased"
EPOCH_CHANGED = "epoch_changed"
OWN_TYPES = frozenset({SNAPSHOT, ERASED, EPOCH_CHANGED})

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A snapshot to store with its event.

    Attributes
    ----------
    chunks : sequence of bytes
    erased : sequence of int or None
        Events whose payloads go, together with all older snapshots; None for a plain snapshot.
    """

    chunks: Sequence[bytes]
    erased: Sequence[int] | None = None


def chunked(state: bytes | memoryview | Iterable[bytes | memoryview]) -> list[bytes]:
    """Cut a state into chunks of at most `CHUNK_BYTES`, at least one."""
    parts = [state] if isinstance(state, (bytes, bytearray, memoryview)) else state
    chunks = [
        bytes(view[start : start + CHUNK_BYTES])
        for part in parts
        for view in [memoryview(part).cast("B")]
        for start in range(0, len(view), CHUNK_BYTES)
    ]
    return chunks or [b""]


def announce(chunks: Iterable[bytes], state_hash: bytes) -> bytes:
    """Describe a snapshot: SHA-256 of its bytes, then the caller's hash of the state."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest() + bytes(state_hash)


def snapshot_seqs(connection: sqlite3.Connection, tenant: int) -> list[int]:
    """Return the seqs of the stored snapshots, newest first."""
    rows = connection.execute(
        "SELECT DISTINCT event FROM snapshot WHERE event BETWEEN ? AND ? ORDER BY event DESC",
        (event_key(tenant, 1), event_key(tenant + 1, 0) - 1),
    )
    return [key_seq(key) for (key,) in rows.fetchall()]


def load_snapshot(connection: sqlite3.Connection, tenant: int, name: str, seq: int) -> Snapshot:
    """Read one snapshot and check it against the event that announced it.

    Raises
    ------
    SnapshotError
        Its bytes, or those of its event, are not what the chain says.
    """
    key = event_key(tenant, seq)
    try:
        (row,) = rows_or_raise(connection, tenant, seq - 1, seq)
        header = check_row(row, stored_hash(connection, tenant, seq - 1), name)
        (stored,) = connection.execute(
            "SELECT body FROM payload WHERE key = ?", (payload_key(key, 0),)
        ).fetchone()
        record = checked_payload(stored, header, 0)
        rows = connection.execute(
            "SELECT body FROM snapshot WHERE event = ? ORDER BY chunk", (key,)
        ).fetchall()
    except (TypeError, TamperedError, sqlite3.DatabaseError) as error:
        raise SnapshotError(f"snapshot at seq {seq} cannot be read: {error}") from error
    data = b"".join(chunk for (chunk,) in rows)
    if hashlib.sha256(data).digest() != record[:HASH_BYTES]:
        raise SnapshotError(f"snapshot at seq {seq}: its bytes do not match the chained hash")
    return Snapshot(seq, record[HASH_BYTES:], data)


def pack_seqs(seqs: Iterable[int]) -> bytes:
    """Write seqs as little-endian 64-bit integers."""
    return b"".join(seq.to_bytes(8, "little") for seq in seqs)


def erased_seqs(content: bytes) -> list[int]:
    """Invert `pack_seqs`."""
    return [int.from_bytes(content[i : i + 8], "little") for i in range(0, len(content), 8)]
