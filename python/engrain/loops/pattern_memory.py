"""Patterns as a gated memory for recall: what helped questions of a kind helps the next one."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I64Array
from engrain.base.errors import ShapeError
from engrain.base.protocols import Query, Record, Trace

KEPT_LESSONS = 4096
MOST_PATTERNS = 256
OPEN = 0.3  # cosine at which a pattern's gate begins to open
READ = 4
UNIT = 1 << 20  # masses are whole multiples of 1 / UNIT, so that sums do not depend on their order


@dataclass(frozen=True, slots=True, eq=False)
class _Lesson:
    vector: F32Array
    handles: tuple[int, ...]
    masses: tuple[int, ...]
    pattern: int


class PatternMemory:
    """A ranking component: the share of a pattern's reward that a memory earned, gated by cosine.

    ``score(m) = sum_p g_p mass_p(m) / (1 + mass_p)`` over the patterns p nearest to the question,
    ``g_p = max(0, cos - 0.3) / 0.7`` normalised so that their sum is at most 1. Patterns come from
    the background loop through `adopt`; rewards come from feedback on what was shown.

    Attributes
    ----------
    name : str
        "patterns", as in ``Memory(components=["patterns"])``.
    """

    name = "patterns"
    version = 1
    kind: Literal["static", "evidence"] = "evidence"
    sign: Literal[-1, 0, 1] = 1

    def __init__(self) -> None:
        self._centroids: F32Array = np.zeros((0, 0), np.float32)
        self._lessons: deque[_Lesson] = deque()
        self._masses: list[dict[int, int]] = []
        self._totals: list[int] = []

    def remember(self, record: Record) -> None:
        """Do nothing: patterns are about questions."""

    def forget(self, handle: int) -> None:
        """Drop what a memory earned."""
        if any(handle in lesson.handles for lesson in self._lessons):
            self._keep([_without(lesson, handle) for lesson in self._lessons])

    def score(self, query: Query, handles: I64Array, out: F32Array) -> None:
        """Write each candidate's gated share of reward into `out`."""
        out[:] = 0.0
        for pattern, gate in self._open(query.vector):
            mass, total = self._masses[pattern], self._totals[pattern]
            shares = [mass.get(handle, 0) / (UNIT + total) for handle in handles.tolist()]
            out += np.float32(gate) * np.array(shares, np.float32)

    def learn(self, trace: Trace, outcomes: F32Array) -> None:
        """Credit what helped to the pattern of the question."""
        vector = trace.query.vector
        helped = np.flatnonzero(outcomes > 0)
        if vector is None or not len(helped):
            return
        masses = tuple(round(float(x) * UNIT) for x in np.minimum(outcomes[helped], 1.0))
        handles = tuple(trace.handles[helped].tolist())
        lesson = _Lesson(vector.astype(np.float32), handles, masses, self._nearest(vector))
        self._lessons.append(lesson)
        self._credit(lesson, 1)
        if len(self._lessons) > KEPT_LESSONS:
            self._credit(self._lessons.popleft(), -1)

    def adopt(self, found: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over ``centroids``, shape (patterns, dim), and credit all kept lessons anew.

        Raises
        ------
        ShapeError
            More than 256 patterns, or of another width than the kept questions; nothing was
            changed.
        """
        centroids = found["centroids"]
        width = self._lessons[0].vector.size if self._lessons else centroids.shape[-1]
        if centroids.ndim != 2 or len(centroids) > MOST_PATTERNS or centroids.shape[1] != width:
            raise ShapeError(
                f"centroids: expected shape (at most {MOST_PATTERNS}, {width}), got "
                f"{centroids.shape}"
            )
        self._centroids = np.array(centroids, np.float32, order="C")
        self._keep([_moved(lesson, self._nearest(lesson.vector)) for lesson in self._lessons])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Return patterns and lessons: restores bit for bit with `load`."""
        lessons = self._lessons
        dim = self._centroids.shape[1] if len(self._centroids) else 0
        dim = lessons[0].vector.size if lessons else dim
        return {
            "centroids": self._centroids.copy(),
            "vectors": np.array([x.vector for x in lessons], np.float32).reshape(len(lessons), dim),
            "sizes": np.array([len(x.handles) for x in lessons], np.int64),
            "handles": np.array([h for x in lessons for h in x.handles], np.int64),
            "masses": np.array([m for x in lessons for m in x.masses], np.int64),
            "patterns": np.array([x.pattern for x in lessons], np.int64),
        }

    def load(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take over what `state` returned."""
        self._centroids = np.array(state["centroids"], np.float32, order="C")
        ends = np.cumsum(state["sizes"])[:-1]
        rows = zip(
            state["vectors"],
            np.split(state["handles"], ends) if len(state["sizes"]) else [],
            np.split(state["masses"], ends) if len(state["sizes"]) else [],
            state["patterns"].tolist(),
            strict=True,
        )
        self._keep(
            [_Lesson(v.copy(), tuple(h.tolist()), tuple(m.tolist()), p) for v, h, m, p in rows]
        )

    def _open(self, vector: F32Array | None) -> list[tuple[int, float]]:
        """Return the nearest patterns whose gate is open, and how far."""
        if vector is None or not len(self._centroids):
            return []
        gates = (self._centroids @ vector.astype(np.float32) - OPEN) / (1.0 - OPEN)
        best = np.argsort(-gates, kind="stable")[:READ]
        best = best[gates[best] > 0]
        scale = max(1.0, float(gates[best].sum()))
        return [(int(p), float(gates[p]) / scale) for p in best]

    def _nearest(self, vector: F32Array) -> int:
        """Return the pattern of a question, -1 where none is near."""
        opened = self._open(vector)
        return opened[0][0] if opened else -1

    def _credit(self, lesson: _Lesson, sign: int) -> None:
        if lesson.pattern < 0:
            return
        mass = self._masses[lesson.pattern]
        for handle, amount in zip(lesson.handles, lesson.masses, strict=True):
            left = mass.get(handle, 0) + sign * amount
            mass[handle] = left
            if not left:
                del mass[handle]
            self._totals[lesson.pattern] += sign * amount

    def _keep(self, lessons: list[_Lesson]) -> None:
        """Hold these lessons and the sums that follow from them."""
        self._lessons = deque(lessons)
        self._masses = [{} for _ in self._centroids]
        self._totals = [0] * len(self._centroids)
        for lesson in lessons:
            self._credit(lesson, 1)


def _moved(lesson: _Lesson, pattern: int) -> _Lesson:
    return _Lesson(lesson.vector, lesson.handles, lesson.masses, pattern)


def _without(lesson: _Lesson, handle: int) -> _Lesson:
    if handle not in lesson.handles:
        return lesson
    kept = [i for i, other in enumerate(lesson.handles) if other != handle]
    return _Lesson(
        lesson.vector,
        tuple(lesson.handles[i] for i in kept),
        tuple(lesson.masses[i] for i in kept),
        lesson.pattern,
    )
