"""What the event log hands out: heads, events, snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Head(NamedTuple):
    """End of a chain; kept elsewhere, it proves later that nothing was cut or altered.

    Attributes
    ----------
    seq : int
        Number of the newest event; 0 for an empty log.
    hash : bytes
        SHA-256 over the event and, through its predecessor's hash, over all before it.
    """

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One event as stored.

    Attributes
    ----------
    seq : int
        Position in the chain, from 1; the order of events.
    type : str
    schema : int
        Version of the payloads' layout; readers upcast, stored bytes are never rewritten.
    time : float
        Seconds since the epoch, never decreasing; a note, not the order.
    epoch : int
        Kernel epoch within which replay is bit for bit.
    payloads : tuple of bytes or None
        None where the content was erased or dropped.
    hash : bytes
        Its link of the chain.
    """

    seq: int
    type: str
    schema: int
    time: float
    epoch: int
    payloads: tuple[bytes | None, ...]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole state; replay continues with the events after `seq`.

    Attributes
    ----------
    seq : int
        The event that announces the snapshot.
    state_hash : bytes
        The caller's hash of the state, as given when it was written.
    data : bytes
    """

    seq: int
    state_hash: bytes
    data: bytes
