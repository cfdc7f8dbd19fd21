"""From a request to ranked memories: candidates, component scores, order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, I64Array
from engrain.kernels.hits import Hit, list_beside, take_best
from engrain.memory.evidence import Similar
from engrain.memory.index import Search
from engrain.memory.question import Question
from engrain.memory.state import State

CANDIDATES = 100
AROUND = 60  # more of them in dialogues, by their neighbours
PROPOSED = 20
UNSHOWN = 12
RUNNERS = 5  # that would have been shown next


class Request(NamedTuple):
    """A question with the static scores of its scope."""

    question: Question
    search: Search


class Ranked(NamedTuple):
    """Candidates with their component scores.

    Attributes
    ----------
    handles : ndarray of int64, shape (n,)
        Ascending.
    rows : ndarray of float32, shape (n, columns)
    scores : ndarray of float32, shape (n,)
    """

    handles: I64Array
    rows: F32Array
    scores: F32Array

    def best(self, k: int) -> Ranked:
        """Return the `k` best, best first, ties by insertion."""
        return Ranked(*take_best(self.handles, self.rows, self.scores, k))

    def joined(self, other: Ranked) -> Ranked:
        """Return these and then the others."""
        return Ranked(
            np.concatenate([self.handles, other.handles]),
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.scores, other.scores]),
        )


def ask(state: State, text: str, raw: Sequence[F32Array | None], scope: int) -> Request:
    """Score a request against every memory of its scope."""
    search = state.index.search(text, raw, scope)
    question = Question(
        text, scope, tuple(raw), search.rounded, search.terms, search.counts, search.idf
    )
    return Request(question, search)


def rank(state: State, request: Request, now: float, exclude: int = -1) -> Ranked:
    """Rank the candidates of a request: the static best and those that evidence proposes.

    `exclude` is a past question whose evidence is left out.
    """
    learner = state.learner
    similar = learner.similar(request.question, exclude)
    proposed = learner.evidence.propose(similar, PROPOSED)
    handles = request.search.candidates(CANDIDATES, proposed, AROUND)
    if state.order.merged:
        handles = handles[state.order.shown(handles)]
    return _scored(state, request, handles, similar, now, exclude)


def beside(ranked: Ranked, shown: Ranked) -> tuple[F32Array, int]:
    """Return the rows of what is shown and, below, of up to 12 candidates that are not.

    Last stand those of up to 5 runners-up, for the ledger alone, and their number comes beside.

    Learning from the shown alone mistakes what sets them apart from one another for what sets them
    apart from the rest (selection on the score). Every candidate is equally likely: they are taken
    at equal distances from a start that a hash of the scores decides (systematic sampling;
    Madow & Madow, Annals of Mathematical Statistics 15 (1944) 1-24).
    """
    return list_beside(
        ranked.handles, ranked.rows, ranked.scores, shown.handles, shown.rows, UNSHOWN, RUNNERS
    )


def is_static(request: Request, handles: I64Array) -> BoolArray:
    """Tell which of the handles are candidates without any evidence, shape (n,)."""
    static = request.search.candidates(CANDIDATES, np.empty(0, np.int64), AROUND)
    if not len(static):
        return np.zeros(len(handles), dtype=bool)
    place = np.searchsorted(static, handles)  # both ascend
    found: BoolArray = static[np.minimum(place, len(static) - 1)] == handles
    return found


def neighbours(state: State, request: Request, shown: Ranked, most: int, now: float) -> Ranked:
    """Return up to `most` linked neighbours of what is shown, strongest link first.

    Memories that are merged into others, or faded, are passed over.
    """
    hidden = state.order.merged.keys() | state.order.faded
    linked = np.array(state.links.strongest(shown.handles.tolist(), most, hidden), np.int64)
    if len(linked):
        linked = linked[np.isin(linked, state.index.members(request.question.scope))]
    if not len(linked):
        return shown.best(0)
    return _scored(state, request, linked, state.learner.similar(request.question), now, -1)


def _scored(
    state: State,
    request: Request,
    handles: I64Array,
    similar: Similar,
    now: float,
    exclude: int,
) -> Ranked:
    block = request.search.gather(handles, len(state.learner.names))
    rows = state.learner.rows(request.question, request.search, block, similar, now, exclude)
    return Ranked(handles, rows, state.learner.score(rows))


def hits(state: State, ranked: Ranked) -> tuple[Hit, ...]:
    """Present ranked memories."""
    learner = state.learner
    addends = learner.guard.addends(ranked.rows)
    return state.catalog.hits(ranked.handles, ranked.scores, learner.names, addends)
