"""The chain: how one event is turned into bytes, committed to and linked to its predecessor.

``hash = SHA-256(previous hash ‖ header)``, where the header holds tenant, seq, type, schema, time,
kernel epoch and one commitment ``SHA-256(salt ‖ payload)`` per payload. Content is covered only
through salted commitments: deleting a payload with its salt leaves the chain verifiable and the
content beyond guessing. Hashes are always taken over the stored bytes, never over re-encoded ones.
"""

from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from typing import NamedTuple

FORMAT = 1
SALT_BYTES = 16
HASH_BYTES = 32
GENESIS = bytes(HASH_BYTES)
MAX_PAYLOADS = 16

CRITICAL = 1

# format, flags, payloads, type length, tenant length, schema, seq, time, kernel epoch
FIXED = struct.Struct("<BBBBHIQdq")

_sha256 = hashlib.sha256


class Header(NamedTuple):
    """A decoded header; `commitments` holds 32 bytes per payload."""

    seq: int
    type: str
    tenant: str
    critical: bool
    schema: int
    time: float
    epoch: int
    commitments: bytes

    @property
    def payloads(self) -> int:
        """Number of payloads committed to."""
        return len(self.commitments) // HASH_BYTES


def commitment(stored: bytes) -> bytes:
    """Commit to a payload in its stored form, salt included."""
    return _sha256(stored).digest()


def link(previous: bytes, header: bytes) -> bytes:
    """Hash of an event: its predecessor's hash and its own header."""
    return _sha256(previous + header).digest()


@lru_cache(maxsize=4096)
def _split(both: bytes, kind: int) -> tuple[str, str]:
    return both[:kind].decode(), both[kind:].decode()


def decode(header: bytes) -> Header:
    """Decode a stored header.

    Raises
    ------
    ValueError
        The bytes are no header of a known format.
    """
    try:
        form, flags, count, kind, owner, schema, seq, time, epoch = FIXED.unpack_from(header)
        body = FIXED.size + kind + owner
        name, tenant = _split(header[FIXED.size : body], kind)
    except (struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"not a header: {len(header)} bytes") from error
    if form != FORMAT or len(header) != body + HASH_BYTES * count:
        raise ValueError(f"not a header of format {FORMAT}: {len(header)} bytes")
    critical = bool(flags & CRITICAL)
    return Header(seq, name, tenant, critical, schema, time, epoch, header[body:])
