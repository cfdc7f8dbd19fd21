"""The file under a log: who may open it, its connections, its tenant."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from engrain.base.errors import NewerFileError, ReadOnlyError, StorageError
from engrain.storage.lock import ReaderGuard, WriterLock, refuse_network
from engrain.storage.schema import MAX_TENANTS, connect_reader, connect_writer, identify
from engrain.storage.snapshots import OWN_TYPES

_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}

# A child must not close what it inherited: SQLite would checkpoint the parent's WAL.
_inherited: list[object] = []


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into those of engrain."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _READ_ONLY:
            raise ReadOnlyError(f"{path} cannot be written; open it with mode='r'") from error
        raise StorageError(f"{path}: {error}; `engrain verify` says what is damaged") from error


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open `path` for reading, without a trace, and close it again."""
    guard = ReaderGuard(path)
    try:
        with translated(path):
            connection = connect_reader(path, live=guard.live)
        try:
            yield connection
        finally:
            connection.close()
    finally:
        guard.release()


def refuse_unknown(
    connection: sqlite3.Connection, path: Path, known: Collection[str] | None
) -> None:
    """Raise NewerFileError on critical events of types not in `known`; None knows them all."""
    if known is None:
        return
    rows = connection.execute("SELECT name FROM event_type WHERE critical ORDER BY name")
    unknown = [name for (name,) in rows.fetchall() if name not in known and name not in OWN_TYPES]
    if unknown:
        raise NewerFileError(
            f"{path} holds events this engrain does not know and must not skip: "
            f"{', '.join(unknown)}; upgrade engrain: the file was left unchanged"
        )


def refuse_foreign(path: Path, known: Collection[str] | None) -> bool:
    """Check an existing file before anything is written; False when it holds nothing yet.

    A rollback journal beside it means that its creation was cut short: only opening it for
    writing can tell more.

    Raises
    ------
    NewerFileError, StorageError
        The file was left unchanged.
    """
    journal = path.with_name(path.name + "-journal")
    if not path.exists() or path.stat().st_size == 0 or journal.exists():
        return False
    with reading(path) as connection, translated(path):
        filled = identify(connection, path)
        if filled:
            refuse_unknown(connection, path, known)
    return filled


def tenant_row(connection: sqlite3.Connection, tenant: str) -> int | None:
    """Return the number of a tenant, None when the file does not hold it."""
    row = connection.execute("SELECT id FROM tenant WHERE name = ?", (tenant,)).fetchone()
    return None if row is None else int(row[0])


def _tenant_row_or_new(connection: sqlite3.Connection, tenant: str) -> int:
    row = tenant_row(connection, tenant)
    if row is not None:
        return row
    (count,) = connection.execute("SELECT count(*) FROM tenant").fetchone()
    if count >= MAX_TENANTS:
        raise StorageError(f"tenant: a file holds at most {MAX_TENANTS} tenants")
    connection.execute("INSERT INTO tenant VALUES (?, ?)", (count, tenant))
    return int(count)


def _may_write(path: Path) -> bool:
    effective = os.access in os.supports_effective_ids
    return all(
        os.access(place, os.W_OK, effective_ids=effective)
        for place in (path.parent, path)
        if place.exists()
    )


class LogFile:
    """An opened file; `writer` is None when it is open for reading only.

    Attributes
    ----------
    path : Path
    tenant : int
        Number of the tenant in this file.
    writer : sqlite3.Connection or None
    """

    def __init__(
        self,
        path: Path,
        tenant: int,
        writer: sqlite3.Connection | None = None,
        lock: WriterLock | None = None,
    ) -> None:
        self.path, self.tenant, self.writer = path, tenant, writer
        self._lock = lock
        self._reader = connect_reader(path, live=True) if writer is not None else None

    @classmethod
    def to_append(cls, path: Path, tenant: str, known: Collection[str] | None) -> LogFile:
        """Open for writing, creating the file where there is none.

        Raises
        ------
        MemoryInUse, ReadOnlyError, NewerFileError, StorageError
            Nothing in the file was changed.
        """
        if not path.parent.is_dir():
            raise FileNotFoundError(f"{path.parent} is no folder; create it first")
        refuse_network(path)
        refuse_foreign(path, known)
        if not _may_write(path):
            raise ReadOnlyError(f"{path} cannot be written; open it with mode='r'")
        lock = WriterLock(path)
        try:
            with translated(path):
                writer = connect_writer(path)
                try:
                    refuse_unknown(writer, path, known)
                    return cls(path, _tenant_row_or_new(writer, tenant), writer, lock)
                except BaseException:
                    writer.close()
                    raise
        except BaseException:
            lock.release()
            raise

    @classmethod
    def to_read(cls, path: Path, tenant: str, known: Collection[str] | None) -> LogFile:
        """Open for reading; leaves no trace.

        Raises
        ------
        FileNotFoundError, NewerFileError, StorageError
        """
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist; mode='r' creates nothing")
        if not refuse_foreign(path, known):
            raise StorageError(f"{path} is empty: no event log")
        with reading(path) as connection, translated(path):
            row = tenant_row(connection, tenant)
        if row is None:
            raise StorageError(f"{path} holds no tenant {tenant!r}")
        return cls(path, row)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees everything committed."""
        if self._reader is None:
            with reading(self.path) as connection, translated(self.path):
                yield connection
        else:
            with translated(self.path):
                yield self._reader

    def sizes(self) -> dict[str, int]:
        """Return the bytes of the file and of its WAL."""
        wal = self.path.with_name(self.path.name + "-wal")
        files = {"bytes": self.path, "wal_bytes": wal}
        return {name: file.stat().st_size if file.exists() else 0 for name, file in files.items()}

    def close(self) -> None:
        """Checkpoint, close and unlock."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self.writer is not None:
            self.writer.close()
            self.writer = None
        if self._lock is not None:
            lock, self._lock = self._lock, None
            lock.release()

    def abandon(self) -> None:
        """Let go of everything without touching the file, in a forked child."""
        _inherited.extend([self._reader, self.writer])
        self._reader = self.writer = None
        if self._lock is not None:
            self._lock.abandon()
            self._lock = None
