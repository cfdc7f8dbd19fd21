from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import SnapshotError
from engrain.storage import EventLog
from engrain.storage.snapshots import CHUNK_BYTES, chunked, erased_seqs, pack_seqs

Open = Callable[..., EventLog]


def damage(path: Path, seq: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE snapshot SET body = x'00' WHERE event = ?", (seq,))
    connection.close()


@given(st.lists(st.integers(1, 2**40 - 1)))
def test_seqs_survive_packing(seqs: list[int]) -> None:
    assert erased_seqs(pack_seqs(seqs)) == seqs


def test_states_are_cut_into_chunks() -> None:
    state = bytes(range(256)) * 10_000
    assert b"".join(chunked(state)) == state
    assert b"".join(chunked([state[:5], memoryview(state)[5:]])) == state
    assert max(map(len, chunked(state))) == CHUNK_BYTES
    assert chunked(b"") == [b""]


def test_the_newest_two_snapshots_are_kept(opened: Open, path: Path) -> None:
    log = opened()
    for number in range(5):
        log.append("kind", [b"x"])
        state = bytes([number]) * (2 * CHUNK_BYTES + number)
        receipt = log.write_snapshot(state, hashlib.sha256(state).digest())
    found = log.latest_snapshot()
    assert found is not None
    assert (found.seq, found.data) == (receipt.seq, state)
    assert found.state_hash == hashlib.sha256(state).digest()
    assert log.snapshots() == [8, 10]
    assert log.read_snapshot(10) == found
    assert log.read_snapshot(8).data == bytes([3]) * (2 * CHUNK_BYTES + 3)
    with pytest.raises(SnapshotError, match="seq 6"):
        log.read_snapshot(6)
    report = log.verify()
    assert report.ok
    assert report.snapshots == 2
    assert list(log.events(after=found.seq)) == []


def test_a_damaged_snapshot_gives_way_to_the_one_before(opened: Open, path: Path) -> None:
    log = opened()
    log.append("kind", [b"x"])
    log.write_snapshot(b"older", b"1")
    log.append("kind", [b"x"])
    log.write_snapshot(b"newer", b"2")
    log.close()
    damage(path, 4)
    log = opened()
    found = log.latest_snapshot()
    assert found is not None
    assert (found.seq, found.data, found.state_hash) == (2, b"older", b"1")
    assert log.verify().first_bad == 4
    log.close()
    damage(path, 2)
    with pytest.raises(SnapshotError, match="seq 2"):
        opened().latest_snapshot()


def test_an_empty_state_is_a_snapshot_of_its_own(log: EventLog) -> None:
    log.write_snapshot(b"", b"hash").wait()
    assert log.verify().ok
    found = log.latest_snapshot()
    assert found is not None
    assert (found.seq, found.data, found.state_hash) == (1, b"", b"hash")
