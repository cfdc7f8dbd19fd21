"""Whole files: verify, back up, restore, without opening them for use."""

from __future__ import annotations

import os
from pathlib import Path

from engrain.base.errors import StorageError
from engrain.storage.audit import Progress, audit
from engrain.storage.lock import WriterLock, refuse_network
from engrain.storage.logfile import LogFile, reading, translated
from engrain.storage.records import Head
from engrain.storage.report import VerifyReport
from engrain.storage.schema import identify


def verify(
    path: str | os.PathLike[str],
    *,
    tenant: str = "default",
    expected_head: Head | None = None,
    progress: Progress | None = None,
) -> VerifyReport:
    """Check the whole chain of one tenant, its payloads and snapshots, and SQLite's structure.

    The file is read without a trace and may be in use.

    Parameters
    ----------
    path : path-like
    tenant : str
    expected_head : Head or None
        From a receipt kept elsewhere. Whoever can rewrite the whole file can rewrite its chain:
        only a head kept elsewhere shows that, and only it shows a tail that was cut off.
    progress : callable or None
        Called with (events checked, events in all).

    Returns
    -------
    VerifyReport

    Raises
    ------
    FileNotFoundError, NewerFileError, StorageError
        There is no such log, or it is of a newer format.
    """
    file = LogFile.to_read(Path(path).resolve(), tenant, None)
    with file.reading() as connection:
        return audit(connection, file.tenant, tenant, expected_head, progress)


def backup(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> dict[str, Head]:
    """Copy a log, also one in use, into a compact file of its own and verify the copy.

    The copy holds what is durable now and no byte of what was erased or dropped before.

    Parameters
    ----------
    path : path-like
    target : path-like
        Must not exist; appears whole or not at all.

    Returns
    -------
    dict of str to Head
        By tenant; kept elsewhere, they prove the copy whole (`verify`).

    Raises
    ------
    FileExistsError, FileNotFoundError, StorageError
    TamperedError
        The log does not verify; no copy is left.
    """
    source, goal = Path(path).resolve(), Path(target).resolve()
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist")
    if goal.exists():
        raise FileExistsError(f"{goal} exists; choose another name or move it away first")
    part = goal.with_name(f"{goal.name}.{os.getpid()}.part")
    try:
        with reading(source) as connection, translated(source):
            if not identify(connection, source):
                raise StorageError(f"{source} is empty: no event log")
            connection.execute("VACUUM INTO ?", (str(part),))
        part.chmod(source.stat().st_mode & 0o777)
        heads = _verified_heads(part)
        sync(part)
        part.rename(goal)
        sync(goal.parent)
    finally:
        part.unlink(missing_ok=True)
    return heads


def restore(source: str | os.PathLike[str], path: str | os.PathLike[str]) -> dict[str, Head]:
    """Bring a backup back as a log; verified like `backup`, heads compare with those it returned.

    Raises
    ------
    FileExistsError
        `path` exists: a restore overwrites nothing.
    MemoryInUse, FileNotFoundError, StorageError, TamperedError
    """
    goal = Path(path).resolve()
    refuse_network(goal)
    lock = WriterLock(goal)
    try:
        return backup(source, goal)
    finally:
        lock.release()


def _verified_heads(path: Path) -> dict[str, Head]:
    heads: dict[str, Head] = {}
    with reading(path) as connection, translated(path):
        for number, name in connection.execute("SELECT id, name FROM tenant").fetchall():
            report = audit(connection, number, name)
            report.raise_if_bad()
            heads[name] = report.head
    return heads


def sync(path: Path) -> None:
    """Flush a file or a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
