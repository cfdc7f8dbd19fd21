"""A `Memory` as what the deep loop works on."""

from __future__ import annotations

import numpy as np

from engrain.base.arrays import BoolArray, I64Array, U16Array
from engrain.loops.material import Change, Links, Material, Progress
from engrain.loops.neighbours import unit_bfloat16
from engrain.loops.replay import LoggedQuestion
from engrain.memory import Memory
from engrain.memory.contents import Contents

MOST_QUESTIONS = 400


class MemoryStore:
    """Reads a memory's contents and logs the deep loop's changes as its events.

    Parameters
    ----------
    memory : Memory
    """

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def material(self) -> Material:
        """Return the memories that are shown and have a vector."""
        contents = self.memory.contents()
        held: BoolArray = np.asarray(contents.vectors.any(axis=1), np.bool_)
        handles = contents.handles[held]
        texts = [text for text, kept in zip(contents.texts, held, strict=True) if kept]
        return Material(
            handles,
            unit_bfloat16(contents.vectors[held]) if held.any() else _no_vectors(contents),
            contents.accesses[held],
            contents.quality[held],
            contents.known_since[held],
            contents.accessed[held],
            contents.faded[held],
            _links(contents, handles),
            self._questions(handles),
            lambda row: texts[row] or "",
        )

    def apply(self, change: Change) -> None:
        """Log the change and wait until it is on disk."""
        self.memory.reorganise(change)
        self.memory.flush()

    def progress(self) -> Progress:
        """Return how far the last run came."""
        return self.memory.progress

    def _questions(self, handles: I64Array) -> tuple[LoggedQuestion, ...]:
        found = []
        for answered in self.memory.answered(MOST_QUESTIONS):
            ranked, _ = _rows(handles, answered.ranked)
            relevant, _ = _rows(handles, answered.relevant)
            found.append(LoggedQuestion(ranked, relevant))
        return tuple(found)


def _rows(handles: I64Array, wanted: I64Array) -> tuple[I64Array, BoolArray]:
    """Return the rows of those of `wanted` that are among the ascending `handles`, and which."""
    if not len(handles):
        return np.zeros(0, np.int64), np.zeros(len(wanted), np.bool_)
    place = np.minimum(np.searchsorted(handles, wanted), len(handles) - 1)
    held: BoolArray = handles[place] == wanted
    return place[held], held


def _links(contents: Contents, handles: I64Array) -> Links:
    _, first = _rows(handles, contents.ends[:, 0])
    _, second = _rows(handles, contents.ends[:, 1])
    held = first & second
    a, _ = _rows(handles, contents.ends[held, 0])
    b, _ = _rows(handles, contents.ends[held, 1])
    return Links(a, b, contents.weights[held], contents.kinds[held])


def _no_vectors(contents: Contents) -> U16Array:
    return np.zeros((0, max(1, contents.vectors.shape[1])), np.uint16)
