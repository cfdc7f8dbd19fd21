"""The fit of the ranking weights to all kept lessons at once.

Judged questions enter with leave-one-out rows: their features are computed anew from today's
evidence with the question's own part taken out, because rows that have seen their own reward teach
blind trust. Fed-back recalls enter with the rows that were logged when they were shown: only the
last ones, since older rows were written when there was less evidence, and teach to trust it less.
What users click because it stands high is told apart from what they click because it helps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, I64Array
from engrain.kernels.ranking import zero_untold
from engrain.memory.answering import Ranked, ask, is_static, rank
from engrain.memory.codec import Arrays
from engrain.memory.fit import FitReport
from engrain.memory.learner import JUDGE_LAMBDA, JUDGE_OMEGA, click_lambda, outcomes_of
from engrain.memory.state import Judgment, State

MOST_JUDGED = 800
MOST_CLICKED = 350
LEAST_LESSONS = 10
LEAST_RECURRING = 0.6


@dataclass(frozen=True, slots=True)
class RefitReport:
    """What a refit did.

    Attributes
    ----------
    fitted : bool
        False while there are too few lessons; nothing was changed then.
    judged, clicked : int
        Lessons that took part.
    loss, static_loss : float
        Mean softmax log-loss of the lessons under the new weights, and under those learned without
        evidence, in nats.
    weights : dict of str to float
    place_bias : float
        By how much a recall's outcomes fall with the log of the rank beyond what scores explain, at
        least 0. It is told apart from the weights, which say what helps wherever it stands.
    """

    fitted: bool
    judged: int
    clicked: int
    loss: float
    static_loss: float
    weights: dict[str, float]
    place_bias: float = 0.0


@dataclass(slots=True)
class Lessons:
    """Rows of several questions, one below the other.

    Attributes
    ----------
    rows : list of ndarray of float32, shape (n_i, columns)
    targets : list of ndarray of float32, shape (n_i,)
    statics : list of ndarray of bool, shape (n_i,)
        Which rows are candidates without any evidence.
    prominence : list of ndarray of float32, shape (n_i,)
        How much each row's place drew the user.
    values, lams : list of float
        How much each question counts, and the prior precision of its kind of teacher.
    """

    rows: list[F32Array] = field(default_factory=list)
    targets: list[F32Array] = field(default_factory=list)
    statics: list[BoolArray] = field(default_factory=list)
    prominence: list[F32Array] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lams: list[float] = field(default_factory=list)

    def add(
        self,
        rows: F32Array,
        outcomes: F32Array,
        static: BoolArray,
        prominence: F32Array,
        value: float,
        lam: float,
    ) -> None:
        """Add a question; one of value 0 or whose outcomes are all 0 teaches no direction."""
        if value > 0 and outcomes.any():
            self.rows.append(rows)
            self.targets.append(outcomes)
            self.statics.append(static)
            self.prominence.append(prominence)
            self.values.append(value)
            self.lams.append(lam)

    def recurring(self, count: int) -> float:
        """Return the share of questions answered by a memory that another one had rewarded.

        A question counts as far as its principal may move weights; `count` is e:count's column.
        """
        known = [
            bool((rows[targets > 0, count] > 0).any())
            for rows, targets in zip(self.rows, self.targets, strict=True)
        ]
        return float(np.average(known, weights=np.minimum(self.values, 1.0)))

    def without_evidence(self) -> Lessons:
        """Return the lessons as static columns alone would have had them."""
        kept = Lessons()
        parts = (self.rows, self.targets, self.prominence, self.statics)
        for *of_rows, static, value, lam in zip(*parts, self.values, self.lams, strict=True):
            rows, targets, prominence = (part[static] for part in of_rows)
            kept.add(rows, targets, static[static], prominence, value, lam)
        return kept

    def stacked(self) -> tuple[F32Array, F32Array, I64Array]:
        """Return rows, outcomes and offsets, one question below the other."""
        sizes = [0, *(len(rows) for rows in self.rows)]
        return (
            np.concatenate(self.rows),
            np.concatenate(self.targets),
            np.cumsum(sizes, dtype=np.int64),
        )


class Refitting:
    """A refit in three parts: `read` and `prepare` need the state to themselves, `fit` does not.

    Parameters
    ----------
    state : State
    now : float
        Seconds since the epoch.
    """

    def __init__(self, state: State, now: float) -> None:
        self.state, self._now = state, now
        judgments = list(state.judgments)
        self._clicks = [trace for trace in state.clicks if trace.share > 0][-MOST_CLICKED:]
        self._counts = len(judgments), len(self._clicks)
        enough = sum(self._counts) >= LEAST_LESSONS
        self._ridge = state.learner.evidence.refit_ridge() if enough else None
        self._waiting = deque(_evenly(judgments, MOST_JUDGED) if enough else ())
        self._lessons = Lessons()
        self._problems: dict[str, Callable[[], FitReport]] = {}
        self._recurring = False

    def read(self, most: int) -> bool:
        """Compute the rows of up to `most` more judged questions; tell whether some are left."""
        with self.state.learner.evidence.trying_ridge(self._ridge):
            for _ in range(min(most, len(self._waiting))):
                judgment = self._waiting.popleft()
                rows, outcomes, static, seen = judged_rows(self.state, judgment, self._now)
                value = judgment.share * (1.0 if seen else 1.0 + JUDGE_OMEGA)
                even = np.zeros(len(rows), np.float32)
                self._lessons.add(rows, outcomes, static, even, value, JUDGE_LAMBDA)
        return bool(self._waiting)

    def prepare(self) -> None:
        """Take from the models what the fits need."""
        learner, lessons = self.state.learner, self._lessons
        if sum(self._counts) >= LEAST_LESSONS:
            self._add_clicks()
        if not lessons.rows:
            return
        self._recurring = lessons.recurring(learner.names.index("e:count")) >= LEAST_RECURRING
        static = lessons.without_evidence()
        parts = (
            ("model", learner.model, lessons),
            ("control", learner.control, static if static.rows else lessons),
        )
        for name, model, taught in parts:
            rows, targets, offsets = taught.stacked()
            with learner.trying_corrections(self._recurring):
                self._problems[name] = model.fitting(
                    rows,
                    targets,
                    offsets,
                    value=np.array(taught.values),
                    lam=np.array(taught.lams),
                    prominence=np.concatenate(taught.prominence),
                )

    def _add_clicks(self) -> None:
        for trace in self._clicks:
            told = np.frombuffer(trace.outcomes or b"", np.float32)
            outcomes = np.zeros(len(trace.listed), np.float32)
            outcomes[: len(told)] = zero_untold(told)
            static = np.ones(len(outcomes), np.bool_)
            placed, lam = prominence(len(trace.handles), len(outcomes)), click_lambda(trace)
            self._lessons.add(trace.listed, outcomes, static, placed, trace.share, lam)

    def fit(self) -> tuple[Arrays | None, RefitReport]:
        """Fit the full model and its control.

        Returns
        -------
        arrays or None
            What to log and apply; None while there are too few lessons.
        report : RefitReport
        """
        if not self._problems:
            return None, RefitReport(False, *self._counts, np.nan, np.nan, {})
        arrays: Arrays = {} if self._ridge is None else {"ridge": self._ridge}
        arrays["corrections"] = np.array([self._recurring])
        reports = {name: problem() for name, problem in self._problems.items()}
        for name, fitted in reports.items():
            arrays[f"{name}/weights"] = fitted.weights
            arrays[f"{name}/scales"] = fitted.scales
            arrays[f"{name}/precision"] = fitted.precision
        names = self.state.learner.names
        weights = dict(zip(names, reports["model"].weights.tolist(), strict=True))
        full, control = reports["model"], reports["control"]
        losses = full.loss, control.loss
        return arrays, RefitReport(True, *self._counts, *losses, weights, full.place_bias)


def judged_rows(
    state: State, judgment: Judgment, now: float
) -> tuple[F32Array, F32Array, BoolArray, bool]:
    """Return rows without the question's own evidence, outcomes, and whether any was known.

    The third tells which rows are candidates without any evidence.
    """
    question = judgment.question
    alive = state.catalog.alive(judgment.handles)
    handles, grades = judgment.handles[alive], judgment.grades[alive]
    request = ask(state, question.text, question.raw, question.scope)
    ranked = rank(state, request, now, exclude=judgment.number)
    outcomes = outcomes_of(ranked.handles, handles, np.minimum(grades, 1.0))
    _as_components_said(ranked, judgment)
    count = state.learner.names.index("e:count")
    static = is_static(request, ranked.handles)
    return ranked.rows, outcomes, static, bool((ranked.rows[outcomes > 0, count] > 0).any())


def _as_components_said(ranked: Ranked, judgment: Judgment) -> None:
    """Put back what components had said before they learned from the judgment; 0 elsewhere."""
    count = judgment.columns.shape[1]
    if not count:
        return
    own = ranked.rows[:, -count:]
    own[:] = 0.0
    _, here, there = np.intersect1d(
        ranked.handles, judgment.candidates, assume_unique=True, return_indices=True
    )
    own[here] = judgment.columns[there]


def prominence(shown: int, listed: int) -> F32Array:
    """Return minus the log of each rank, shape (listed,).

    Rows below that were not shown have the mean of the others: their place says nothing.
    """
    ranked = -np.log(np.arange(1, shown + 1, dtype=np.float32))
    return np.append(ranked, np.full(listed - shown, ranked.sum() / max(1, shown), np.float32))


T = TypeVar("T")


def _evenly(items: Sequence[T], most: int) -> Sequence[T]:
    """Take at most `most` of the items, evenly spread over time."""
    if len(items) <= most:
        return items
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, most)]
