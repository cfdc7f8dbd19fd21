from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from engrain.storage import EventLog

EVENTS = 50_000


class Folder:
    """A folder of its own per benchmark."""

    def open_folder(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "log.db"

    def open_table(self):
        self.table = sqlite3.connect(self.path.with_name("peer.db"), isolation_level=None)
        self.table.execute("PRAGMA journal_mode = WAL")
        self.table.execute("PRAGMA synchronous = FULL")
        self.table.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body BLOB)")


class Append(Folder):
    """One event of three payloads up to its return, beside its hashing and a row in a table."""

    params = [100, 512, 2048]
    param_names = ["bytes"]
    number, repeat = 1000, (5, 20, 20.0)

    def setup(self, size):
        self.open_folder()
        self.open_table()
        self.payloads = [os.urandom(size) for _ in range(3)]
        self.log = EventLog.open(self.path, epoch=1, queue_limit=1_000_000)
        self.table.execute("BEGIN")

    def teardown(self, size):
        self.log.close()
        self.table.close()
        self.folder.cleanup()

    def time_engrain(self, size):
        self.log.append("recall", self.payloads)

    def time_sqlite3_insert(self, size):
        self.table.execute("INSERT INTO event (body) VALUES (?)", (b"".join(self.payloads),))

    def floor(self, size, machine):
        """Hash the payloads, nothing else."""
        rounds = 2000
        began = time.process_time()
        for _ in range(rounds):
            for payload in self.payloads:
                hashlib.sha256(payload).digest()
        return (time.process_time() - began) / rounds


class Durable(Folder):
    """A group of events until it is on disk, beside plain rows with the same guarantee."""

    params = [1, 100, 1000]
    param_names = ["events"]
    number, repeat = 1, (10, 50, 20.0)

    def setup(self, events):
        self.open_folder()
        self.open_table()
        self.body = os.urandom(480)
        self.log = EventLog.open(self.path, epoch=1)

    def teardown(self, events):
        self.log.close()
        self.table.close()
        self.folder.cleanup()

    def time_engrain(self, events):
        for _ in range(events):
            self.log.append("recall", [self.body])
        self.log.flush()

    def time_sqlite3_executemany(self, events):
        self.table.execute("BEGIN IMMEDIATE")
        rows = [(self.body,)] * events
        self.table.executemany("INSERT INTO event (body) VALUES (?)", rows)
        self.table.execute("COMMIT")


class Filled(Folder):
    """A closed log of 50,000 events."""

    number, repeat = 1, (3, 10, 20.0)

    def setup(self):
        self.open_folder()
        body = os.urandom(100)
        with EventLog.open(self.path, epoch=1) as log:
            for _ in range(EVENTS):
                log.append("recall", [body])

    def teardown(self):
        self.folder.cleanup()


class Open(Filled):
    """Opening, with its whole chain checked because no snapshot shortens it."""

    def time_engrain(self):
        EventLog.open(self.path, epoch=1, mode="r").close()

    def track_bytes_over_content(self):
        return self.path.stat().st_size / EVENTS - 100


class Read(Filled):
    """All events read and checked against their commitments, beside bare rows."""

    def time_engrain(self):
        with EventLog.open(self.path, epoch=1, mode="r") as log:
            for _ in log.events():
                pass

    def time_sqlite3_rows(self):
        table = sqlite3.connect(self.path)
        for _ in table.execute("SELECT key, body FROM payload ORDER BY key"):
            pass
        table.close()
