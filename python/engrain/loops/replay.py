"""Replaying logged questions: what a change of links and merges does to what they find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import I64Array

SHOWN = 10
LINKED = 5

Neighbours = Mapping[int, Sequence[tuple[int, float]]]


@dataclass(frozen=True, slots=True, eq=False)
class LoggedQuestion:
    """A question with a known answer, and what is found for it.

    Attributes
    ----------
    ranked : ndarray of int64, shape (k,)
        Rows of memories, best first, without the evidence of the question itself.
    relevant : ndarray of int64
        Rows that answered it.
    """

    ranked: I64Array
    relevant: I64Array


@dataclass(frozen=True, slots=True)
class Found:
    """Means over questions.

    Attributes
    ----------
    questions : int
    mrr : float
        Reciprocal rank of the first answer among the shown and their linked neighbours.
    ndcg, recall : float
        Of the ten shown, with binary gains.
    """

    questions: int
    mrr: float
    ndcg: float
    recall: float


def shown_rows(
    question: LoggedQuestion, links: Neighbours, merged: Mapping[int, int]
) -> tuple[list[int], list[int]]:
    """Return the ten that a recall would show, and up to five neighbours linked to them."""
    hits = [row for row in question.ranked.tolist() if row not in merged][:SHOWN]
    return hits, linked_rows(hits, links, merged)


def linked_rows(hits: Sequence[int], links: Neighbours, merged: Mapping[int, int]) -> list[int]:
    """Return the neighbours of `hits` outside of them, strongest link first, ties by row."""
    best: dict[int, float] = {}
    for hit in hits:
        for other, weight in links.get(hit, ()):
            if other not in merged:
                best[other] = max(weight, best.get(other, 0.0))
    for hit in hits:
        best.pop(hit, None)
    return sorted(best, key=lambda row: (-best[row], row))[:LINKED]


def reciprocal_rank(
    question: LoggedQuestion, links: Neighbours, merged: Mapping[int, int]
) -> float:
    """Return 1 / rank of the first answer among the shown, then the linked; 0 if none is there."""
    hits, linked = shown_rows(question, links, merged)
    wanted = answers(question, merged)
    return next((1.0 / rank for rank, row in enumerate([*hits, *linked], 1) if row in wanted), 0.0)


def is_missed(question: LoggedQuestion) -> bool:
    """Tell whether some answer of a question is not among the ten shown."""
    return not np.isin(question.relevant, question.ranked[:SHOWN]).all()


def answers(question: LoggedQuestion, merged: Mapping[int, int]) -> set[int]:
    """Return what counts as an answer: a merged memory is answered by the one that holds it."""
    return {merged.get(row, row) for row in question.relevant.tolist()}


def replay(
    questions: Sequence[LoggedQuestion],
    links: Neighbours | None = None,
    merged: Mapping[int, int] | None = None,
) -> Found:
    """Return what the questions find with these links and merges (secondary to primary)."""
    links, merged = links or {}, merged or {}
    if not questions:
        return Found(0, 0.0, 0.0, 0.0)
    rows = []
    for question in questions:
        hits, _ = shown_rows(question, links, merged)
        wanted = answers(question, merged)
        gains = np.array([row in wanted for row in hits], np.float64)
        discounts = 1.0 / np.log2(np.arange(2, SHOWN + 2))
        ideal = discounts[: min(len(wanted), SHOWN)].sum()
        ndcg = float(gains @ discounts[: len(gains)] / ideal) if wanted else 0.0
        recall = float(gains.sum() / len(wanted)) if wanted else 0.0
        rows.append((reciprocal_rank(question, links, merged), ndcg, recall))
    mrr, ndcg, recall = (float(v) for v in np.mean(rows, axis=0))
    return Found(len(questions), mrr, ndcg, recall)
