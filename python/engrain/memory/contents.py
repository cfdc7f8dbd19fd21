"""What a memory holds, as arrays and as answered questions: what the deep loop works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.memory.answering import ask, rank
from engrain.memory.state import Judgment, State
from engrain.memory.traces import OpenTrace

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """Memories that are shown for themselves.

    Attributes
    ----------
    handles : ndarray of int64, shape (n,)
        Ascending.
    vectors : ndarray of float32, shape (n, dim)
        Less the mean, of length 1; 0 where a memory has none.
    texts : list of str or None
    accesses : ndarray of int64, shape (n,)
    quality : ndarray of float64, shape (n,)
        Mean outcome, NaN where nothing was said.
    known_since : ndarray of float64, shape (n,)
        When a run of the deep loop first saw it, in seconds since the epoch; inf where none did.
    accessed : ndarray of float64, shape (n,)
        Seconds since the epoch.
    faded : ndarray of bool, shape (n,)
    ends : ndarray of int64, shape (m, 2)
        Links between handles, some of which may be merged into others.
    weights : ndarray of float64, shape (m,)
    kinds : ndarray of int64, shape (m,)
    """

    handles: I64Array
    vectors: F32Array
    texts: list[str | None]
    accesses: I64Array
    quality: F64Array
    known_since: F64Array
    accessed: F64Array
    faded: BoolArray
    ends: I64Array
    weights: F64Array
    kinds: I64Array


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """A question with known answers.

    Attributes
    ----------
    ranked : ndarray of int64
        Handles found for it, best first.
    relevant : ndarray of int64
        Handles of its answers.
    """

    ranked: I64Array
    relevant: I64Array


def read_contents(state: State) -> Contents:
    """Return what is shown of a state."""
    catalog, order = state.catalog, state.order
    live = catalog.live()
    handles = live[order.shown(live)]
    if state.settings.dims:
        vectors = state.index.centred(0, handles)
    else:
        vectors = np.zeros((len(handles), 0), np.float32)
    records = [catalog.record(handle) for handle in handles.tolist()]
    usage = catalog.columns(handles)
    links = state.links.state()
    return Contents(
        handles,
        vectors,
        [record.text for record in records],
        usage["accesses"],
        usage["quality"],
        order.known_since(handles),
        usage["accessed"],
        np.isin(handles, list(order.faded)),
        links["ends"],
        links["weights"],
        links["kinds"],
    )


def read_answered(state: State, most: int, now: float) -> list[Answered]:
    """Return the latest judged and fed-back questions, `most` of each at most."""
    judged = [_judged(state, judgment, now) for judgment in _latest(state.judgments, most)]
    clicked = [_clicked(state, trace) for trace in _latest(state.clicks, most)]
    return [answered for answered in judged + clicked if len(answered.relevant)]


def _judged(state: State, judgment: Judgment, now: float) -> Answered:
    question = judgment.question
    request = ask(state, question.text, question.raw, question.scope)
    ranked = rank(state, request, now, exclude=judgment.number)
    alive = state.catalog.alive(judgment.handles)
    relevant = state.order.standing(judgment.handles[alive & (judgment.grades > 0)])
    return Answered(ranked.best(len(ranked.handles)).handles, relevant)


def _clicked(state: State, trace: OpenTrace) -> Answered:
    told = np.frombuffer(trace.outcomes or b"", np.float32)
    alive = state.catalog.alive(trace.handles)
    relevant = state.order.standing(trace.handles[alive & (told > 0.5)])
    return Answered(trace.handles[alive], relevant)


def _latest(items: Sequence[T], most: int) -> list[T]:
    return list(items)[-most:] if most else []
