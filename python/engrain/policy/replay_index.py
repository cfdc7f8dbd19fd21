"""Where in the log the entries of a replay buffer lie: a ring of slots, in memory or in a file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array

_HEAD = np.dtype(
    [
        ("magic", "S8"),
        ("capacity", "<u8"),
        ("count", "<u8"),
        ("seq", "<u8"),
        ("hash", "V32"),
        ("check", "<u4"),
        ("pad", "<u4"),
    ]
)
_SLOT = np.dtype([("seq", "<i8"), ("priority", "<f4"), ("check", "<u4")])
_HEAD_BYTES, _SLOT_BYTES = _HEAD.itemsize, _SLOT.itemsize
_PACKED_HEAD, _PACKED_SLOT = struct.Struct("<8sQQQ32sII"), struct.Struct("<q4sI")
_PACKED_SEQ, _FLOAT = struct.Struct("<q"), struct.Struct("<f")
_MAGIC = b"engrRPL1"
_MIX = 0x9E3779B97F4A7C15


class ReplayIndex:
    """A ring of (seq, priority); in a file, one write of 16 bytes and one of 72 per entry.

    The file holds nothing that the log does not: where its checks fail it is built anew.

    Parameters
    ----------
    capacity : int
    path : Path or None
        The file, mapped into memory; None keeps the ring in memory alone.
    """

    def __init__(self, capacity: int, path: Path | None = None) -> None:
        self.capacity = capacity
        size = _HEAD_BYTES + capacity * _SLOT_BYTES
        self._bytes: np.ndarray[Any, np.dtype[np.uint8]]
        if path is None:
            self._bytes = np.zeros(size, dtype=np.uint8)
        else:
            exists = path.exists() and path.stat().st_size == size
            self._bytes = np.memmap(path, np.uint8, "r+" if exists else "w+", shape=(size,))
        self._raw = memoryview(self._bytes.data)
        self._head = self._bytes[:_HEAD_BYTES].view(_HEAD)
        self._slots = self._bytes[_HEAD_BYTES:].view(_SLOT)
        self.count, self.seq = int(self._head["count"][0]), int(self._head["seq"][0])
        if not self._sound():
            self.clear()

    def __len__(self) -> int:
        return min(self.count, self.capacity)

    @property
    def hash(self) -> bytes:
        """Hash of the newest event that the ring has taken in."""
        return bytes(self._head["hash"][0])

    def clear(self) -> None:
        """Empty the ring."""
        self._bytes[:] = 0
        self.count = self.seq = 0

    def slots(self) -> I64Array:
        """Return the slots in use, oldest entry first."""
        size = len(self)
        return (self.count - size + np.arange(size)) % self.capacity

    def seq_at(self, slot: int) -> int:
        """Return the seq of the entry in a slot."""
        seq: int = _PACKED_SEQ.unpack_from(self._raw, _HEAD_BYTES + _SLOT_BYTES * slot)[0]
        return seq

    def priorities(self, slots: I64Array) -> F32Array:
        """Return the priorities of slots."""
        return np.asarray(self._slots["priority"][slots], dtype=np.float32)

    def prioritize(self, slots: I64Array, priorities: F32Array) -> None:
        """Set the priorities of slots."""
        self._write(slots, np.asarray(self._slots["seq"][slots]), priorities)

    def push(self, seq: int, hash: bytes, priority: float) -> int:
        """Put an entry into the slot of the oldest and return that slot."""
        slot = self.count % self.capacity
        bits = _FLOAT.pack(priority)
        check = _check(seq, int.from_bytes(bits, "little"))
        _PACKED_SLOT.pack_into(self._raw, _HEAD_BYTES + _SLOT_BYTES * slot, seq, bits, check)
        self.count += 1
        self.note(seq, hash)
        return slot

    def note(self, seq: int, hash: bytes) -> None:
        """Remember how far into the log the ring has seen."""
        self.seq = seq
        check = zlib.crc32(b"%d %d %d " % (self.capacity, self.count, seq) + hash)
        _PACKED_HEAD.pack_into(self._raw, 0, _MAGIC, self.capacity, self.count, seq, hash, check, 0)

    def flush(self) -> None:
        """Hand the file's pages to the disk."""
        if isinstance(self._bytes, np.memmap):
            self._bytes.flush()

    def _write(self, slots: I64Array, seqs: I64Array, priorities: F32Array) -> None:
        bits = np.ascontiguousarray(priorities, np.float32).view(np.uint32)
        self._slots["priority"][slots] = priorities
        self._slots["check"][slots] = _checks(seqs, bits)

    def _sound(self) -> bool:
        head = self._head[0]
        known = b"%d %d %d " % (self.capacity, self.count, self.seq) + bytes(head["hash"])
        if head["magic"] != _MAGIC or head["capacity"] != self.capacity:
            return False
        if zlib.crc32(known) != head["check"]:
            return False
        used = self._slots[self.slots()]
        bits = np.ascontiguousarray(used["priority"]).view(np.uint32)
        return bool((used["check"] == _checks(used["seq"], bits)).all())


def _check(seq: int, bits: int) -> int:
    mixed: int = ((seq << 32) ^ (bits * 0x85EBCA6B) ^ (seq * 31)) * _MIX
    return (mixed >> 32) & 0xFFFFFFFF


def _checks(seqs: I64Array, bits: np.ndarray[Any, np.dtype[np.uint32]]) -> Any:
    wide, seq = bits.astype(np.uint64), np.asarray(seqs).astype(np.uint64)
    mixed = (seq << np.uint64(32)) ^ (wide * np.uint64(0x85EBCA6B)) ^ (seq * np.uint64(31))
    return ((mixed * np.uint64(_MIX)) >> np.uint64(32)).astype(np.uint32)
