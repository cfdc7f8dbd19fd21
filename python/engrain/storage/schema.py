"""The tables of the file, its identity, and the connections that may touch it.

Rows are keyed (tenant, seq), packed into one integer so that each table is a single B-tree in
order of append: ``event = tenant · 2⁴⁰ + seq``, ``payload = event · 2⁴ + index``.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engrain.base.errors import NewerFileError, StorageError
from engrain.storage.chain import HASH_BYTES

APPLICATION_ID = 0x454E4752  # "ENGR"
VERSION = 1
SYNCHRONOUS = "FULL"
PAGE_BYTES = 8192
CHECKPOINT_PAGES = 2000
WAL_LIMIT = 64 << 20
BUSY_MS = 5000

SEQ_BITS = 40
INDEX_BITS = 4
SIZE_BITS, AT_BITS = 17, 30  # of a header with its hash; of where 16,000 payloads begin
SIZE_MASK, AT_MASK, KEY_SHIFT = (1 << SIZE_BITS) - 1, (1 << AT_BITS) - 1, SIZE_BITS + AT_BITS
MAX_TENANTS = 1 << (63 - SEQ_BITS - INDEX_BITS)

TABLES = """
CREATE TABLE tenant (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE event_type (name TEXT PRIMARY KEY, critical INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE event (key INTEGER PRIMARY KEY, hash BLOB NOT NULL, header BLOB NOT NULL);
CREATE TABLE payload (key INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE snapshot (event INTEGER, chunk INTEGER, body BLOB NOT NULL, UNIQUE (event, chunk));
CREATE TABLE unscrubbed (event INTEGER PRIMARY KEY);
"""

# What a group commit inserts is taken apart here, without the GIL: events lie end to end in `heads`
# and payloads in `bodies`; `events` and `payloads` say in JSON where, each place packed into one
# integer: which row, counted from `first`; at which byte, counted from 1; how many bytes.
ARRIVAL = f"""
CREATE TEMP VIEW arrival AS SELECT
  0 AS first, 0 AS heads, 0 AS events, 0 AS bodies, 0 AS payloads, 0 AS types, 0 AS drops;
CREATE TEMP TRIGGER arrive INSTEAD OF INSERT ON arrival BEGIN
  INSERT INTO event
  SELECT NEW.first + (value >> {KEY_SHIFT}),
    substr(NEW.heads, value >> {SIZE_BITS} & {AT_MASK}, {HASH_BYTES}),
    substr(
      NEW.heads,
      (value >> {SIZE_BITS} & {AT_MASK}) + {HASH_BYTES},
      (value & {SIZE_MASK}) - {HASH_BYTES}
    )
  FROM json_each(NEW.events);
  INSERT INTO payload
  SELECT (NEW.first << {INDEX_BITS}) + (value >> {KEY_SHIFT}),
    substr(NEW.bodies, value >> {SIZE_BITS} & {AT_MASK}, value & {SIZE_MASK})
  FROM json_each(NEW.payloads);
  INSERT OR IGNORE INTO event_type SELECT key, value FROM json_each(NEW.types);
  DELETE FROM payload WHERE key IN (SELECT value FROM json_each(NEW.drops));
END;
"""  # noqa: S608


def event_key(tenant: int, seq: int) -> int:
    """Key of an event; `tenant` is its row in the table of tenants."""
    return tenant << SEQ_BITS | seq


def payload_key(event: int, index: int) -> int:
    """Key of one payload of the event with key `event`."""
    return event << INDEX_BITS | index


def key_seq(key: int) -> int:
    """Return the seq of an event's key."""
    return key & ((1 << SEQ_BITS) - 1)


def connect_reader(path: Path, *, live: bool) -> sqlite3.Connection:
    """Open for reading without leaving a trace.

    With a live writer its wal-index is shared. Without one nothing may be created beside the
    file: a clean file is read as immutable, one with a WAL left by a crash through a private
    wal-index in memory and without locks.
    """
    wal = path.with_name(path.name + "-wal")
    crashed = wal.exists() and wal.stat().st_size > 0
    query = "" if live else "&vfs=unix-none" if crashed else "&immutable=1"
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro{query}", uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    if crashed and not live:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the only connection that writes, creating the tables in an empty file.

    Raises
    ------
    NewerFileError, StorageError
        As `identify`; nothing was changed.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        filled = identify(connection, path)
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            f"synchronous = {SYNCHRONOUS}",
            "fullfsync = ON",
            "checkpoint_fullfsync = ON",
            "secure_delete = ON",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"journal_size_limit = {WAL_LIMIT}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if not filled:
            create(connection)
        connection.executescript(ARRIVAL)
    except BaseException:
        connection.close()
        raise
    return connection


def create(connection: sqlite3.Connection) -> None:
    """Write identity and empty tables in one transaction."""
    connection.executescript(
        f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {VERSION}; {TABLES} COMMIT;"
    )


def identify(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether the file is an event log that this code may read; False when it is empty.

    Raises
    ------
    NewerFileError
        Written by a newer engrain.
    StorageError
        Not an event log.
    """
    try:
        (identity,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{path} is no SQLite file, or its first page is damaged") from error
    if identity == version == tables == 0:
        return False
    if identity != APPLICATION_ID:
        raise StorageError(f"{path} is a SQLite file of another application; it was not touched")
    if version > VERSION:
        raise NewerFileError(
            f"{path} has format {version}, this engrain knows {VERSION}; upgrade engrain: the file "
            "was left unchanged"
        )
    return True
