from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engrain.base.errors import MemoryInUse, StorageError, TamperedError
from engrain.storage import EventLog, backup, restore, verify

Open = Callable[..., EventLog]


def test_a_log_in_use_is_backed_up_and_restored(path: Path, opened: Open) -> None:
    log = opened()
    for number in range(300):
        log.append("kind", [b"%d" % number])
    log.write_snapshot(b"state", b"hash")
    log.drop_payload(3, 0)
    head = log.flush()
    log.append("kind", [b"later"])
    copy, back = path.with_name("copy.db"), path.with_name("back.db")
    heads = backup(path, copy)
    assert heads["default"].seq >= head.seq
    log.append("kind", [b"after the backup"]).wait()
    assert restore(copy, back) == heads
    with EventLog.open(back, epoch=1) as restored:
        assert restored.head == heads["default"]
        assert list(restored.events()) == list(log.events())[: restored.head.seq]
        assert restored.latest_snapshot() == log.latest_snapshot()
        restored.append("kind", [b"own way"]).wait()
        assert restored.verify(expected_head=head).ok
    assert verify(copy, expected_head=heads["default"]).ok


def test_all_tenants_are_copied(path: Path, opened: Open) -> None:
    heads = {}
    for tenant in ("a", "b"):
        log = opened(tenant=tenant)
        log.append("kind", [tenant.encode()])
        heads[tenant] = log.flush()
        log.close()
    assert backup(path, path.with_name("copy.db")) == heads


def test_nothing_is_overwritten(path: Path, opened: Open) -> None:
    opened().append("kind", []).wait()
    copy = path.with_name("copy.db")
    backup(path, copy)
    before = copy.read_bytes()
    with pytest.raises(FileExistsError):
        backup(path, copy)
    with pytest.raises(MemoryInUse):
        restore(copy, path)
    with pytest.raises(FileExistsError):
        restore(path, copy)
    assert copy.read_bytes() == before


def test_a_damaged_log_is_not_backed_up(path: Path, opened: Open) -> None:
    log = opened()
    log.append("kind", [b"1"])
    log.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE payload SET body = x'00'")
    connection.commit()
    connection.close()
    with pytest.raises(TamperedError, match="event 1"):
        backup(path, path.with_name("copy.db"))
    assert not [file for file in path.parent.iterdir() if file.name.startswith("copy")]


def test_what_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(FileNotFoundError):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
    with pytest.raises(StorageError, match="empty"):
        backup(tmp_path / "empty", tmp_path / "copy.db")
    with pytest.raises(StorageError, match="empty"):
        verify(tmp_path / "empty")
    assert not (tmp_path / "copy.db").exists()
