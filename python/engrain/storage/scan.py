"""Reading the chain back: rows in order, their payloads, and the checks over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator

from engrain.base.errors import TamperedError
from engrain.storage.chain import (
    GENESIS,
    HASH_BYTES,
    SALT_BYTES,
    Header,
    commitment,
    decode,
    link,
)
from engrain.storage.records import Event
from engrain.storage.schema import INDEX_BITS, event_key, key_seq, payload_key

CHUNK_EVENTS = 2048
FIRST_EVENTS = 32
PORTION_EVENTS = 256
PORTION_BYTES = 4 << 20

# Damage may turn a blob into another type: what is read is always bytes, and then does not verify.
_ROWS = (
    "SELECT key, ifnull(CAST(hash AS BLOB), x''), ifnull(CAST(header AS BLOB), x'') FROM event "
    "WHERE key BETWEEN ? AND ? ORDER BY key"
)
_BODIES = "SELECT key, ifnull(CAST(body AS BLOB), x'') FROM payload WHERE key BETWEEN ? AND ?"

Row = tuple[int, bytes, bytes]


def newest_seq(connection: sqlite3.Connection, tenant: int) -> int:
    """Return the seq of the newest event, 0 for an empty chain."""
    (key,) = connection.execute(
        "SELECT max(key) FROM event WHERE key BETWEEN ? AND ?",
        (event_key(tenant, 1), event_key(tenant + 1, 0) - 1),
    ).fetchone()
    return 0 if key is None else key_seq(key)


def checked_decode(header: bytes, seq: int) -> Header:
    """Decode a header; TamperedError with its seq when it is none."""
    try:
        return decode(header)
    except ValueError as error:
        raise TamperedError(f"event {seq}: {error}", seq) from None


def stored_hash(connection: sqlite3.Connection, tenant: int, seq: int) -> bytes:
    """Return the hash stored for an event; genesis for 0."""
    if seq == 0:
        return GENESIS
    row = connection.execute(
        "SELECT ifnull(CAST(hash AS BLOB), x'') FROM event WHERE key = ?", (event_key(tenant, seq),)
    ).fetchone()
    if row is None:
        raise TamperedError(f"event {seq} is missing", seq)
    return bytes(row[0])


def rows_to_gap(connection: sqlite3.Connection, tenant: int, after: int, until: int) -> list[Row]:
    """Return rows (key, hash, header) of the events after `after`, up to `until` or a gap.

    All of them are fetched at once: no read transaction outlives the call, so that an abandoned
    iterator pins no WAL.
    """
    rows = connection.execute(
        _ROWS, (event_key(tenant, after + 1), event_key(tenant, until))
    ).fetchall()
    if len(rows) < until - after:
        for place, row in enumerate(rows):
            if key_seq(row[0]) != after + 1 + place:
                return rows[:place]
    return rows


def rows_or_raise(connection: sqlite3.Connection, tenant: int, after: int, until: int) -> list[Row]:
    """Return rows as `rows_to_gap`; TamperedError naming the first missing seq."""
    rows = rows_to_gap(connection, tenant, after, until)
    if len(rows) < until - after:
        seq = after + 1 + len(rows)
        raise TamperedError(f"event {seq} is missing", seq)
    return rows


def check_row(row: Row, previous: bytes, tenant: str) -> Header:
    """Check one row against its predecessor's hash and its own place; return its header.

    Raises
    ------
    TamperedError
        Naming the seq.
    """
    key, digest, blob = row
    seq = key_seq(key)
    if link(previous, blob) != digest:
        raise TamperedError(f"event {seq}: its hash does not follow from its predecessor", seq)
    header = checked_decode(blob, seq)
    if header.seq != seq or header.tenant != tenant:
        raise TamperedError(f"event {seq} lies in another event's place", seq)
    return header


def check_chain(
    connection: sqlite3.Connection, tenant: int, name: str, after: int, last: int
) -> None:
    """Check headers and hashes of the events after `after` up to `last`.

    Raises
    ------
    TamperedError
        Naming the first event that does not verify.
    """
    previous = stored_hash(connection, tenant, after)
    for start in range(after, last, CHUNK_EVENTS):
        for row in rows_or_raise(connection, tenant, start, min(start + CHUNK_EVENTS, last)):
            check_row(row, previous, name)
            previous = row[1]


def payload_bodies(connection: sqlite3.Connection, first: int, last: int) -> dict[int, bytes]:
    """Return the stored payloads of the events with keys `first` to `last`, by their keys."""
    return dict(
        connection.execute(
            _BODIES, (payload_key(first, 0), payload_key(last + 1, 0) - 1)
        ).fetchall()
    )


def checked_payload(stored: bytes, header: Header, index: int) -> bytes:
    """Return a payload without its salt after checking it against its commitment.

    Raises
    ------
    TamperedError
        Naming the event.
    """
    start = index * HASH_BYTES
    if commitment(stored) != header.commitments[start : start + HASH_BYTES]:
        raise TamperedError(
            f"event {header.seq}: payload {index} does not match its commitment", header.seq
        )
    return stored[SALT_BYTES:]


def portions(
    connection: sqlite3.Connection, tenant: int, after: int, last: int
) -> Iterator[tuple[list[Row], dict[int, bytes]]]:
    """Yield rows with their payloads, a few megabytes at a time.

    Raises
    ------
    TamperedError
        Naming the first event that is missing.
    """
    count = FIRST_EVENTS
    while after < last:
        rows = rows_to_gap(connection, tenant, after, min(after + count, last))
        if not rows:
            raise TamperedError(f"event {after + 1} is missing", after + 1)
        bodies = payload_bodies(connection, rows[0][0], rows[-1][0])
        fitting = count * PORTION_BYTES // max(sum(map(len, bodies.values())), 1)
        count = max(1, min(PORTION_EVENTS, 2 * count, fitting))
        after += len(rows)
        yield rows, bodies


def read_events(
    connection: sqlite3.Connection, tenant: int, after: int, last: int
) -> Iterator[Event]:
    """Yield the events after `after` up to `last`, payloads checked against their commitments.

    Raises
    ------
    TamperedError
        Naming the first event that is missing or does not match.
    """
    for rows, bodies in portions(connection, tenant, after, last):
        for row in rows:
            yield _assemble(row, bodies)


def runs(seqs: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield (after, last) for each run of seqs that follow on one another."""
    after = last = None
    for seq in seqs:
        if last is None or seq != last + 1:
            if after is not None and last is not None:
                yield after, last
            after = seq - 1
        last = seq
    if after is not None and last is not None:
        yield after, last


def read_types(
    connection: sqlite3.Connection, tenant: int, after: int, last: int, types: Collection[str]
) -> Iterator[Event]:
    """Yield as `read_events` the events of some types, reading only their payloads."""
    for start in range(after, last, CHUNK_EVENTS):
        for row in rows_or_raise(connection, tenant, start, min(start + CHUNK_EVENTS, last)):
            if checked_decode(row[2], key_seq(row[0])).type in types:
                yield _assemble(row, payload_bodies(connection, row[0], row[0]))


def _assemble(row: Row, bodies: dict[int, bytes]) -> Event:
    key, hash, blob = row
    header = checked_decode(blob, key_seq(key))
    seq, name, _, _, schema, time, epoch, commitments = header
    first = key << INDEX_BITS
    payloads: list[bytes | None] = []
    for index in range(len(commitments) // HASH_BYTES):
        stored = bodies.get(first + index)
        payloads.append(None if stored is None else checked_payload(stored, header, index))
    return Event(seq, name, schema, time, epoch, tuple(payloads), hash)
