from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from engrain.base.errors import TamperedError
from engrain.storage import EventLog, scan
from engrain.storage.schema import connect_reader, event_key, key_seq, payload_key

Open = Callable[..., EventLog]


def test_keys_keep_tenants_apart_and_seqs_in_order() -> None:
    keys = [event_key(tenant, seq) for tenant in (0, 1, 2**19 - 1) for seq in (0, 1, 2**40 - 1)]
    assert keys == sorted(set(keys))
    assert [key_seq(key) for key in keys] == [0, 1, 2**40 - 1] * 3
    assert payload_key(keys[-1], 15) == 2**63 - 1
    assert payload_key(event_key(0, 1), 15) < payload_key(event_key(0, 2), 0)


def test_runs_join_what_follows_on() -> None:
    assert list(scan.runs([])) == []
    assert list(scan.runs([4])) == [(3, 4)]
    assert list(scan.runs([1, 2, 3, 7, 8, 8, 5])) == [(0, 3), (6, 8), (7, 8), (4, 5)]


def test_an_abandoned_iterator_pins_nothing(opened: Open, path: Path) -> None:
    log = opened()
    for _ in range(3000):
        log.append("kind", [b"x" * 100])
    events = log.events()
    assert len(list(islice(events, 5))) == 5
    log.erase([1], b"state", b"h").wait(timeout=60)
    assert next(events).seq == 6


def test_portions_follow_the_size_of_events(opened: Open, path: Path) -> None:
    log = opened()
    for number in range(1200):
        log.append("kind", [bytes(100 if number < 600 else 40_000)])
    log.flush()
    with EventLog.open(path, epoch=1, mode="r") as reader:
        assert reader.head.seq == 1200
    connection = connect_reader(path, live=True)
    sizes = [len(rows) for rows, _ in scan.portions(connection, 0, 0, 1200)]
    connection.close()
    assert sum(sizes) == 1200
    assert sizes[:4] == [32, 64, 128, 256]
    assert max(sizes) == 256
    assert 40_000 * sizes[-2] <= scan.PORTION_BYTES


def test_a_gap_is_named(opened: Open, path: Path) -> None:
    log = opened()
    for _ in range(10):
        log.append("kind", [])
    log.close()
    connection = connect_reader(path, live=False)
    assert len(scan.rows_to_gap(connection, 0, 3, 8)) == 5
    assert [key_seq(row[0]) for row in scan.rows_to_gap(connection, 0, 8, 20)] == [9, 10]
    with pytest.raises(TamperedError, match="event 11 is missing"):
        scan.rows_or_raise(connection, 0, 8, 20)
    connection.close()
