"""A plain re-implementation of the columns that read a memory's context."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from engrain.base.arrays import F32Array, F64Array
from engrain.kernels import reference
from engrain.memory.index import StaticIndex, unit_rows
from tests.memory.collection import DIM
from tests.memory.words import WINDOW, window_bm25
from tests.strategies import normal

OPENING = ["wing", "lift in 3 days", "drag last week", "Mel saw it", "melanie", "theory of flow"]
PEOPLE = ["Melanie", "Caroline", "José María", None]


@dataclass
class Turn:
    """One memory as it was told."""

    text: str
    vector: F32Array
    sequence: int
    source: str | None
    time: float | None


def random_turn(rng: np.random.Generator, vector: F32Array) -> Turn:
    """Return a turn of one of two dialogues, or of none."""
    text = str(rng.choice(OPENING)) + str(rng.choice(["?", ".", "? "]))
    source = PEOPLE[int(rng.integers(len(PEOPLE)))]
    if source is not None and rng.random() < 0.5:
        text = f"{source}: {text}"
    day = datetime(2022, 11, 1, 20, tzinfo=UTC) + timedelta(days=int(rng.integers(0, 500)))
    time = None if rng.random() < 0.2 else day.timestamp()
    return Turn(text, vector, int(rng.integers(-1, 2)), source, time)


def talk(seed: int, n: int) -> tuple[StaticIndex, dict[int, Turn]]:
    """Return an index of n random turns and what it was told."""
    rng = np.random.default_rng(seed)
    index, told = StaticIndex([DIM]), {}
    for handle, vector in enumerate(unit_rows(normal(seed, n, DIM) + 0.5)):
        told[handle] = turn = random_turn(rng, vector)
        index.add(handle, turn.text, [vector], turn.sequence, turn.source, turn.time)
    return index, told


class Context:
    """The context of the members of one scope."""

    def __init__(self, told: dict[int, Turn], members: Sequence[int]) -> None:
        self.told, self.members = told, list(members)
        self.at = {handle: i for i, handle in enumerate(self.members)}
        self.lines: dict[int, list[int]] = defaultdict(list)
        for handle in sorted(told):
            if told[handle].sequence >= 0:
                self.lines[told[handle].sequence].append(handle)

    def neighbour(self, handle: int, step: int) -> int | None:
        """Return the handle so many turns on, where it is a member."""
        line = self.lines.get(self.told[handle].sequence, [])
        place = line.index(handle) + step if line else -1
        found = line[place] if 0 <= place < len(line) else None
        return found if found in self.at else None

    def shifted(self, scores: F64Array, step: int) -> F64Array:
        near = [self.neighbour(handle, step) for handle in self.members]
        return np.array([0.0 if h is None else scores[self.at[h]] for h in near])

    def window(self, scores: F64Array) -> F64Array:
        return sum((w * self.shifted(scores, o) for o, w in WINDOW.items()), np.zeros(len(scores)))

    def windows(self) -> tuple[list[str], list[dict[int, float]]]:
        """Return all texts, and the weights of those in the window of each member."""
        place = {handle: i for i, handle in enumerate(sorted(self.told))}
        near = [{o: self.neighbour(h, o) for o in WINDOW} for h in self.members]
        windows = [
            {place[h]: WINDOW[o] for o, h in around.items() if h is not None} for around in near
        ]
        return [self.told[h].text for h in sorted(self.told)], windows

    def sessions(self, question: str, static: F64Array) -> tuple[F64Array, F64Array]:
        """Return BM25 of the session's whole text and its best static score, standardized."""
        lines = [[h for h in line if h in self.at] for line in self.lines.values()]
        lines = [line for line in lines if line]
        texts = [[t for h in line for t in reference.terms_of(self.told[h].text)] for line in lines]
        text = np.zeros(len(self.members))
        best = np.zeros(len(self.members))
        if lines:
            bm25 = reference.bm25_scores(reference.terms_of(question), texts)
            tops = np.array([max(static[self.at[h]] for h in line) for line in lines])
            for line, b, m in zip(lines, _z(bm25), _z(tops), strict=True):
                rows = [self.at[h] for h in line]
                text[rows], best[rows] = b, m
        return text, best

    def rows(self, question: str, bm25: F64Array, cosine: F64Array) -> dict[str, F64Array]:
        """Return the columns of every member, by name; `bm25` and `cosine` are standardized."""
        static = bm25 + cosine
        sessbm, sessmax = self.sessions(question, static)
        turns = [self.told[h] for h in self.members]
        spoken = np.array([turn.sequence >= 0 for turn in turns], dtype=float)
        asks = np.array([turn.text.rstrip().endswith("?") for turn in turns], dtype=float)
        places = [
            self.lines[t.sequence].index(h) if t.sequence >= 0 else 0
            for h, t in zip(self.members, turns, strict=True)
        ]
        floored = np.maximum(static, -3)
        after = self.shifted(asks, -1)
        return {
            "x:winbm": window_bm25(question, *self.windows()),
            "x:wincos": self.window(cosine),
            "x:n-2": self.shifted(floored, -2),
            "x:n+2": self.shifted(floored, 2),
            "x:sessbm": sessbm,
            "x:sessmax": sessmax,
            "x:qmark": asks * spoken,
            "x:prevq": after,
            "x:prevq_score": after * np.maximum(0, self.shifted(floored, -1)),
            "x:pos": np.log1p(places),
        }


def _z(x: F64Array) -> F64Array:
    centred: F64Array = x - x.mean()
    return centred / (float(x.std()) + 1e-6)


def closeness(asked: tuple[int, int, int], time: float | None) -> float:
    """Return how close a time lies to (year, month, day), 0 where not said."""
    year, month, day = asked
    if time is None:
        return 0.0
    told = datetime.fromtimestamp(time, UTC).date()
    if month == 0:
        return 0.3 * (told.year == year)
    if year and abs(told.year - year) > 1:
        return 0.0
    years = [year] if year else [told.year - 1, told.year, told.year + 1]
    days = [
        abs((told - date(y, month, min(day, 28) if day else 15)).days - (3 if day else 0))
        for y in years
    ]
    return math.exp(-min(days) / (10 if day else 25))


def mentions(text: str, source: str | None, name: str) -> bool:
    """Tell whether a text names somebody, apart from the name of its speaker."""
    body = text.lower()
    if source is not None:
        body = body.removeprefix(f"{source.lower()}:")
    return name.lower() in re.findall(r"\w+", body)
