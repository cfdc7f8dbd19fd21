from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engrain.base.errors import TamperedError
from engrain.storage import EventLog, Head
from engrain.storage.logfile import LogFile
from engrain.storage.recovery import recover

Open = Callable[..., EventLog]


def test_the_tail_is_what_came_after_the_snapshot(path: Path, opened: Open) -> None:
    log = opened(epoch=4, clock=lambda: 50.0)
    for _ in range(5):
        log.append("kind", [bytes(100)])
    log.write_snapshot(b"state", b"h")
    log.append("kind", [bytes(10), bytes(20)])
    log.close()
    tail = recover(LogFile.to_read(path, "default", None), "default")
    assert tail == (log.head, 50.0, 4, 6, 10 + 20 + 2 * 16)


def test_an_empty_log_has_no_epoch_yet(path: Path, opened: Open) -> None:
    opened().close()
    tail = recover(LogFile.to_read(path, "default", None), "default")
    assert tail == (Head(0, bytes(32)), float("-inf"), None, 0, 0)


@pytest.mark.parametrize(("seq", "noticed"), [(2, False), (6, True), (8, True)])
def test_the_chain_is_checked_from_the_snapshot_on(
    path: Path, opened: Open, seq: int, noticed: bool
) -> None:
    log = opened()
    for number in range(8):
        if number == 4:
            log.write_snapshot(b"state", b"h")
        else:
            log.append("kind", [b"x"])
    log.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE event SET hash = x'00' WHERE key = ?", (seq,))
    connection.commit()
    connection.close()
    file = LogFile.to_read(path, "default", None)
    if not noticed:
        assert recover(file, "default").head.seq == 8
        return
    with pytest.raises(TamperedError) as error:
        recover(file, "default")
    assert error.value.seq == seq
