"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass

from engrain.base.errors import TamperedError
from engrain.storage.records import Head


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that does not verify; ids and lengths only, never content.

    Attributes
    ----------
    seq : int or None
        The event concerned, None for the file as a whole.
    what : str
    """

    seq: int | None
    what: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """Outcome of a verification.

    Attributes
    ----------
    head : Head
        End of the verified chain.
    events : int
    erased, dropped : int
        Payloads absent by an `erased` event, and by `drop_payload`.
    snapshots : int
    problems : tuple of Problem
        At most 100, in order of discovery.
    """

    head: Head
    events: int
    erased: int
    dropped: int
    snapshots: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems

    @property
    def first_bad(self) -> int | None:
        """Lowest seq that has a problem."""
        return min((p.seq for p in self.problems if p.seq is not None), default=None)

    def raise_if_bad(self) -> None:
        """Raise TamperedError naming the first problem."""
        if self.problems:
            worst = min(self.problems, key=lambda p: (p.seq is None, p.seq or 0))
            raise TamperedError(worst.what, worst.seq)
