from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from engrain.base.errors import DurabilityLost, StorageError, UnknownIdError
from engrain.storage import EventLog, backup, repair, schema, verify

Open = Callable[..., EventLog]
CANARY = b"the canary sings at a quarter past nine in the old tower"
WINDOW = 12


def fill(log: EventLog, seed: int) -> list[int]:
    """Append events among which some hold the canary; return their seqs.

    Drops in between move cells from page to page, which leaves copies behind.
    """
    random, marked = Random(seed), []
    for number in range(600):
        secret = number % 37 == 5
        text = random.randbytes(random.randrange(50, 900)) + (CANARY if secret else b"")
        receipt = log.append("remember", [b"id", text, random.randbytes(1200)])
        if secret:
            marked.append(receipt.seq)
        if number == 300:
            log.write_snapshot(CANARY * 50, b"before")
        if number > 50 and random.random() < 0.7:
            log.drop_payload(number - 40, 2)
        if number % 97 == 0:
            receipt.wait()
    log.flush()
    return marked


def traces(folder: Path, needles: list[bytes]) -> list[str]:
    """Names of the files in which any part of a needle is left."""
    parts = {needle[i : i + WINDOW] for needle in needles for i in range(len(needle) - WINDOW + 1)}
    found = []
    for file in folder.iterdir():
        content = file.read_bytes()
        found += [file.name for part in parts if part in content][:1]
    return found


def salts(path: Path, seqs: list[int]) -> list[bytes]:
    connection = sqlite3.connect(path)
    keys = ",".join(str(schema.payload_key(seq, 1)) for seq in seqs)
    rows = connection.execute(f"SELECT substr(body, 1, 16) FROM payload WHERE key IN ({keys})")  # noqa: S608
    result = [salt for (salt,) in rows]
    connection.close()
    assert len(result) == len(seqs)
    return result


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_byte_of_what_was_erased_is_left(path: Path, opened: Open, seed: int) -> None:
    log = opened()
    marked = fill(log, seed)
    needles = [CANARY, *salts(path, marked)]
    assert path.name in {name.removesuffix("-wal") for name in traces(path.parent, needles)}
    head = log.head
    receipt = log.erase(marked, b"clean state", b"after")
    receipt.wait()
    assert traces(path.parent, needles) == []
    report = log.verify(expected_head=head)
    assert report.ok
    assert report.erased == 3 * len(marked)
    snapshot = log.latest_snapshot()
    assert snapshot is not None
    assert (snapshot.seq, snapshot.data, snapshot.state_hash) == (
        receipt.seq,
        b"clean state",
        b"after",
    )
    assert report.snapshots == 1
    backup(path, path.with_name("copy.db"))
    log.append("remember", [b"more"]).wait()
    log.close()
    assert traces(path.parent, needles) == []
    assert verify(path, expected_head=receipt.head).ok


def test_without_the_rewrite_traces_would_be_left(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = opened()
    marked = fill(log, 1)
    monkeypatch.setattr("engrain.storage.writer.scrub", lambda _: None)
    log.erase(marked, b"clean", b"h").wait()
    assert traces(path.parent, [CANARY]) != []


def test_erased_events_stay_in_the_chain(opened: Open) -> None:
    log = opened()
    for number in range(5):
        log.append("remember", [b"text %d" % number])
    log.erase([2, 4, 4], b"state", b"h").wait()
    assert [event.payloads for event in log.events()][:5] == [
        (b"text 0",),
        (None,),
        (b"text 2",),
        (None,),
        (b"text 4",),
    ]
    assert log.read(6).type == "erased"
    log.erase([2], b"state", b"h").wait()
    assert log.verify().erased == 2
    with pytest.raises(UnknownIdError):
        log.erase([99], b"", b"")


def test_an_interrupted_rewrite_is_finished_later(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise StorageError("interrupted")

    log = opened()
    log.append("remember", [CANARY]).wait()
    with monkeypatch.context() as patch:
        patch.setattr("engrain.storage.writer.scrub", fail)
        receipt = log.erase([1], b"state", b"h")
        with pytest.raises(DurabilityLost, match="interrupted"):
            receipt.wait()
        with pytest.raises(DurabilityLost):
            log.close()
    assert not verify(path).ok
    assert repair(path).quarantine is None
    log = opened()
    assert log.read(1).payloads == (None,)
    log.flush()
    assert verify(path).ok
    assert traces(path.parent, [CANARY]) == []


def test_a_reader_in_the_way_delays_the_receipt(
    path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "BUSY_MS", 50)
    log = opened()
    log.append("remember", [CANARY]).wait()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM event").fetchone()
    receipt = log.erase([1], b"state", b"h")
    with pytest.raises(DurabilityLost):
        receipt.wait()
    reader.close()
    log.flush()
    receipt.wait()
    assert traces(path.parent, [CANARY]) == []
