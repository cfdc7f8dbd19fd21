"""Turning one append into an entry: salts, commitments, header, hash."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from math import isfinite

from engrain.base.errors import NonFiniteError
from engrain.storage.chain import (
    CRITICAL,
    FIXED,
    FORMAT,
    MAX_PAYLOADS,
    SALT_BYTES,
    commitment,
    link,
    names,
    salted,
)
from engrain.storage.entry import Entry, StateWrite

MAX_SCHEMA = 1 << 32
MAX_BYTES = 1 << 28
POOL = 4096


class RandomPool:
    """Random bytes from the system, drawn `POOL` at a time and given out once each.

    A system call per event would cost more than all else but the hashes, and hand the GIL over.
    """

    def __init__(self) -> None:
        self._bytes, self._at = b"", 0

    def take(self, size: int) -> bytes:
        """Return `size` bytes; not to be called by two threads at once."""
        if self._at + size > len(self._bytes):
            self._bytes = os.urandom(max(POOL, size))
            self._at = 0
        self._at += size  # first: whatever interrupts, nothing is given out twice
        return self._bytes[self._at - size : self._at]


def compose(
    last: Entry,
    tenant: str,
    type: str,
    payloads: Sequence[bytes],
    *,
    schema: int,
    time: float,
    epoch: int,
    critical: bool,
    state: StateWrite | None = None,
    random: Callable[[int], bytes] = os.urandom,
) -> Entry:
    """Build the event that follows `last`; its time is never before that of `last`.

    Salts come from `random`, which returns as many bytes as it is asked for.

    Raises
    ------
    NonFiniteError
        The time is NaN or infinite.
    TypeError, ValueError
        Naming the argument.
    """
    if not isfinite(time):
        raise NonFiniteError(f"time: expected seconds since the epoch, got {time!r}")
    count = len(payloads)
    if count > MAX_PAYLOADS:
        raise ValueError(f"payloads: an event has at most {MAX_PAYLOADS}, got {count}; join some")
    if not 0 <= schema < MAX_SCHEMA:
        raise ValueError(f"schema: expected 0 <= schema < 2**32, got {schema!r}")
    salts = random(SALT_BYTES * count)
    try:
        bodies = tuple(
            [
                salted(salts[SALT_BYTES * index : SALT_BYTES * (index + 1)], payload)
                for index, payload in enumerate(payloads)
            ]
        )
    except TypeError:
        kinds = [item.__class__.__name__ for item in payloads]
        raise TypeError(f"payloads: expected a sequence of bytes, got {kinds}") from None
    if max(map(len, bodies), default=0) > MAX_BYTES + SALT_BYTES:
        raise ValueError(f"payloads: expected at most {MAX_BYTES} bytes each; split larger ones")
    both, kind, owner = names(type, tenant)
    seq, time = last.seq + 1, max(last.time, time)
    flags = CRITICAL if critical else 0
    header = b"".join(
        (
            FIXED.pack(FORMAT, flags, count, kind, owner, schema, seq, time, epoch),
            both,
            *map(commitment, bodies),
        )
    )
    return Entry(seq, link(last.hash, header), float(time), type, critical, header, bodies, state)
