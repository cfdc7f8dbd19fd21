"""What the log has to teach the background loops: answered recalls and judgments, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from engrain.base.arrays import F32Array, I64Array
from engrain.memory import events
from engrain.memory.answering import ask, rank
from engrain.memory.question import Question
from engrain.memory.state import State
from engrain.storage import Event, EventLog

KEPT_RECALLS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One request whose outcome is known.

    Attributes
    ----------
    seq : int
        Of the event that taught it.
    query : ndarray of float32, shape (dim,), or None
        The question's centred vector; None where it had none, or was erased.
    handles : ndarray of int64, shape (k,)
        The memories that were spoken of.
    direction : ndarray of float32, shape (dim,)
        Mean vector of those that helped less that of the others; 0 where one side is missing.
    quality : float
        In [0, 1]: of the answer where it was given, else the best outcome.
    latency_ratio : float
        Latency over its target, 1 where they were not given.
    model : int or None
        The model tier that answered.
    propensity : float
        Probability with which the last of the shown stood in its place.
    """

    seq: int
    query: F32Array | None
    handles: I64Array
    direction: F32Array
    quality: float
    latency_ratio: float
    model: int | None
    propensity: float = 1.0


def read_lessons(state: State, log: EventLog, after: int, most: int) -> list[Lesson]:
    """Return at most `most` lessons after a seq; what rollbacks unlearned is left out."""
    return list(islice(_lessons(state, log, after), most))


def _lessons(state: State, log: EventLog, after: int) -> Iterator[Lesson]:
    recalls: dict[int, Event] = {}
    for event in log.events(after, {events.RECALLED, events.FED_BACK, events.JUDGED}):
        if event.type == events.RECALLED:
            recalls[event.seq] = event
            if len(recalls) > KEPT_RECALLS:
                del recalls[next(iter(recalls))]
        elif not any(rule.leaves_out(event) for rule in state.rules):
            yield _read(state, log, event, recalls)


def _read(state: State, log: EventLog, event: Event, recalls: dict[int, Event]) -> Lesson:
    meta, arrays = events.content(event, 0)
    if event.type == events.JUDGED:
        question = Question.decode(event.payloads[events.QUESTION], meta["scope"])
        return _lesson(state, event.seq, question, arrays["judged"], arrays["grades"], meta)
    recall = recalls.get(meta["trace"]) or log.read(meta["trace"])
    about, shown = events.content(recall, 0)
    question = Question.decode(recall.payloads[events.QUESTION], about["scope"])
    return _lesson(state, event.seq, question, shown["handles"], arrays["outcomes"], meta | about)


def retest(
    state: State, log: EventLog, seqs: Sequence[int], k: int, now: float
) -> dict[int, bool | None]:
    """Tell for each lesson whether one of its answers is among the k best today.

    None where the question was erased, or none of its answers is held any more.
    """
    return {event.seq: _answered(state, log, event, k, now) for event in log.read_many(seqs)}


def _answered(state: State, log: EventLog, event: Event, k: int, now: float) -> bool | None:
    meta, arrays = events.content(event, 0)
    asked = event if event.type == events.JUDGED else log.read(meta["trace"])
    payload = asked.payloads[events.QUESTION]
    about, shown = events.content(asked, 0)
    judged = event.type == events.JUDGED
    handles, told = (
        (arrays["judged"], arrays["grades"]) if judged else (shown["handles"], arrays["outcomes"])
    )
    answers = handles[state.catalog.alive(handles) & (told > 0.5)]
    if payload is None or not len(answers):
        return None
    question = Question.decode(payload, about["scope"])
    request = ask(state, question.text, question.raw, question.scope)
    best = rank(state, request, now).best(k).handles
    return bool(np.isin(state.order.standing(answers), best).any())


def _lesson(
    state: State,
    seq: int,
    question: Question,
    handles: I64Array,
    told: F32Array,
    meta: dict[str, Any],
) -> Lesson:
    spoken = ~np.isnan(told) & state.catalog.alive(handles)
    handles, outcomes = handles[spoken], np.minimum(told[spoken], 1.0)
    best = float(outcomes.max()) if len(outcomes) else 0.0
    target = meta.get("target_latency_ms")
    ratio = meta["latency_ms"] / target if target and "latency_ms" in meta else 1.0
    return Lesson(
        seq,
        question.vector,
        handles,
        _direction(state, handles, outcomes),
        meta.get("quality", best),
        ratio,
        meta.get("model_tier"),
        meta.get("propensity", 1.0),
    )


def _direction(state: State, handles: I64Array, outcomes: F32Array) -> F32Array:
    dim = state.settings.dims[0] if state.settings.dims else 0
    helped = outcomes > 0.5
    if not dim or not helped.any() or helped.all():
        return np.zeros(dim, np.float32)
    vectors = np.stack([state.index.vector(handle) for handle in handles.tolist()])
    difference: F32Array = vectors[helped].mean(0) - vectors[~helped].mean(0)
    return difference
