"""A memory under evaluation: filled with a data set, asked and taught question by question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np

from engrain.base.arrays import F32Array
from engrain.base.clock import SimulatedClock
from engrain.evaluation.datasets import Dataset, Document, Question
from engrain.memory import Candidates, Memory, Recall
from engrain.memory.prior import Prior

SHOWN = 10
SECONDS_PER_REQUEST = 60.0
FIRST_DAY = 1_700_000_000.0

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Stopwatch:
    """Durations of calls in microseconds, by kind of call."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    def time(self, kind: str, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call, and note how long it took."""
        start = perf_counter_ns()
        result = call(*args, **kwargs)
        self.taken.setdefault(kind, []).append((perf_counter_ns() - start) / 1000)
        return result

    def add(self, other: Stopwatch) -> None:
        """Take over the durations of another one."""
        for kind, taken in other.taken.items():
            self.taken.setdefault(kind, []).extend(taken)

    def percentile(self, kind: str, q: float) -> float:
        """Return a percentile in microseconds, 0 where nothing was timed."""
        taken = self.taken.get(kind)
        return float(np.percentile(taken, q)) if taken else 0.0


class Subject:
    """A memory in a temporary file, holding the documents of a data set.

    Parameters
    ----------
    dataset : Dataset
    path : Path
        The file to be made.
    components : sequence of str
        Further components by entry-point name.
    stopwatch : Stopwatch
        Where recalls and feedback are timed.
    prior : {"base", "fixed", "auto"}
        Of the memory.
    explore : float
        Of the memory.
    """

    def __init__(
        self,
        dataset: Dataset,
        path: Path,
        components: Sequence[str],
        stopwatch: Stopwatch,
        prior: Prior = "base",
        explore: float = 0.0,
    ) -> None:
        self.dataset = dataset
        self.stopwatch = stopwatch
        times = [d.time for d in dataset.documents if d.time is not None]
        self.clock = SimulatedClock(max([*times, FIRST_DAY]) + SECONDS_PER_REQUEST)
        self.memory = Memory(
            path,
            dim=dataset.dim,
            components=components,
            clock=self.clock,
            prior=prior,
            explore=explore,
        )
        self.memory.remember_many(self._items())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.memory.close()

    def study(self, index: int) -> Candidates:
        """Return what a recall of question `index` would rank; the memory does not change."""
        question = self.dataset.questions[index]
        return self.memory.candidates(
            question.text, vector=self._vector(index), filter=scope_of(question)
        )

    def ask(self, index: int) -> Recall:
        """Recall the ten best for question `index`; one simulated minute passes."""
        self.clock.advance(SECONDS_PER_REQUEST)
        question = self.dataset.questions[index]
        return self.stopwatch.time(
            "recall",
            self.memory.recall,
            question.text,
            SHOWN,
            vector=self._vector(index),
            filter=scope_of(question),
        )

    def glance(self, index: int) -> Recall:
        """Recall the ten best for question `index` and leave no trace of it."""
        question = self.dataset.questions[index]
        return self.stopwatch.time(
            "recall",
            self.memory.recall,
            question.text,
            SHOWN,
            vector=self._vector(index),
            filter=scope_of(question),
            log=False,
        )

    def answer(self, recall: Recall, outcomes: Mapping[Any, float], *, joint: bool = False) -> None:
        """Give the outcomes of what `recall` showed, or one `joint` reward for all of it."""
        told = {"outcome": max(outcomes.values(), default=0.0)} if joint else {"outcomes": outcomes}
        self.stopwatch.time("feedback", self.memory.feedback, recall, **told)

    def judge(self, index: int) -> None:
        """Hand over the judgments of question `index`."""
        self.clock.advance(SECONDS_PER_REQUEST)
        question = self.dataset.questions[index]
        self.stopwatch.time(
            "feedback",
            self.memory.judge,
            question.text,
            dict.fromkeys(sorted(question.relevant), 1.0),
            vector=self._vector(index),
            filter=scope_of(question),
        )

    def _vector(self, index: int) -> F32Array | None:
        vectors = self.dataset.question_vectors
        return None if vectors is None else vectors[index]

    def _items(self) -> list[dict[str, Any]]:
        vectors = self.dataset.document_vectors
        return [
            as_item(document, None if vectors is None else vectors[place])
            for place, document in enumerate(self.dataset.documents)
        ]


def scope_of(question: Question) -> dict[str, Any] | None:
    """Return the filter of a question: its conversation, or nothing."""
    return None if question.conv is None else {"conv": question.conv}


def as_item(document: Document, vector: F32Array | None) -> dict[str, Any]:
    """Return the arguments of `Memory.remember`."""
    return {
        "text": document.text,
        "vector": vector,
        "id": document.id,
        "metadata": dict(document.metadata),
        "source": document.source,
        "sequence": document.sequence,
        "time": document.time,
    }
