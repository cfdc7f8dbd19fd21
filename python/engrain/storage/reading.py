"""What is in a log, read back and checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress

from engrain.base.errors import DurabilityLost, SnapshotError, UnknownIdError
from engrain.storage.audit import Progress, audit
from engrain.storage.logfile import LogFile
from engrain.storage.records import Event, Head, Snapshot
from engrain.storage.report import VerifyReport
from engrain.storage.scan import check_chain, read_events, read_types, runs
from engrain.storage.snapshots import load_snapshot, snapshot_seqs


class ReadableLog(ABC):
    """The reading half of `EventLog`: events and snapshots, each verified as it is read.

    Attributes
    ----------
    tenant : str
    """

    tenant: str
    _file: LogFile

    @property
    @abstractmethod
    def head(self) -> Head:
        """End of the chain, whether durable or not."""

    @property
    @abstractmethod
    def durable_seq(self) -> int:
        """Newest event that is on disk."""

    @abstractmethod
    def check_open(self) -> None:
        """Refuse where not even reading makes sense."""

    @abstractmethod
    def flush(self) -> Head:
        """Block until everything appended so far is durable; return the head that is."""

    def events(self, after: int = 0, types: Collection[str] | None = None) -> Iterator[Event]:
        """Iterate over the events after `after` in order, up to the head at the time of the call.

        Each payload is checked against its commitment as it is read; None stands for one that was
        erased or dropped.

        Raises
        ------
        TamperedError
            While iterating: an event is missing or does not match.
        DurabilityLost
            The newest events could not be written.
        """
        return self._events(after, self._readable(), types)

    def _events(self, after: int, last: int, types: Collection[str] | None) -> Iterator[Event]:
        with self._file.reading() as connection:
            if types is None:
                yield from read_events(connection, self._file.tenant, after, last)
            else:
                yield from read_types(connection, self._file.tenant, after, last, types)

    def read(self, seq: int) -> Event:
        """Return one event.

        Raises
        ------
        UnknownIdError
            There is no such event.
        """
        self._require_seq(seq)
        self.check_open()
        if seq > self.durable_seq:
            self.flush()
        return next(self._events(seq - 1, seq, None))

    def read_many(self, seqs: Sequence[int]) -> Iterator[Event]:
        """Iterate over the events at `seqs`, in the order given; fastest where seqs follow on.

        Raises
        ------
        UnknownIdError
            One of them is no event.
        """
        for seq in seqs:
            self._require_seq(seq)
        self._readable()
        return self._read_runs(runs(seqs))

    def _read_runs(self, ends: Iterable[tuple[int, int]]) -> Iterator[Event]:
        with self._file.reading() as connection:
            for after, last in ends:
                yield from read_events(connection, self._file.tenant, after, last)

    def snapshots(self) -> list[int]:
        """Return the seqs of the stored snapshots, oldest first."""
        self._readable()
        with self._file.reading() as connection:
            return snapshot_seqs(connection, self._file.tenant)[::-1]

    def read_snapshot(self, seq: int) -> Snapshot:
        """Return one of the stored snapshots.

        Raises
        ------
        SnapshotError
            There is none at `seq`, or it does not verify.
        """
        self._readable()
        with self._file.reading() as connection:
            return load_snapshot(connection, self._file.tenant, self.tenant, seq)

    def latest_snapshot(self) -> Snapshot | None:
        """Return the newest snapshot that verifies, None when there is none.

        When the newest one is damaged the one before serves, and the chain is checked from there.

        Raises
        ------
        SnapshotError
            There are snapshots, and none verifies.
        """
        last = self._readable()
        with self._file.reading() as connection:
            failure: SnapshotError | None = None
            for seq in snapshot_seqs(connection, self._file.tenant):
                try:
                    found = load_snapshot(connection, self._file.tenant, self.tenant, seq)
                except SnapshotError as error:
                    failure = error
                    continue
                if failure is not None:
                    check_chain(connection, self._file.tenant, self.tenant, seq, last)
                return found
        if failure is not None:
            raise failure
        return None

    def verify(
        self, expected_head: Head | None = None, progress: Progress | None = None
    ) -> VerifyReport:
        """Check everything that is durable; see `engrain.storage.verify`."""
        with suppress(DurabilityLost):
            self._readable()
        with self._file.reading() as connection:
            return audit(connection, self._file.tenant, self.tenant, expected_head, progress)

    def _readable(self) -> int:
        self.check_open()
        return self.flush().seq

    def _require_seq(self, seq: int) -> None:
        if not 0 < seq <= self.head.seq:
            raise UnknownIdError(seq, "this log")
