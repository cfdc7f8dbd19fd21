"""What travels from `EventLog.append` to the writer thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A snapshot to store with its event.

    Attributes
    ----------
    chunks : sequence of bytes
    erased : sequence of int or None
        Events whose payloads go, together with all older snapshots; None for a plain snapshot.
    """

    chunks: Sequence[bytes]
    erased: Sequence[int] | None = None


class Entry:
    """One event on its way to disk; the newest one is the head of the chain.

    Attributes
    ----------
    seq, hash, time, type : as in the event
    critical : bool
    header : bytes
    bodies : tuple of bytes
        Payloads in stored form, salt first.
    state : StateWrite or None
    """

    __slots__ = ("bodies", "critical", "hash", "header", "seq", "state", "time", "type")

    def __init__(
        self,
        seq: int,
        hash: bytes,
        time: float,
        type: str = "",
        critical: bool = False,
        header: bytes = b"",
        bodies: tuple[bytes, ...] = (),
        state: StateWrite | None = None,
    ) -> None:
        self.seq = seq
        self.hash = hash
        self.time = time
        self.type = type
        self.critical = critical
        self.header = header
        self.bodies = bodies
        self.state = state

    def strip(self) -> None:
        """Let go of the content once it is on disk."""
        self.header, self.bodies, self.state = b"", (), None
