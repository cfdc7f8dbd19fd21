"""The thread that owns the only writing connection and commits in groups.

What the caller's thread does is one atomic operation of one C type per step (``Journal.append``,
``deque.append``, ``lock.acquire``): an exception raised by a signal between any two bytecodes
leaves no lock held and nothing half published.
"""

from __future__ import annotations

import _thread
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from engrain.base.errors import DurabilityLost, StorageError
from engrain.kernels.journal import Group, Journal
from engrain.storage.commit import commit, scrub
from engrain.storage.snapshots import StateWrite

RETRIABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_log = logging.getLogger(__name__)


class Writer:
    """Commits what the journal holds.

    Attributes
    ----------
    durable_seq : int
    failure : DurabilityLost or None
        Set when a commit failed; nothing more is accepted until a retry succeeds.
    commits : int
    """

    def __init__(self, connection: sqlite3.Connection, tenant: int, journal: Journal) -> None:
        self._connection, self._tenant, self._journal = connection, tenant, journal
        self.durable_seq = journal.seq
        self.failure: DurabilityLost | None = None
        self.commits = 0
        self._committed = self.durable_seq
        self._group: Group | None = None
        (left,) = connection.execute("SELECT count(*) FROM unscrubbed").fetchone()
        self._unscrubbed = left > 0
        self._retriable = self._stopping = self._ended = False
        self._waiters: deque[tuple[Callable[[], object], bool]] = deque()
        self._thread = threading.Thread(target=self._run, name="engrain-log", daemon=True)
        self._thread.start()

    # the callers' side

    def settled(self, seq: int) -> bool:
        """Tell whether nothing up to `seq`, no drop and no erasure is left to be written."""
        busy = self._group is not None or self._journal.dropping or self._unscrubbed
        return self.durable_seq >= seq and not busy and self.failure is None

    def wait(self, seq: int, timeout: float | None = None, *, retry: bool = False) -> None:
        """Block until everything up to `seq` is durable.

        Raises
        ------
        DurabilityLost
            It cannot be written. With `retry` a full disk is tried once more.
        TimeoutError
        """
        gate = _thread.allocate_lock()
        gate.acquire()
        self.call_after(gate.release, retry=retry)
        if not gate.acquire(timeout=-1 if timeout is None else max(timeout, 0.0)):
            raise TimeoutError(f"seq {seq} is not durable after {timeout} s")
        self.check(seq)

    def call_after(self, answer: Callable[[], object], *, retry: bool = False) -> None:
        """Have the writer call `answer` after trying to write all that is published by now."""
        self._waiters.append((answer, retry))
        self._journal.hurry()
        if self._ended:
            self._answer(self._take_waiters())

    def check(self, seq: int) -> None:
        """Raise DurabilityLost if `seq` is not durable."""
        if self.durable_seq < seq:
            raise self.lost()

    def lost(self) -> DurabilityLost:
        """Return the failure as an exception of its own."""
        reason = self.failure.reason if self.failure else "the writer has stopped"
        return DurabilityLost(self.durable_seq, reason)

    def stop(self) -> None:
        """Commit what is left, if it can be, and end the thread."""
        self._stopping = True
        self._journal.hurry()
        self._thread.join()

    # the thread's side

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._journal.gather(self.failure is not None)
                self._round()
            while self._due(False):
                self._round()
        finally:  # nobody may wait for a dead thread
            self._ended = True
            self._answer(self._take_waiters())

    def _due(self, retry: bool) -> bool:
        if self.failure is not None and not (retry and self._retriable):
            return False
        journal = self._journal
        left = journal.waiting or journal.dropping or self._unscrubbed
        return self._group is not None or bool(left)

    def _round(self) -> None:
        """Commit one group, or where somebody waits all that was published by then."""
        waiters = self._take_waiters()
        retry = any(retry for _, retry in waiters)
        wanted, newest = bool(waiters) or self._stopping, self._journal.seq
        try:
            due = self._due(retry) and (wanted or self._journal.waiting > 0)
            while due:
                self._commit_or_fail()
                due = wanted and self._committed < newest and self._due(False)
        finally:
            self._answer(waiters)

    def _commit_or_fail(self) -> None:
        try:
            self._commit()
        except BaseException as error:  # the thread must outlive whatever happens in it
            self._fail(error)

    def _commit(self) -> None:
        if self._group is None:
            self._group = self._journal.take()
        if self._group is not None:
            self._commit_group(self._group)
            self._group = None
        if self._unscrubbed:
            scrub(self._connection)
            self._unscrubbed = False
        self.durable_seq, self.failure = self._committed, None
        self.commits += 1

    def _commit_group(self, group: Group) -> None:
        commit(self._connection, self._tenant, group)
        self._committed = max(self._committed, group.newest)
        brought = [state for _, state in group.beside.values()]
        self._unscrubbed |= any(isinstance(s, StateWrite) and s.erased is not None for s in brought)
        self._journal.recycle(group)

    def _fail(self, error: BaseException) -> None:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        self._retriable = code in RETRIABLE or isinstance(error, StorageError)
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        self.failure = DurabilityLost(self.durable_seq, f"{name}: {error}")
        _log.error("commit after seq %d failed: %s", self._committed, name)

    def _take_waiters(self) -> list[tuple[Callable[[], object], bool]]:
        return [self._waiters.popleft() for _ in range(len(self._waiters))]

    def _answer(self, waiters: list[tuple[Callable[[], object], bool]]) -> None:
        for answer, _ in waiters:
            with suppress(Exception):  # an event loop may be closed by now
                answer()
