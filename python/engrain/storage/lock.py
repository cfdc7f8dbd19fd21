"""One writer per file: an OS lock beside it, holding the owner's pid; no network file systems."""

from __future__ import annotations

import fcntl
import os
import re
import time
from pathlib import Path

from engrain.base.errors import MemoryInUse, StorageError

NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "ceph", "glusterfs", "lustre", "gpfs",
    "beegfs", "fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.glusterfs", "fuse.ceph-fuse",
}  # fmt: skip
GUARD_SECONDS = 1.0

_OCTAL = re.compile(r"\\([0-7]{3})")


def lock_path(path: Path) -> Path:
    """Return the lock file of a log."""
    return path.with_name(path.name + ".lock")


class WriterLock:
    """The exclusive right to write `path`, held until `release`; the OS frees it on any death.

    Raises
    ------
    MemoryInUse
        Another process, or this one, holds it.
    """

    def __init__(self, path: Path) -> None:
        file = lock_path(path)
        self._fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._acquire(path)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except BaseException:
            os.close(self._fd)
            raise

    def _acquire(self, path: Path) -> None:
        # Without a living owner the holder is a reader's brief guard, or about to write its pid.
        deadline = time.monotonic() + GUARD_SECONDS
        while True:
            try:
                return fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                text = os.pread(self._fd, 32, 0).strip()
                pid = int(text) if text.isdigit() else None
                if _alive(pid) or time.monotonic() > deadline:
                    raise MemoryInUse(str(path), pid) from None
                time.sleep(0.01)

    def release(self) -> None:
        """Give the file back."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)

    def abandon(self) -> None:
        """Close a descriptor inherited by fork; the parent keeps its lock."""
        os.close(self._fd)


def _alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class ReaderGuard:
    """Keeps a writer from starting while a file without one is read; leaves no trace.

    Attributes
    ----------
    live : bool
        A writer is at work: nothing is held, SQLite's own protocol applies.
    """

    def __init__(self, path: Path) -> None:
        self.live, self._fd = False, -1
        try:
            self._fd = os.open(lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            pass
        except BlockingIOError:
            self.live = True
            self.release()

    def release(self) -> None:
        """Let a writer start."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def file_system(path: Path) -> str | None:
    """Return the type of the file system that holds `path`, None where the OS does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    best, kind = -1, None
    for line in mounts:
        left, _, right = line.partition(" - ")
        point = Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), left.split()[4]))
        if len(point.parts) >= best and path.is_relative_to(point):
            best, kind = len(point.parts), right.split()[0]
    return kind


def refuse_network(path: Path) -> None:
    """Raise StorageError where locks and mmap are not those of one machine."""
    kind = file_system(path)
    if kind in NETWORK:
        raise StorageError(
            f"{path} lies on a network file system ({kind}), whose locks cannot be trusted; use a "
            "local disk and share the memory with `engrain serve`"
        )
