"""Experience replay as a view of the event log: constant cost at any size."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.clock import Clock, wall_clock
from engrain.base.errors import ConfigError, StorageError, TamperedError, UnknownIdError
from engrain.kernels import SumTree
from engrain.policy.replay_entry import Inputs, ReplayEntry, decode, encode, from_json, to_json
from engrain.policy.replay_index import ReplayIndex
from engrain.storage import EventLog

__all__ = ["Imported", "Inputs", "PrioritizedBatch", "ReplayBuffer", "ReplayEntry"]

INTERACTION = "policy.interaction"
EPOCH = 1
CACHED = 32 << 20  # bytes of entries kept in memory beside the log
RECENCY = 2.0  # the newest entry is e^2 times as likely as the oldest


class PrioritizedBatch(NamedTuple):
    """Entries drawn by priority.

    Attributes
    ----------
    entries : list of ReplayEntry
    slots : ndarray of int64, shape (n,)
        For `ReplayBuffer.update_priorities`.
    weights : ndarray of float32, shape (n,)
        Importance weights (N P)^-beta / max.
    """

    entries: list[ReplayEntry]
    slots: I64Array
    weights: F32Array


class Imported(NamedTuple):
    """What `ReplayBuffer.import_jsonl` did: entries added, and the numbers of refused lines."""

    added: int
    refused: tuple[int, ...]


class ReplayBuffer:
    """The latest interactions, kept in a checksummed log and found through a mapped index.

    Adding costs the same at any size. A record that is damaged on disk loses itself only and is
    listed in `lost`. Methods may be called from several threads.

    Parameters
    ----------
    capacity : int
        At the cap the oldest entry gives up its place, in the log as well.
    path : path-like, optional
        File of the log; ``<path>.replay`` beside it is the index. Without `path` and `log` the
        entries live in memory alone.
    log : EventLog, optional
        A log of the caller's, shared with other kinds of events.
    alpha : float
        Prioritised sampling draws with P ∝ priority^alpha (Schaul et al. 2016).
    clock : callable
        Seconds since the epoch, for a log opened here.
    seed : int

    Raises
    ------
    ConfigError
        Both `path` and `log`, or no capacity.
    MemoryInUse, StorageError
        The file cannot be opened, see `EventLog.open`.
    """

    def __init__(
        self,
        capacity: int = 10_000,
        path: str | os.PathLike[str] | None = None,
        *,
        log: EventLog | None = None,
        alpha: float = 0.6,
        clock: Clock = wall_clock,
        seed: int = 0,
    ) -> None:
        if path is not None and log is not None:
            raise ConfigError("path, log: give one of them, or neither")
        if not 0 < capacity < 2**31:
            raise ConfigError(f"capacity: expected a number in [1, 2**31), got {capacity!r}")
        self._owns = path is not None
        self._log = EventLog.open(path, epoch=EPOCH, clock=clock) if path is not None else log
        self._lock = threading.RLock()
        self._rng = np.random.Generator(np.random.Philox(seed))
        self._tree = SumTree(capacity, alpha, seed)
        self._recent: OrderedDict[int, bytes] = OrderedDict()
        self._room = CACHED
        self._lost: OrderedDict[int, None] = OrderedDict()  # seqs, capped like the ring
        self._gone: set[int] = set()  # slots of lost entries
        self._highest = 1.0
        self._at, self._priority = np.zeros(1, np.int64), np.zeros(1, np.float32)
        try:
            self._index = ReplayIndex(capacity, self._index_path())
            self._catch_up()
        except BaseException:
            self.close()
            raise

    def _index_path(self) -> Path | None:
        if self._log is None or self._log.mode == "r":
            return None
        tenant = "" if self._log.tenant == "default" else f".{self._log.tenant.encode().hex()}"
        return self._log.path.with_name(f"{self._log.path.name}{tenant}.replay")

    def __len__(self) -> int:
        return len(self._index) - len(self._gone)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def capacity(self) -> int:
        """Most entries held at once."""
        return self._index.capacity

    @property
    def lost(self) -> tuple[int, ...]:
        """Seqs of the log's events whose entry was found damaged, oldest first."""
        return tuple(self._lost)

    def add(self, entry: ReplayEntry, priority: float | None = None) -> int:
        """Keep an entry and return its seq; it is on disk once `flush` returns.

        Parameters
        ----------
        entry : ReplayEntry
        priority : float, optional
            0 or above; by default the highest so far.

        Raises
        ------
        ConfigError
            The priority is negative or not finite.
        StorageError
            The log accepts nothing; see `EventLog.check_writable`.
        """
        if priority is not None and not 0.0 <= priority < np.inf:
            raise ConfigError(f"priority: expected a finite number of at least 0, got {priority!r}")
        body = encode(entry)
        with self._lock:
            if self._log is None:
                seq, digest = self._index.seq + 1, b""
            else:
                receipt = self._log.append(INTERACTION, [body])
                seq, digest = receipt.seq, receipt.hash
                if self._owns and self._log.snapshot_due:  # opening checks the chain from there
                    self._log.write_snapshot(b"", b"")
            self._push(seq, digest, self._highest if priority is None else priority)
            self._remember(seq, body)
        return seq

    def _push(self, seq: int, digest: bytes, priority: float) -> None:
        index = self._index
        if index.count >= index.capacity:
            self._evict(index.count % index.capacity)
        slot = index.push(seq, digest.ljust(32, b"\0"), priority)
        self._at[0], self._priority[0] = slot, priority
        self._tree.update(self._at, self._priority)
        self._highest = max(self._highest, priority)

    def _evict(self, slot: int) -> None:
        old = self._index.seq_at(slot)
        body = self._recent.pop(old, None)
        self._room += 0 if body is None else len(body)
        self._gone.discard(slot)
        if self._log is not None and self._log.mode == "a" and old:
            self._log.drop_payload(old, 0)

    def _remember(self, seq: int, body: bytes) -> None:
        self._recent[seq] = body
        self._room -= len(body)
        while self._room < 0 and self._log is not None:
            self._room += len(self._recent.popitem(last=False)[1])

    # reading

    def sample(self, n: int, prioritize_recent: bool = True) -> list[ReplayEntry]:
        """Draw up to `n` different entries.

        Parameters
        ----------
        n : int
        prioritize_recent : bool
            Draw the i-th oldest of N with P ∝ e^{2 i / N}; else all alike.
        """
        with self._lock:
            found: list[ReplayEntry] = []
            for position in self._positions(n, RECENCY if prioritize_recent else 0.0):
                if len(found) == n:
                    break
                entry = self._read(self._slot(position))
                if entry is not None:
                    found.append(entry)
            return found

    def _slot(self, position: int) -> int:
        return (self._index.count - len(self._index) + position) % self._index.capacity

    def _positions(self, n: int, slope: float) -> Iterator[int]:
        """Yield different positions, 0 the oldest, each drawn with P ∝ e^{slope i / N}."""
        size, seen = len(self._index), set[int]()
        while 2 * max(n, len(seen)) < size:
            u = self._rng.random(max(n, 8))
            places = np.log1p(u * np.expm1(slope)) / slope if slope else u
            for position in np.minimum((places * size).astype(np.int64), size - 1).tolist():
                if position not in seen:
                    seen.add(position)
                    yield position
        # Gumbel keys draw all of them in such an order (Efraimidis & Spirakis 2006).
        keys = slope * np.arange(size) / max(size, 1) + self._rng.gumbel(size=size)
        for position in np.argsort(-keys).tolist():
            if position not in seen:
                yield position

    def sample_prioritized(self, n: int, beta: float = 0.4) -> PrioritizedBatch:
        """Draw `n` entries, one from each n-th of the total of priority^alpha.

        Raises
        ------
        ConfigError
            No entry has a priority above 0.
        """
        with self._lock:
            while True:
                slots, weights = np.empty(n, np.int64), np.empty(n, np.float32)
                self._tree.sample(slots, weights, max(len(self), 1), beta)
                found = [self._read(slot) for slot in slots.tolist()]
                entries = [entry for entry in found if entry is not None]
                if len(entries) == n:
                    return PrioritizedBatch(entries, slots, weights)

    def update_priorities(self, slots: I64Array, priorities: F32Array) -> None:
        """Set the priorities of drawn entries, both of shape (n,)."""
        with self._lock:
            self._tree.update(slots, priorities)
            self._index.prioritize(slots, priorities)
            self._highest = max(self._highest, float(priorities.max(initial=0.0)))

    def entries(self) -> Iterator[ReplayEntry]:
        """Iterate over all entries, oldest first."""
        for slot in self._index.slots().tolist():
            with self._lock:
                entry = self._read(slot)
            if entry is not None:
                yield entry

    def _read(self, slot: int) -> ReplayEntry | None:
        """Return the entry in a slot, None where it is damaged."""
        if slot in self._gone:
            return None
        seq = self._index.seq_at(slot)
        try:
            body = self._recent.get(seq)
            if body is None:
                body = self._stored(seq)
                self._remember(seq, body)
            return decode(body)
        except (StorageError, UnknownIdError):
            self._lose(seq, slot)
            return None

    def _stored(self, seq: int) -> bytes:
        if self._log is None:
            raise UnknownIdError(seq, "this buffer")
        body = self._log.read(seq).payloads[0]
        if body is None:
            raise UnknownIdError(seq, "this log")
        return body

    def _lose(self, seq: int, slot: int | None = None) -> None:
        self._lost[seq] = None
        if len(self._lost) > self.capacity:
            self._lost.popitem(last=False)
        if slot is not None:
            self._gone.add(slot)
            self._tree.update(np.array([slot], np.int64), np.zeros(1, np.float32))

    # opening

    def _catch_up(self) -> None:
        """Take in what the log holds beyond the index, or all of it where they do not fit."""
        if self._log is None:
            return
        if self._index.seq and not self._fits(self._log):
            self._index.clear()
        used = self._index.slots()
        if len(used):
            priorities = self._index.priorities(used)
            self._tree.update(used, priorities)
            self._highest = max(self._highest, float(priorities.max()))
        self._take(self._log)

    def _fits(self, log: EventLog) -> bool:
        if self._index.seq > log.head.seq:
            return False
        try:
            return log.read(self._index.seq).hash == self._index.hash
        except TamperedError:
            return True  # the event is there; its entry will be found damaged

    def _take(self, log: EventLog) -> None:
        after = self._index.seq
        while after < log.head.seq:
            try:
                for event in log.events(after, (INTERACTION,)):
                    if event.payloads[0] is not None:
                        self._push(event.seq, event.hash, self._highest)
                    after = event.seq
                return
            except TamperedError as error:
                if error.seq is None or error.seq <= after:
                    raise
                self._lose(error.seq)
                after = error.seq

    # exchange, durability

    def export_jsonl(self, path: str | os.PathLike[str]) -> int:
        """Write all entries, oldest first, one JSON object a line; return how many.

        The file appears whole or not at all.
        """
        target = Path(path)
        scratch = target.with_name(target.name + ".part")
        count = 0
        with scratch.open("w", encoding="utf-8") as out:
            for entry in self.entries():
                out.write(to_json(entry) + "\n")
                count += 1
            out.flush()
            os.fsync(out.fileno())
        scratch.replace(target)
        return count

    def import_jsonl(self, path: str | os.PathLike[str]) -> Imported:
        """Add the entries of a JSONL file; a line that holds none loses itself only."""
        added, refused = 0, []
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    entry = from_json(line)
                except (ValueError, TypeError, KeyError):
                    refused.append(number)
                    continue
                self.add(entry)
                added += 1
        return Imported(added, tuple(refused))

    def flush(self) -> None:
        """Block until every entry is on disk."""
        if self._log is not None:
            self._log.flush()

    def close(self) -> None:
        """Flush, and close the log where this buffer opened it; safe to repeat."""
        with suppress(AttributeError):  # opening failed before there was an index
            self._index.flush()
        if self._owns and self._log is not None:
            self._log.close()
