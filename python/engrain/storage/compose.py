"""Turning one append into an entry: salts, commitments, header, hash."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
) -> Entry:
    """Build the event that follows `last`; its time is never before that of `last`.

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
    salts = os.urandom(SALT_BYTES * count)
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
