from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engrain.base.errors import StorageError
from engrain.storage import schema


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_writing_connection_syncs_every_commit(path: Path) -> None:
    connection = schema.connect_writer(path)
    assert pragma(connection, "journal_mode") == "wal"
    assert pragma(connection, "synchronous") == 2
    assert pragma(connection, "fullfsync") == 1
    assert pragma(connection, "secure_delete") == 1
    assert pragma(connection, "page_size") == schema.PAGE_BYTES
    assert pragma(connection, "application_id") == schema.APPLICATION_ID
    assert pragma(connection, "user_version") == schema.VERSION
    connection.close()


def test_a_reading_connection_cannot_write(path: Path) -> None:
    schema.connect_writer(path).close()
    for live in (False, True):
        connection = schema.connect_reader(path, live=live)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("INSERT INTO tenant VALUES (0, 'a')")
        connection.close()


def test_a_file_of_others_is_not_turned_into_a_log(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="another application"):
        schema.connect_writer(path)
    assert path.read_bytes() == before
