from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from engrain.storage.chain import FIXED, GENESIS, HASH_BYTES, MAX_PAYLOADS, SALT_BYTES
from engrain.storage.commit import ROWS, commit
from engrain.storage.compose import compose
from engrain.storage.entry import Entry, StateWrite
from engrain.storage.schema import (
    AT_BITS,
    KEY_SHIFT,
    LARGE,
    SIZE_MASK,
    connect_writer,
    event_key,
    payload_key,
)


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect_writer(path)
    yield connection
    connection.close()


def entries(count: int, payloads: int = 1, state: StateWrite | None = None) -> list[Entry]:
    made = [Entry(0, GENESIS, 0.0)]
    for _ in range(count):
        content = [b"x"] * payloads
        made.append(
            compose(made[-1], "t", "kind", content, schema=1, time=1.0, epoch=1, critical=True,
                    state=state)
        )  # fmt: skip
    return made[1:]


def rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return sorted(connection.execute(f"SELECT * FROM {table}"))  # noqa: S608


@pytest.mark.parametrize("count", [0, 1, 3, 4, 31, 33, 255, 257, 1003])
def test_groups_of_any_size_are_written_whole(connection: sqlite3.Connection, count: int) -> None:
    batch = entries(count, 3)
    commit(connection, 0, batch, [])
    assert rows(connection, "event") == [(e.seq, e.hash, e.header) for e in batch]
    assert rows(connection, "payload") == [
        (payload_key(e.seq, index), body) for e in batch for index, body in enumerate(e.bodies)
    ]


@pytest.mark.parametrize("count", [1, 1003])
def test_large_payloads_are_written_beside_small_ones(
    connection: sqlite3.Connection, count: int
) -> None:
    made = [Entry(0, GENESIS, 0.0)]
    for number in range(count):
        sizes = (number % 7, LARGE - SALT_BYTES - number % 2, 0)
        content = [bytes([number % 251]) * size for size in sizes[: number % 4]]
        made.append(
            compose(made[-1], "t", f"kind ä{number % 3}", content, schema=1, time=1.0, epoch=1,
                    critical=number % 3 == 0)
        )  # fmt: skip
    batch = made[1:]
    commit(connection, 5, batch, [])
    assert rows(connection, "event") == [(event_key(5, e.seq), e.hash, e.header) for e in batch]
    assert rows(connection, "payload") == [
        (payload_key(event_key(5, e.seq), index), body)
        for e in batch
        for index, body in enumerate(e.bodies)
    ]
    kinds = [("kind ä0", 1), ("kind ä1", 0), ("kind ä2", 0)]
    assert rows(connection, "event_type") == kinds[:count]


def test_the_longest_names_and_most_payloads_fit(connection: sqlite3.Connection) -> None:
    made = [Entry(0, GENESIS, 0.0)]
    for number in range(20):
        content = [bytes([number, index]) * 8000 + b"e" * (number % 3) for index in range(16)]
        made.append(
            compose(made[-1], "t" * 65_535, "k" * 255, content, schema=1, time=1.0, epoch=1,
                    critical=True)
        )  # fmt: skip
    commit(connection, 0, made[1:], [])
    assert rows(connection, "event") == [(e.seq, e.hash, e.header) for e in made[1:]]
    bodies = [body for e in made[1:] for body in e.bodies]
    assert [body for _, body in rows(connection, "payload")] == bodies
    # What a statement may hold at most fits into the packed places.
    assert ROWS * MAX_PAYLOADS * LARGE < 1 << AT_BITS
    assert (ROWS * MAX_PAYLOADS).bit_length() + KEY_SHIFT <= 63
    assert HASH_BYTES + FIXED.size + 255 + 65_535 + MAX_PAYLOADS * HASH_BYTES <= SIZE_MASK


def test_a_plain_group_is_one_statement(connection: sqlite3.Connection) -> None:
    made: list[str] = []
    connection.set_trace_callback(made.append)
    commit(connection, 0, entries(1000, 2), [payload_key(1, 0)])
    assert {text.split()[0] for text in made if not text.startswith("--")} == {"INSERT"}
    assert not connection.in_transaction
    assert len(rows(connection, "payload")) == 1999


def test_a_failed_group_leaves_nothing(connection: sqlite3.Connection) -> None:
    batch = entries(10)
    commit(connection, 0, batch[:5], [])
    with pytest.raises(sqlite3.IntegrityError):
        commit(connection, 0, batch[4:], [payload_key(1, 0)])
    assert len(rows(connection, "event")) == len(rows(connection, "payload")) == 5
    assert not connection.in_transaction
    commit(connection, 0, batch[5:], [payload_key(1, 0), payload_key(10, 0)])
    assert len(rows(connection, "event")) == 10
    assert len(rows(connection, "payload")) == 8


def test_state_is_written_with_its_event(connection: sqlite3.Connection) -> None:
    for number, entry in enumerate(entries(4, state=StateWrite([b"one", b"two"]))):
        commit(connection, 0, [entry], [])
        kept = [max(1, number), number + 1] if number else [1]
        assert rows(connection, "snapshot") == [
            (event, chunk, body) for event in kept for chunk, body in enumerate((b"one", b"two"))
        ]
    assert rows(connection, "event_type") == [("kind", 1)]
    assert rows(connection, "unscrubbed") == []


def test_an_erasure_takes_payloads_and_older_snapshots(connection: sqlite3.Connection) -> None:
    commit(connection, 0, entries(6, 2, StateWrite([b"old"])), [])
    (last,) = entries(7, 2, StateWrite([b"new"], erased=[2, 6]))[6:]
    commit(connection, 0, [last], [])
    assert rows(connection, "snapshot") == [(7, 0, b"new")]
    left = {key >> 4 for key, _ in connection.execute("SELECT key, body FROM payload")}
    assert left == {1, 3, 4, 5, 7}
    assert rows(connection, "unscrubbed") == [(7,)]
