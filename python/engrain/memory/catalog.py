"""What is remembered: ids, texts, metadata and the usage figures of each memory, by handle."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, I64Array
from engrain.base.errors import UnknownIdError
from engrain.base.ids import Id, check_id, decode_id
from engrain.base.protocols import Record
from engrain.kernels.hits import Hit, list_hits
from engrain.kernels.index import count_accesses
from engrain.memory.codec import Arrays

_USAGE = (
    ("accesses", np.int64),
    ("accessed", np.float64),
    ("quality_sum", np.float64),
    ("quality_count", np.int64),
)


class Catalog:
    """Memories by dense handle, in order of insertion.

    A forgotten memory keeps its handle, so that handles in the log stay meaningful; its content is
    dropped.
    """

    def __init__(self) -> None:
        self.records: list[Record | None] = []
        self.seqs = array("q")  # of the events that hold the contents
        self.sequences: dict[str, int] = {}
        self._handles: dict[Id, int] = {}
        self._ids: list[Any] = []  # None of what was forgotten
        self._usage: dict[str, np.ndarray[Any, Any]] = {
            name: np.zeros(16, dtype) for name, dtype in _USAGE
        }

    def __len__(self) -> int:
        return len(self._handles)

    def __contains__(self, id: Id) -> bool:
        return check_id(id) in self._handles

    def handle(self, id: Id) -> int:
        """Return the handle of a live memory.

        Raises
        ------
        UnknownIdError
            This memory does not hold `id`.
        """
        try:
            return self._handles[check_id(id)]
        except KeyError:
            raise UnknownIdError(id) from None

    def id(self, handle: int) -> Id:
        """Return the public id of a handle."""
        id: Id = self._ids[handle]
        return id

    def record(self, handle: int) -> Record:
        """Return a live memory."""
        record = self.records[handle]
        if record is None:
            raise UnknownIdError(self.id(handle))
        return record

    def ids(self, handles: I64Array) -> list[Id]:
        """Return the public ids of handles."""
        ids = self._ids
        return [ids[handle] for handle in handles.tolist()]

    def holder(self, encoded_id: str) -> int | None:
        """Return the handle of the memory that has an id now, None where none has."""
        return self._handles.get(decode_id(encoded_id))

    def hits(
        self, handles: I64Array, scores: F32Array, names: tuple[str, ...], addends: F32Array
    ) -> tuple[Hit, ...]:
        """Present live memories; `addends`, shape (n, names), are the parts of their scores."""
        return list_hits(self._ids, self.records, handles, scores, names, addends)

    def new_id(self) -> str:
        """Return an encoded id that is not in use: m1, m2 and so on."""
        number = len(self.records) + 1
        while f"m{number}" in self._handles:
            number += 1
        return f"s:m{number}"

    def add(self, encoded_id: str, record: Record, seq: int) -> None:
        """Append a memory; its handle must be the next one."""
        id = decode_id(encoded_id)
        self._handles[id] = record.handle
        self._ids.append(id)
        self.records.append(record)
        self.seqs.append(seq)
        if record.handle >= len(self._usage["accesses"]):
            self._reserve(2 * record.handle)
        self._usage["accessed"][record.handle] = record.time

    def skip(self, seq: int) -> None:
        """Take up the handle of a memory that was forgotten since."""
        self._ids.append(None)
        self.records.append(None)
        self.seqs.append(seq)

    def alive(self, handles: I64Array) -> BoolArray:
        """Tell which of `handles` are still held."""
        records = self.records
        return np.array([records[handle] is not None for handle in handles.tolist()], np.bool_)

    def _reserve(self, size: int) -> None:
        for name, held in self._usage.items():
            self._usage[name] = np.concatenate([held, np.zeros(size - len(held), held.dtype)])

    def drop(self, handle: int) -> None:
        """Forget the content and the id of a memory."""
        self._handles.pop(self._ids[handle], None)
        self._ids[handle] = self.records[handle] = None

    def sequence_number(self, sequence: str | None) -> int:
        """Number a sequence by its first appearance; -1 for none."""
        if sequence is None:
            return -1
        return self.sequences.setdefault(sequence, len(self.sequences))

    def live_sequences(self) -> I64Array:
        """Return the number of every live memory's sequence, by handle; -1 for none."""
        told = (record.sequence for record in self.records if record is not None)
        return np.fromiter(map(self.sequence_number, told), np.int64, len(self))

    def live(self) -> I64Array:
        """Return the handles of all live memories, ascending."""
        return np.fromiter(sorted(self._handles.values()), np.int64, len(self))

    def touch(self, handles: I64Array, now: float) -> None:
        """Count an access of distinct `handles` at time `now`."""
        count_accesses(self._usage["accesses"], self._usage["accessed"], handles, now)

    def rate(self, handles: I64Array, outcomes: np.ndarray[Any, Any]) -> None:
        """Add outcomes in [0, 1] to the quality of distinct `handles`."""
        self._usage["quality_sum"][handles] += outcomes
        self._usage["quality_count"][handles] += 1

    def usage(self, handle: int) -> dict[str, float | int | None]:
        """Return access and quality figures of one memory."""
        count = int(self._usage["quality_count"][handle])
        return {
            "accesses": int(self._usage["accesses"][handle]),
            "accessed": float(self._usage["accessed"][handle]),
            "quality": float(self._usage["quality_sum"][handle]) / count if count else None,
        }

    def columns(self, handles: I64Array) -> Arrays:
        """Return accesses, time of the last one, and mean quality (NaN for none) of `handles`."""
        count = self._usage["quality_count"][handles]
        with np.errstate(invalid="ignore"):
            quality = self._usage["quality_sum"][handles] / count
        return {
            "accesses": self._usage["accesses"][handles],
            "accessed": self._usage["accessed"][handles],
            "quality": quality,
        }

    def state(self) -> Arrays:
        """Return usage, which handles are alive, and the seqs of the events that hold contents."""
        n = len(self.records)
        alive = np.fromiter((r is not None for r in self.records), np.bool_, n)
        usage = {name: array[:n].copy() for name, array in self._usage.items()}
        return {"alive": alive, "seqs": np.array(self.seqs, np.int64), **usage}

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over the usage figures of a state."""
        for name, dtype in _USAGE:
            kept = np.zeros(max(16, 2 * len(state[name])), dtype)
            kept[: len(state[name])] = state[name]
            self._usage[name] = kept
