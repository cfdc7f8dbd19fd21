from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engrain.kernels.journal import LARGE, Group, Journal
from engrain.storage.chain import FIXED, GENESIS, HASH_BYTES, MAX_PAYLOADS, SALT_BYTES, decode
from engrain.storage.commit import commit
from engrain.storage.eventlog import GROUP_EVENTS
from engrain.storage.schema import (
    AT_BITS,
    KEY_SHIFT,
    SIZE_MASK,
    connect_writer,
    event_key,
    payload_key,
)
from engrain.storage.snapshots import StateWrite


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect_writer(path)
    yield connection
    connection.close()


def journal(tenant: str = "t") -> Journal:
    return Journal(0, GENESIS, 0.0, tenant, group_seconds=60, group_events=GROUP_EVENTS)


def filled(count: int, payloads: int = 1, state: StateWrite | None = None) -> Journal:
    made = journal()
    for _ in range(count):
        made.append("kind", [b"x"] * payloads, 1, 1.0, 1, True, state)
    return made


def taken(made: Journal) -> Group:
    group = made.take()
    assert group is not None
    return group


def rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return sorted(connection.execute(f"SELECT * FROM {table}"))  # noqa: S608


def content(connection: sqlite3.Connection, tenant: int = 0) -> dict[int, list[bytes]]:
    """Return the payloads of each event without their salt, by seq, the headers being in order."""
    found: dict[int, list[bytes]] = {}
    for key, digest, header in rows(connection, "event"):
        event = decode(header)
        assert key == event_key(tenant, event.seq)
        assert len(digest) == HASH_BYTES
        found[event.seq] = []
    for key, body in rows(connection, "payload"):
        parts = found[(key >> 4) - event_key(tenant, 0)]
        assert key & 15 == len(parts)
        parts.append(body[SALT_BYTES:])
    return found


@pytest.mark.parametrize("count", [1, 3, 4, 31, 33, 255, 257, 1000])
def test_groups_of_any_size_are_written_whole(connection: sqlite3.Connection, count: int) -> None:
    commit(connection, 0, taken(filled(count, 3)))
    assert content(connection) == {seq: [b"x"] * 3 for seq in range(1, count + 1)}


@pytest.mark.parametrize("count", [1, 1000])
def test_large_payloads_are_written_beside_small_ones(
    connection: sqlite3.Connection, count: int
) -> None:
    made, given = journal(), {}
    for number in range(count):
        sizes = (number % 7, LARGE - SALT_BYTES - number % 2, 0)
        given[number + 1] = [bytes([number % 251]) * size for size in sizes[: number % 4]]
        kind = f"kind ä{number % 3}"
        made.append(kind, given[number + 1], 1, 1.0, 1, number % 3 == 0)
    commit(connection, 5, taken(made))
    assert content(connection, 5) == given
    kinds = [("kind ä0", 1), ("kind ä1", 0), ("kind ä2", 0)]
    assert rows(connection, "event_type") == kinds[:count]


def test_the_longest_names_and_most_payloads_fit(connection: sqlite3.Connection) -> None:
    made, given = journal("t" * 65_535), {}
    for number in range(20):
        parts = [bytes([number, index]) * 8000 + b"e" * (number % 3) for index in range(16)]
        given[made.append("k" * 255, parts, 1, 1.0, 1, True)[0]] = parts
    commit(connection, 0, taken(made))
    assert content(connection) == given
    # What a statement may hold at most fits into the packed places.
    assert GROUP_EVENTS * MAX_PAYLOADS * LARGE < 1 << AT_BITS
    assert (GROUP_EVENTS * MAX_PAYLOADS).bit_length() + KEY_SHIFT <= 63
    assert HASH_BYTES + FIXED.size + 255 + 65_535 + MAX_PAYLOADS * HASH_BYTES <= SIZE_MASK


def test_a_plain_group_is_one_statement(connection: sqlite3.Connection) -> None:
    held = filled(1000, 2)
    made: list[str] = []
    held.drop(payload_key(1, 0))
    connection.set_trace_callback(made.append)
    commit(connection, 0, taken(held))
    assert {text.split()[0] for text in made if not text.startswith("--")} == {"INSERT"}
    assert not connection.in_transaction
    assert len(rows(connection, "payload")) == 1999


def test_a_failed_group_leaves_nothing(connection: sqlite3.Connection) -> None:
    held = filled(5)
    first = taken(held)
    commit(connection, 0, first)
    for state in (None, StateWrite([b"s"])):
        other = filled(10, state=state)
        other.drop(payload_key(1, 0))
        with pytest.raises(sqlite3.IntegrityError):
            commit(connection, 0, taken(other))
        assert len(rows(connection, "event")) == len(rows(connection, "payload")) == 5
        assert not connection.in_transaction
    for _ in range(5):
        held.append("kind", [b"x"], 1, 1.0, 1, True)
    held.drop(payload_key(1, 0))
    held.drop(payload_key(10, 0))
    commit(connection, 0, taken(held))
    assert len(rows(connection, "event")) == 10
    assert len(rows(connection, "payload")) == 8


def test_a_large_payload_is_dropped_with_its_own_group(connection: sqlite3.Connection) -> None:
    held = journal()
    held.append("kind", [bytes(LARGE), b"kept"], 1, 1.0, 1, True)
    held.drop(payload_key(1, 0))
    commit(connection, 0, taken(held))
    assert [key for key, _ in rows(connection, "payload")] == [payload_key(1, 1)]


def test_drops_alone_are_written(connection: sqlite3.Connection) -> None:
    held = filled(2)
    commit(connection, 0, taken(held))
    held.drop(payload_key(2, 0))
    commit(connection, 0, taken(held))
    assert content(connection) == {1: [b"x"], 2: []}


def test_state_is_written_with_its_event(connection: sqlite3.Connection) -> None:
    held = journal()
    for seq in range(1, 5):
        held.append("kind", [b"x"], 1, 1.0, 1, True, StateWrite([b"one", b"two"]))
        commit(connection, 0, taken(held))
        assert rows(connection, "snapshot") == [
            (event, chunk, body)
            for event in range(max(1, seq - 1), seq + 1)
            for chunk, body in enumerate((b"one", b"two"))
        ]
    assert rows(connection, "event_type") == [("kind", 1)]
    assert rows(connection, "unscrubbed") == []


def test_an_erasure_takes_payloads_and_older_snapshots(connection: sqlite3.Connection) -> None:
    held = filled(6, 2, StateWrite([b"old"]))
    commit(connection, 0, taken(held))
    held.append("kind", [b"x"] * 2, 1, 1.0, 1, True, StateWrite([b"new"], erased=[2, 6]))
    commit(connection, 0, taken(held))
    assert rows(connection, "snapshot") == [(7, 0, b"new")]
    left = {key >> 4 for key, _ in connection.execute("SELECT key, body FROM payload")}
    assert left == {1, 3, 4, 5, 7}
    assert rows(connection, "unscrubbed") == [(7,)]
