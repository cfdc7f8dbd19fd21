"""The receipt of one event: its place in the chain, and how to wait until it is on disk."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from engrain.storage.records import Head


class Durable(Protocol):
    """What a receipt asks of its log."""

    @property
    def durable_seq(self) -> int: ...

    def wait_durable(self, seq: int, timeout: float | None) -> None: ...

    async def await_durable(self, seq: int) -> None: ...


class Receipt:
    """Proof of an event: keep (seq, hash) elsewhere to detect later tampering.

    ``await receipt`` waits in asyncio as `wait` does elsewhere.

    Attributes
    ----------
    seq : int
    hash : bytes
    """

    __slots__ = ("_log", "hash", "seq")

    def __init__(self, seq: int, hash: bytes, log: Durable) -> None:
        self.seq = seq
        self.hash = hash
        self._log = log

    def __repr__(self) -> str:
        return f"Receipt(seq={self.seq}, hash={self.hash.hex()[:16]}…)"

    @property
    def head(self) -> Head:
        """The end of the chain as it was right after this event."""
        return Head(self.seq, self.hash)

    def done(self) -> bool:
        """Tell whether the event is durable."""
        return self._log.durable_seq >= self.seq

    def wait(self, timeout: float | None = None) -> None:
        """Block until the event is durable.

        Parameters
        ----------
        timeout : float or None
            Seconds.

        Raises
        ------
        DurabilityLost
            The event could not be written.
        TimeoutError
        ForkedMemory
            In a child process.
        """
        self._log.wait_durable(self.seq, timeout)

    def __await__(self) -> Generator[Any, None, None]:
        return self._log.await_durable(self.seq).__await__()
