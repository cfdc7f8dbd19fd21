"""The thread that owns the only writing connection and commits in groups.

What the caller's thread does is one atomic operation of one C type per step (``deque.append``,
``SimpleQueue.put``, ``lock.acquire``): an exception raised by a signal between any two bytecodes
leaves no lock held and nothing half published.
"""

from __future__ import annotations

import _thread
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue

from engrain.base.errors import DurabilityLost, StorageError
from engrain.storage.commit import commit, scrub
from engrain.storage.entry import Entry
from engrain.storage.schema import INDEX_BITS, key_seq

IDLE_SECONDS = 1.0
RETRIABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

_log = logging.getLogger(__name__)


class Writer:
    """Commits what `pending` holds.

    ``pending[0]`` is the last entry taken and ``pending[-1]`` the head of the chain: the queue is
    never empty, so that the head is read from what was published and from nothing else.

    Attributes
    ----------
    durable_seq : int
    failure : DurabilityLost or None
        Set when a commit failed; nothing more is accepted until a retry succeeds.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        tenant: int,
        pending: deque[Entry],
        *,
        group_seconds: float,
        group_events: int,
    ) -> None:
        self._connection, self._tenant, self._pending = connection, tenant, pending
        self._group_seconds, self._group_events = group_seconds, group_events
        self.durable_seq = pending[-1].seq
        self.failure: DurabilityLost | None = None
        self.drops: deque[int] = deque()
        self.commits = 0
        self._committed = self.durable_seq
        self._batch: list[Entry] = []
        self._dropping: list[int] = []
        (left,) = connection.execute("SELECT count(*) FROM unscrubbed").fetchone()
        self._unscrubbed = left > 0
        self._retriable = self._stopping = self._ended = self._idle = False
        self._began = 0.0
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._waiters: deque[tuple[Callable[[], object], bool]] = deque()
        self._thread = threading.Thread(target=self._run, name="engrain-log", daemon=True)
        self._thread.start()

    # the callers' side

    def notify(self) -> None:
        """Say that something was published."""
        if self._idle:
            self._idle = False
            self._wake.put(None)

    def settled(self, seq: int) -> bool:
        """Tell whether nothing up to `seq`, no drop and no erasure is left to be written."""
        left = self.drops or self._dropping or self._unscrubbed or self.failure
        return self.durable_seq >= seq and not left

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
        self._wake.put(None)
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
        self._wake.put(None)
        self._thread.join()

    # the thread's side

    def _run(self) -> None:
        try:
            while not self._stopping or self._due(False):
                self._gather()
                self._round()
        finally:  # nobody may wait for a dead thread
            self._ended = True
            self._answer(self._take_waiters())

    def _due(self, retry: bool) -> bool:
        if self.failure is not None and not (retry and self._retriable):
            return False
        return len(self._pending) > 1 or bool(self._batch or self.drops or self._unscrubbed)

    def _gather(self) -> None:
        """Sleep until there is something to do, then until the group is full or wanted."""
        if len(self._pending) <= 1 or self.failure is not None:
            self._idle = True
            if not self._waiters and (len(self._pending) <= 1 or self.failure is not None):
                self._sleep(IDLE_SECONDS)
            self._idle = False
            self._began = time.monotonic()
        # What arrived during the last commit has waited since that commit began, at most.
        while not (self._waiters or self._stopping or self.failure):
            rest = self._began + self._group_seconds - time.monotonic()
            if rest <= 0 or not 1 < len(self._pending) <= self._group_events:
                break
            self._sleep(rest)

    def _sleep(self, seconds: float) -> None:
        with suppress(Empty):
            self._wake.get(timeout=seconds)
            while True:
                self._wake.get_nowait()

    def _round(self) -> None:
        """Commit one group, or where somebody waits all that was published by then."""
        waiters = self._take_waiters()
        retry = any(retry for _, retry in waiters)
        wanted, newest = bool(waiters) or self._stopping, self._pending[-1].seq
        try:
            due = self._due(retry) and (wanted or len(self._pending) > 1)
            while due:
                self._began = time.monotonic()
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
        pending, batch = self._pending, self._batch
        while len(pending) > 1 and len(batch) < self._group_events:
            pending.popleft()
            batch.append(pending[0])
        self._dropping += [self.drops.popleft() for _ in range(len(self.drops))]
        if batch or self._dropping:
            self._commit_group(batch[-1].seq if batch else self._committed)
        if self._unscrubbed:
            scrub(self._connection)
            self._unscrubbed = False
        self.durable_seq, self.failure = self._committed, None
        self.commits += 1

    def _commit_group(self, newest: int) -> None:
        # A drop may overtake its event's commit: it waits for it.
        due = [key for key in self._dropping if key_seq(key >> INDEX_BITS) <= newest]
        commit(self._connection, self._tenant, self._batch, due)
        self._committed = newest
        self._dropping = [key for key in self._dropping if key_seq(key >> INDEX_BITS) > newest]
        for entry in self._batch:
            self._unscrubbed |= entry.state is not None and entry.state.erased is not None
            entry.strip()
        self._batch.clear()

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
