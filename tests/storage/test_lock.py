from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engrain.base.errors import MemoryInUse, StorageError
from engrain.storage import EventLog, lock


def test_the_lock_holds_the_owners_pid(path: Path) -> None:
    held = lock.WriterLock(path)
    assert int(lock.lock_path(path).read_text()) == os.getpid()
    with pytest.raises(MemoryInUse):
        lock.WriterLock(path)
    held.release()
    lock.WriterLock(path).release()
    assert lock.lock_path(path).read_text() == ""


def test_a_reader_delays_a_writer_and_is_not_named_as_owner(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "GUARD_SECONDS", 0.1)
    lock.WriterLock(path).release()
    guard = lock.ReaderGuard(path)
    assert not guard.live
    with pytest.raises(MemoryInUse) as error:
        lock.WriterLock(path)
    assert error.value.pid is None
    guard.release()
    held = lock.WriterLock(path)
    assert lock.ReaderGuard(path).live
    held.release()


def test_the_pid_of_a_dead_owner_is_not_believed(path: Path) -> None:
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                          capture_output=True, check=True).stdout  # fmt: skip
    lock.lock_path(path).write_bytes(dead)
    guard = lock.ReaderGuard(path)
    threading.Timer(0.1, guard.release).start()
    held = lock.WriterLock(path)
    assert int(lock.lock_path(path).read_text()) == os.getpid()
    held.release()


def test_the_file_system_is_known(tmp_path: Path) -> None:
    kind = lock.file_system(tmp_path)
    if not sys.platform.startswith("linux"):
        assert kind is None
        return
    command = ["stat", "-f", "-c", "%T", str(tmp_path)]
    stat = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {"ext2/ext3": {"ext2", "ext3", "ext4"}, "overlayfs": {"overlay"}}
    assert kind in names.get(stat.stdout.strip(), {stat.stdout.strip()})
    assert lock.file_system(Path("/proc/self")) == "proc"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_network_file_systems_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(lock, "file_system", lambda _: kind)
    with pytest.raises(StorageError, match=kind):
        EventLog.open(path, epoch=1)
    assert not path.exists()
