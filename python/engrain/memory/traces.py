"""Open traces: what was shown, with the rows as they were before any learning from it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import UnknownTraceError
from engrain.kernels.loop import LoopTrace
from engrain.memory.question import Question


@dataclass(slots=True)
class OpenTrace:
    """One recall that may still receive feedback, or did; `share` of it may move weights.

    `kept` holds the rows of what was shown and, below them, of some candidates that were not; the
    last of these are the runners-up, which would have been shown next. `shown` is the trace of the
    learning loop, None in a state that was restored.
    """

    seq: int
    hash: bytes
    time: float
    session: str | None
    question: Question
    handles: I64Array
    kept: F32Array
    runners: int = 0
    outcomes: bytes | None = None
    answer: tuple[int, bytes] | None = None
    share: float = 1.0
    shown: LoopTrace | None = None

    @property
    def id(self) -> str:
        """The public trace id: the seq, and bytes of a salted hash that cannot be guessed."""
        return f"{self.seq}-{self.hash[:8].hex()}"

    @property
    def listed(self) -> F32Array:
        """Rows that weights learn from: all but those of the runners-up."""
        return self.kept[: len(self.kept) - self.runners]

    @property
    def rows(self) -> F32Array:
        """Rows of what was shown, shape (k, columns)."""
        return self.kept[: len(self.handles)]


class Traces:
    """The last `capacity` recalls; older ones expire, and feedback on them is refused."""

    def __init__(self, capacity: int = 4096) -> None:
        self.capacity = capacity
        self._open: OrderedDict[int, OpenTrace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, trace: OpenTrace) -> OpenTrace | None:
        """Add a trace and return the one that expires by it."""
        self._open[trace.seq] = trace
        return self._open.popitem(last=False)[1] if len(self._open) > self.capacity else None

    def seqs(self) -> I64Array:
        """Return the seqs of the open traces, oldest first."""
        return np.fromiter(self._open, np.int64, len(self._open))

    def at(self, seq: int) -> OpenTrace | None:
        """Return the open trace of the recall at `seq`."""
        return self._open.get(seq)

    def find(self, id: Any) -> OpenTrace:
        """Return the open trace that `id` names.

        Raises
        ------
        UnknownTraceError
            Never issued by this memory, or expired.
        """
        seq, _, _ = id.partition("-") if isinstance(id, str) else ("", "", "")
        trace = self._open.get(int(seq)) if seq.isdecimal() else None
        if trace is None or trace.id != id:
            raise UnknownTraceError(id)
        return trace
