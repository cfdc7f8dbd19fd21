from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engrain.base.errors import MemoryInUse, NewerFileError, ReadOnlyError, StorageError
from engrain.storage import EventLog, repair, verify

Open = Callable[..., EventLog]

APPEND_AND_DIE = """
import os, sys
from engrain.storage import EventLog
log = EventLog.open(sys.argv[1], epoch=1)
log.append("kind", [b"one"])
log.append("kind", [b"two"]).wait()
os._exit(9)
"""


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Everything a folder holds, with times of change."""
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


def execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


@contextmanager
def unprivileged() -> Iterator[Path]:
    """Give a folder, and give up root's right to write anywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder, user = Path(name), os.geteuid()
        if user == 0:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            folder.chmod(0o700)
            os.seteuid(user)


def test_a_second_opening_is_refused_by_pid(opened: Open, path: Path) -> None:
    opened().append("kind", [b"1"]).wait()
    with pytest.raises(MemoryInUse) as error:
        EventLog.open(path, epoch=1)
    assert error.value.pid == os.getpid()
    program = (
        "import sys; from engrain.storage import *; from engrain.base.errors import MemoryInUse\n"
        "assert EventLog.open(sys.argv[1], epoch=1, mode='r').head.seq == 1\n"
        "for use in (lambda p: EventLog.open(p, epoch=1), repair):\n"
        "    try: use(sys.argv[1])\n"
        "    except MemoryInUse as error: print(error.pid)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == [str(os.getpid())] * 2


def test_a_dead_owner_leaves_the_file_free(path: Path, opened: Open) -> None:
    run = subprocess.run([sys.executable, "-c", APPEND_AND_DIE, str(path)], check=False)
    assert run.returncode == 9
    assert [event.payloads for event in opened().events()] == [(b"one",), (b"two",)]


def test_reading_leaves_no_trace_of_a_closed_file(path: Path, opened: Open) -> None:
    log = opened()
    log.append("kind", [b"1"])
    log.write_snapshot(b"state", b"hash")
    log.close()
    before = contents(path.parent)
    with EventLog.open(path, epoch=1, mode="r") as log:
        assert len(list(log.events())) == 2
        assert log.latest_snapshot()
        assert log.verify().ok
        assert contents(path.parent) == before
    assert verify(path).ok
    assert contents(path.parent) == before


def test_reading_leaves_no_trace_of_a_crashed_file(path: Path) -> None:
    subprocess.run([sys.executable, "-c", APPEND_AND_DIE, str(path)], check=False)
    before = contents(path.parent)
    assert before[path.name + "-wal"][0]
    with EventLog.open(path, epoch=1, mode="r") as log:
        assert log.head.seq == 2
        assert log.read(2).payloads == (b"two",)
    assert verify(path).ok
    assert contents(path.parent) == before


def test_a_reader_sees_a_live_writer(path: Path, opened: Open) -> None:
    log = opened()
    log.append("kind", [b"1"]).wait()
    with EventLog.open(path, epoch=1, mode="r") as reader:
        log.append("kind", [b"2"]).wait()
        assert reader.head.seq == 1
        assert [event.payloads for event in reader.events()] == [(b"1",)]
    assert verify(path).head == log.head


@pytest.mark.parametrize("mode", ["a", "r"])
@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("PRAGMA user_version = 2", NewerFileError),
        ("PRAGMA application_id = 77", StorageError),
    ],
)
def test_a_file_of_others_is_left_unchanged(
    path: Path, opened: Open, mode: str, statement: str, error: type[Exception]
) -> None:
    opened().close()
    execute(path, statement)
    before = contents(path.parent)
    with pytest.raises(error, match=r"unchanged|not touched"):
        opened(mode=mode)
    for use in (verify, repair):
        with pytest.raises(error):
            use(path)
    assert contents(path.parent).keys() == before.keys()
    assert contents(path.parent)[path.name] == before[path.name]


@pytest.mark.parametrize("mode", ["a", "r"])
def test_what_is_no_database_is_left_unchanged(path: Path, opened: Open, mode: str) -> None:
    path.write_text("To whom it may concern. " * 100)
    before = contents(path.parent)
    with pytest.raises(StorageError, match="no SQLite file"):
        opened(mode=mode)
    assert contents(path.parent) == before


@pytest.mark.parametrize("mode", ["a", "r"])
def test_unknown_critical_types_refuse_opening(path: Path, opened: Open, mode: str) -> None:
    log = opened(critical_types={"merge", "feedback"})
    log.append("merge", [b"1"])
    log.append("remark", [b"2"])
    log.close()
    before = contents(path.parent)
    with pytest.raises(NewerFileError, match="merge"):
        opened(mode=mode, critical_types={"feedback"})
    assert contents(path.parent) == before
    assert verify(path).ok
    log = opened(mode=mode, critical_types={"feedback", "merge"})
    assert [event.type for event in log.events()] == ["merge", "remark"]


def test_a_file_that_cannot_be_written_is_refused_by_name() -> None:
    with unprivileged() as folder:
        path = folder / "memory.db"
        with EventLog.open(path, epoch=1) as log:
            log.append("kind", [b"1"])
        path.chmod(0o444)
        with pytest.raises(ReadOnlyError, match="mode='r'"):
            EventLog.open(path, epoch=1)
        path.chmod(0o644)
        folder.chmod(0o555)
        with pytest.raises(ReadOnlyError, match="mode='r'"):
            EventLog.open(path, epoch=1)
        with EventLog.open(path, epoch=1, mode="r") as log:
            assert len(list(log.events())) == 1


def test_a_missing_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        EventLog.open(tmp_path / "no" / "memory.db", epoch=1)
    with pytest.raises(FileNotFoundError, match="creates nothing"):
        EventLog.open(tmp_path / "memory.db", epoch=1, mode="r")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_tenant_is_not_created_by_reading(path: Path, opened: Open) -> None:
    opened().close()
    with pytest.raises(StorageError, match="no tenant 'other'"):
        opened(mode="r", tenant="other")


def test_two_names_of_one_file_share_its_lock(path: Path, opened: Open) -> None:
    opened()
    alias = path.with_name("alias.db")
    alias.symlink_to(path)
    with pytest.raises(MemoryInUse):
        EventLog.open(alias, epoch=1)
