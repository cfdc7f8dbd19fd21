"""An append-only, hash-chained log of events in one SQLite file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import (
    ClosedMemoryError,
    ConfigError,
    EngrainError,
    ForkedMemory,
    QueueFullError,
    ReadOnlyError,
    StorageError,
)
from engrain.kernels.journal import Journal
from engrain.storage.chain import MAX_PAYLOADS
from engrain.storage.logfile import LogFile
from engrain.storage.process import unwatch, watch
from engrain.storage.reading import ReadableLog
from engrain.storage.receipt import Receipt
from engrain.storage.records import Head
from engrain.storage.recovery import recover
from engrain.storage.schema import event_key, payload_key
from engrain.storage.snapshots import (
    EPOCH_CHANGED,
    ERASED,
    OWN_TYPES,
    SNAPSHOT,
    StateWrite,
    announce,
    chunked,
    pack_seqs,
)
from engrain.storage.writer import Writer

SNAPSHOT_EVENTS = 50_000
SNAPSHOT_BYTES = 64 << 20
GROUP_EVENTS = 1000  # of 16 payloads they stay below SQLite's largest value, 10^9 bytes


class EventLog(ReadableLog):
    """The chain of one tenant. Open it with `EventLog.open`; threads may share it.

    `append` returns before the disk: an event is acknowledged once its receipt's `wait`, or
    `flush`, returns. Each append is one atomic publication: an exception raised by a signal leaves
    the event whole in the log or absent. Do not append from within a signal handler.

    Attributes
    ----------
    path : Path
    tenant : str
    mode : "a" or "r"
    epoch : int
        Kernel epoch written into new events.
    """

    def __init__(
        self,
        file: LogFile,
        tenant: str,
        *,
        clock: Clock,
        epoch: int,
        critical_types: Collection[str],
        queue_limit: int,
        group_seconds: float,
        group_events: int,
    ) -> None:
        self.path, self.tenant, self.epoch = file.path, tenant, epoch
        self.mode: Literal["a", "r"] = "r" if file.writer is None else "a"
        self._file, self._clock, self._queue_limit = file, clock, queue_limit
        self._critical = frozenset(critical_types) | OWN_TYPES
        self._refusal: Callable[[], EngrainError] | None = None
        self._closed = self._forked = False
        tail = recover(file, tenant)
        self.last_epoch = tail.epoch
        self._snapshot_seq, self._snapshot_bytes = tail.snapshot_seq, -tail.bytes
        self._journal = Journal(
            *tail.head,
            tail.time,
            tenant,
            group_seconds=group_seconds,
            group_events=min(group_events, GROUP_EVENTS),
        )
        self._writer: Writer | None = None
        if file.writer is None:
            self._refusal = self._read_only
            return
        if tail.epoch not in (None, epoch):
            self._refusal = self._other_epoch
        self._writer = Writer(file.writer, file.tenant, self._journal)
        watch(self)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        tenant: str = "default",
        mode: Literal["a", "r"] = "a",
        clock: Clock = wall_clock,
        epoch: int,
        critical_types: Collection[str] = (),
        queue_limit: int = 100_000,
        group_seconds: float = 0.005,
        group_events: int = 1000,
    ) -> EventLog:
        """Open or create a log; the chain is checked from the newest snapshot to its end.

        Parameters
        ----------
        path : path-like
            On a local file system.
        tenant : str
            Whose chain.
        mode : "a" or "r"
            "r" reads without leaving a trace, also while another process writes.
        clock : callable
            Seconds since the epoch.
        epoch : int
            Kernel epoch of this code. When the newest event has another one, only `change_epoch`
            is accepted at first.
        critical_types : collection of str
            Types that a reader must understand: those this code knows. A file holding others is
            refused; unknown types that are not critical may be skipped.
        queue_limit : int
            Events waiting for the disk above which appends are refused.
        group_seconds, group_events : float, int
            A group is committed when one of them is reached, or someone waits.

        Raises
        ------
        MemoryInUse
            Another opening of the file may write; names its process.
        NewerFileError
            Written by a newer engrain, or holding critical events it alone knows.
        TamperedError
            The chain does not verify; names the event.
        ReadOnlyError, StorageError, FileNotFoundError
            The file cannot be written, is something else or lies on a network file system.
        """
        if mode not in ("a", "r"):
            raise ConfigError(f"mode: expected 'a' or 'r', got {mode!r}")
        if not -(1 << 63) <= epoch < 1 << 63:
            raise ConfigError(f"epoch: expected a 64-bit integer, got {epoch!r}")
        if not (queue_limit > 0 and group_events > 0 and group_seconds >= 0):
            raise ConfigError(
                "expected queue_limit > 0, group_events > 0 and group_seconds >= 0, got "
                f"{queue_limit!r}, {group_events!r}, {group_seconds!r}"
            )
        start = LogFile.to_append if mode == "a" else LogFile.to_read
        file = start(Path(path).resolve(), tenant, critical_types)
        try:
            return cls(
                file,
                tenant,
                clock=clock,
                epoch=epoch,
                critical_types=critical_types,
                queue_limit=queue_limit,
                group_seconds=group_seconds,
                group_events=group_events,
            )
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EventLog({str(self.path)!r}, tenant={self.tenant!r}, seq={self.head.seq})"

    # where the chain stands

    @property
    def head(self) -> Head:
        """End of the chain, whether durable or not."""
        return Head(*self._journal.head())

    @property
    def durable_seq(self) -> int:
        """Newest event that is on disk."""
        return self.head.seq if self._writer is None else self._writer.durable_seq

    @property
    def time(self) -> float:
        """Time of the newest event, in seconds since the epoch."""
        return self._journal.time

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def snapshot_due(self) -> bool:
        """Whether 50,000 events or 64 MB were appended since the last snapshot."""
        events = self._journal.seq - self._snapshot_seq
        return events >= SNAPSHOT_EVENTS or self._tail_bytes >= SNAPSHOT_BYTES

    @property
    def _tail_bytes(self) -> int:
        return self._journal.payload_bytes - self._snapshot_bytes

    def stats(self) -> dict[str, Any]:
        """Return counts and sizes: events, durable and queued ones, commits, bytes of the files."""
        writer = self._writer
        return {
            "events": self.head.seq,
            "durable_seq": self.durable_seq,
            "queued": self.head.seq - self.durable_seq,
            "commits": 0 if writer is None else writer.commits,
            "failed": None if writer is None or writer.failure is None else writer.failure.reason,
            "snapshot_seq": self._snapshot_seq,
            "tail_events": self.head.seq - self._snapshot_seq,
            "tail_bytes": self._tail_bytes,
            **self._file.sizes(),
        }

    # writing

    def check_writable(self) -> None:
        """Refuse before anything is changed; call it ahead of every change of state.

        Raises
        ------
        ClosedMemoryError, ForkedMemory, ReadOnlyError
        DurabilityLost
            A commit failed, and no `flush` has succeeded since.
        QueueFullError
            The disk does not keep up.
        StorageError
            The kernel epoch has changed: `change_epoch` comes first.
        """
        if self._refusal is not None:
            raise self._refusal()
        writer = self._require_writer()
        if writer.failure is not None:
            raise writer.lost()
        if self._journal.waiting >= self._queue_limit:
            raise QueueFullError(
                f"{self._queue_limit} events wait for the disk; nothing was changed: flush, or "
                "try again later"
            )

    def check_open(self) -> None:
        """Refuse where not even reading makes sense.

        Raises
        ------
        ClosedMemoryError, ForkedMemory
        """
        self._refuse_forked()
        if self._closed:
            raise self._was_closed()

    def append(
        self,
        type: str,
        payloads: Sequence[bytes],
        *,
        schema: int = 1,
        time: float | None = None,
    ) -> Receipt:
        """Append one event; it is ordered and hashed at once and durable a little later.

        Parameters
        ----------
        type : str
            Up to 255 bytes.
        payloads : sequence of bytes
            Up to 16, stored and erasable one by one.
        schema : int
            Version of the payloads' layout.
        time : float or None
            Seconds since the epoch (default: the clock); never earlier than the event before.

        Raises
        ------
        TypeError, ValueError, NonFiniteError
            Nothing was appended.
        StorageError, ClosedMemoryError, ForkedMemory, ReadOnlyError
            As `check_writable`.
        """
        if type in OWN_TYPES:
            raise ValueError(f"type: {type!r} is the log's own; call the method of that name")
        self.check_writable()
        return self._publish(type, payloads, schema, time)

    def _publish(
        self,
        type: str,
        payloads: Sequence[bytes],
        schema: int = 1,
        time: float | None = None,
        state: StateWrite | None = None,
    ) -> Receipt:
        time = self._clock() if time is None else time
        critical = type in self._critical
        place = self._journal.append(type, payloads, schema, time, self.epoch, critical, state)
        return Receipt(*place, self)

    def _publish_state(self, type: str, payloads: Sequence[bytes], state: StateWrite) -> Receipt:
        self.check_writable()
        receipt = self._publish(type, payloads, state=state)
        self._snapshot_seq, self._snapshot_bytes = receipt.seq, self._journal.payload_bytes
        return receipt

    def drop_payload(self, seq: int, index: int) -> None:
        """Delete one payload with the next group commit; its commitment stays in the chain.

        Leaves no record of its own: meant for bulk that has served its time, not for privacy
        (see `erase`).

        Raises
        ------
        UnknownIdError
            There is no such event.
        """
        self.check_writable()
        self._require_seq(seq)
        if not 0 <= index < MAX_PAYLOADS:
            raise ValueError(f"index: expected 0 to {MAX_PAYLOADS - 1}, got {index}")
        key = payload_key(event_key(self._file.tenant, seq), index)
        self._journal.drop(key)

    def write_snapshot(
        self, state: bytes | memoryview | Iterable[bytes | memoryview], state_hash: bytes
    ) -> Receipt:
        """Store the state as of the newest event; the two newest snapshots are kept.

        Parameters
        ----------
        state : bytes, memoryview or iterable of bytes
        state_hash : bytes
            The caller's hash of the state, chained beside that of the stored bytes.
        """
        chunks = chunked(state)
        return self._publish_state(SNAPSHOT, [announce(chunks, state_hash)], StateWrite(chunks))

    def erase(self, seqs: Sequence[int], snapshot: bytes, state_hash: bytes) -> Receipt:
        """Delete the content of events for good; the chain still verifies.

        Appends `erased`, stores `snapshot` (of a state rebuilt without that content) with it,
        deletes the payloads, their salts and all older snapshots in one transaction, then rewrites
        the file so that no byte of them is left. That takes time in proportion to the file: erase
        many events in one call. The receipt's `wait` returns when all of it is done.

        Raises
        ------
        UnknownIdError
            One of `seqs` is no event.
        """
        wanted = sorted(set(seqs))
        for seq in wanted:
            self._require_seq(seq)
        chunks = chunked(snapshot)
        payloads = [announce(chunks, state_hash), pack_seqs(wanted)]
        return self._publish_state(ERASED, payloads, StateWrite(chunks, wanted))

    def change_epoch(self, old_hash: bytes, new_hash: bytes) -> Receipt:
        """Record that state `old_hash` was replayed by new kernels into `new_hash`.

        Call it once after opening a log whose `last_epoch` differs from `epoch`, then write a
        snapshot; older history stays verifiable, and replayable only by its own version.
        """
        if self._refusal == self._other_epoch:
            self._refusal = None
        self.check_writable()
        self.last_epoch = self.epoch
        return self._publish(EPOCH_CHANGED, [old_hash, new_hash])

    # durability

    def flush(self) -> Head:
        """Block until everything appended so far is durable; return the head that is.

        After a full disk it tries once more from the buffer.

        Raises
        ------
        DurabilityLost
            With the last durable seq.
        """
        head = self.head
        if not self._settled(head.seq):
            self._require_writer().wait(head.seq, retry=True)
        return head

    async def aflush(self) -> Head:
        """Await as `flush` blocks."""
        head = self.head
        if not self._settled(head.seq):
            await self._answered(retry=True)
            self._require_writer().check(head.seq)
        return head

    def wait_durable(self, seq: int, timeout: float | None = None) -> None:
        """Block until `seq` is durable, see `Receipt.wait`."""
        if self.durable_seq < seq:
            self._refuse_forked()
            self._require_writer().wait(seq, timeout)

    async def await_durable(self, seq: int) -> None:
        """Await until `seq` is durable."""
        if self.durable_seq < seq:
            await self._answered(retry=False)
            self._require_writer().check(seq)

    def _settled(self, seq: int) -> bool:
        self._refuse_forked()
        return self._writer is None or self._writer.settled(seq)

    async def _answered(self, *, retry: bool) -> None:
        import asyncio

        self._refuse_forked()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def settle() -> None:
            if not future.done():
                future.set_result(None)

        self._require_writer().call_after(lambda: loop.call_soon_threadsafe(settle), retry=retry)
        await future

    # ending

    def close(self) -> None:
        """Flush, checkpoint, close and unlock; safe to repeat.

        Raises
        ------
        DurabilityLost
            The last events could not be written; everything is closed all the same.
        """
        if self._closed:
            return
        self._refusal = self._was_closed
        try:
            if not self._forked:
                self.flush()
        finally:
            if self._writer is not None and not self._forked:
                self._writer.stop()
            self._file.close()
            self._closed = True
            unwatch(self)

    def forked(self) -> None:
        """Give up in a child process what belongs to its parent."""
        self._forked = True
        self._refusal = self._was_forked
        self._file.abandon()

    def _require_writer(self) -> Writer:
        if self._writer is None:
            raise self._read_only()
        return self._writer

    def _refuse_forked(self) -> None:
        if self._forked:
            raise self._was_forked()

    def _read_only(self) -> EngrainError:
        return ReadOnlyError(f"{self.path} was opened with mode='r'; open it with mode='a'")

    def _other_epoch(self) -> EngrainError:
        return StorageError(
            f"{self.path} was written under kernel epoch {self.last_epoch}, this is "
            f"{self.epoch}: replay it, then call change_epoch(old_hash, new_hash)"
        )

    def _was_closed(self) -> EngrainError:
        return ClosedMemoryError(f"{self.path} is closed")

    def _was_forked(self) -> EngrainError:
        return ForkedMemory(
            f"{self.path} belongs to the parent process; open a memory in the child, or share one "
            "with `engrain serve`"
        )
