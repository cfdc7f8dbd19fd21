"""What is noted of each question, and the summary that becomes the report's keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.evaluation.intervals import bootstrap_interval, bootstrap_intervals, clustered_interval
from engrain.evaluation.metrics import GAIN_AT, IDEAL, Quality, mean_quality, measure
from engrain.evaluation.subject import Stopwatch
from engrain.evaluation.trees import Trees
from engrain.memory import Candidates


@dataclass(frozen=True, slots=True)
class Studied:
    """One question's rankings, all from the same candidates and the same rows.

    Attributes
    ----------
    question : int
    conv, category : str or None
    overlap : bool
        A relevant document had been rewarded before this question.
    static, fixed, prior, static_weights, learned : Quality
        By the base weights, by the fixed mix, by the weights that the memory started from, by
        learned weights of the static columns, by all that was learned. All but the last rank what
        is proposed without evidence.
    cache : Quality
        What was praised for the very same question first, then as by `prior`.
    trees : Quality or None
        By LambdaMART on the static columns, where it was fitted.
    without : ndarray of float64, shape (mechanisms,)
        nDCG@10 when one mechanism's addends are left out.
    """

    question: int
    conv: str | None
    overlap: bool
    static: Quality
    fixed: Quality
    prior: Quality
    static_weights: Quality
    learned: Quality
    cache: Quality
    without: F64Array
    trees: Quality | None = None
    category: str | None = None


def study(
    question: int,
    conv: str | None,
    relevant: frozenset[str],
    candidates: Candidates,
    *,
    overlap: bool,
    columns: Sequence[int],
    trees: Trees | None = None,
    praised: Collection[str] = (),
    category: str | None = None,
) -> Studied:
    """Measure one question under the controls, from its candidates' rows."""
    hits = np.fromiter((id in relevant for id in candidates.ids), bool, len(candidates.ids))
    rows, static_hits = candidates.rows[candidates.static], hits[candidates.static]
    known = np.array([id in praised for id in candidates.ids])
    started = candidates.rows @ candidates.prior

    def quality(scores: F32Array, hits: BoolArray = static_hits) -> Quality:
        return measure(hits[np.argsort(-scores, kind="stable")[:10]], len(relevant))

    return Studied(
        question=question,
        conv=conv,
        overlap=overlap,
        static=quality(rows @ candidates.base),
        fixed=quality(rows @ candidates.fixed),
        prior=quality(rows @ candidates.prior),
        static_weights=quality(rows @ candidates.control),
        learned=quality(candidates.scores, hits),
        cache=quality(np.where(known, np.inf, started), hits),
        without=ablate(hits, len(relevant), candidates, columns),
        trees=None if trees is None else quality(trees.score(rows)),
        category=category,
    )


def ablate(
    hits: BoolArray, relevant: int, candidates: Candidates, columns: Sequence[int]
) -> F64Array:
    """Return nDCG@10 without each of the columns, shape (columns,)."""
    picked, rows, scores = np.asarray(columns, dtype=int), candidates.rows, candidates.scores
    left = scores[:, None] - rows[:, picked] * candidates.weights[picked]
    gained = np.zeros(len(picked))
    for hit in np.flatnonzero(hits):
        place = (left > left[hit]).sum(axis=0) + (left[:hit] == left[hit]).sum(axis=0)
        gained += GAIN_AT[np.minimum(place, 10)]
    return np.asarray(gained / IDEAL[min(10, relevant)])


def summarise(
    studied: Sequence[Studied], names: Sequence[str], stopwatch: Stopwatch
) -> dict[str, Any]:
    """Return the keys of a report that follow from the questions alone."""
    base, weights, full = (
        np.array([getattr(s, key).ndcg10 for s in studied])
        for key in ("static", "static_weights", "learned")
    )
    start, cached = (
        np.array([getattr(s, key).ndcg10 for s in studied]) for key in ("prior", "cache")
    )
    overlap = np.array([s.overlap for s in studied], dtype=bool)
    without = np.array([s.without for s in studied]).reshape(len(studied), len(names))
    convs = [s.conv for s in studied]
    lift = full - base
    return {
        "queries": len(studied),
        "static": mean_quality([s.static for s in studied]),
        "fixed": mean_quality([s.fixed for s in studied]),
        "prior": mean_quality([s.prior for s in studied]),
        "learned": mean_quality([s.learned for s in studied]),
        "cache": mean_quality([s.cache for s in studied]),
        "lift": {
            "ndcg10": mean(lift),
            "ci95": bootstrap_interval(lift),
            "ci95_clustered": clustered_interval(lift, convs),
        },
        "overlap": part(lift, overlap),
        "no_overlap": part(lift, ~overlap),
        "prior_lift": control(start - base, overlap, convs),
        "over_prior": control(full - start, overlap, convs),
        "over_cache": control(full - cached, overlap, convs),
        "static_weights": control(weights - base, overlap, convs),
        "evidence": control(full - weights, overlap, convs),
        "mechanisms": own_lifts(full, without, names),
        "conversations": by_conversation(lift, convs),
        "categories": by_category(studied),
        "latency_us": latencies(stopwatch),
    } | by_trees(studied, weights)


def own_lifts(full: F64Array, without: F64Array, names: Sequence[str]) -> dict[str, Any]:
    """Return what each mechanism's addends bring: with all, minus without it.

    Parameters
    ----------
    full : ndarray, shape (questions,)
    without : ndarray, shape (questions, mechanisms)
    """
    differences = np.round(full[:, None] - without, 12) + 0.0
    return {
        name: {"lift": mean(column), "ci95": interval}
        for name, column, interval in zip(
            names, differences.T, bootstrap_intervals(differences), strict=True
        )
    }


def by_trees(studied: Sequence[Studied], weights: F64Array) -> dict[str, Any]:
    """Return the keys of LambdaMART, where every question was ranked by it."""
    found = [s.trees for s in studied if s.trees is not None]
    if not found or len(found) < len(studied):
        return {}
    gain = np.array([quality.ndcg10 for quality in found]) - weights
    interval = bootstrap_interval(gain)
    return {"trees": mean_quality(found) | {"over_static_weights": mean(gain), "ci95": interval}}


def mean(values: F64Array) -> float | None:
    """Return the mean, None of nothing."""
    return float(values.mean()) if len(values) else None


def part(lift: F64Array, mask: BoolArray) -> dict[str, Any]:
    """Summarise the questions in `mask`."""
    chosen = lift[mask]
    return {"n": len(chosen), "lift": mean(chosen), "ci95": bootstrap_interval(chosen)}


def control(lift: F64Array, overlap: BoolArray, convs: Sequence[str | None]) -> dict[str, Any]:
    """Summarise a lift with its value on the questions without overlap."""
    return {
        "lift": mean(lift),
        "ci95": bootstrap_interval(lift),
        "ci95_clustered": clustered_interval(lift, convs),
        "no_overlap": mean(lift[~overlap]),
        "ci95_no_overlap": bootstrap_interval(lift[~overlap]),
    }


def by_conversation(lift: F64Array, convs: Sequence[str | None]) -> dict[str, Any]:
    """Return the lift of each conversation."""
    named = [conv for conv in dict.fromkeys(convs) if conv is not None]
    member: Callable[[str], BoolArray] = lambda conv: np.array([c == conv for c in convs])  # noqa: E731
    return {conv: part(lift, member(conv)) for conv in named}


def by_category(studied: Sequence[Studied]) -> dict[str, Any]:
    """Return recall@5 of each kind of question, and what learning adds to it."""
    found = {}
    for category in sorted({s.category for s in studied if s.category is not None}):
        own = [s for s in studied if s.category == category]
        base, prior, weights, learned = (
            np.array([getattr(s, key).recall5 for s in own])
            for key in ("static", "prior", "static_weights", "learned")
        )
        found[category] = {
            "n": len(own),
            "static": mean(base),
            "prior": mean(prior),
            "static_weights": mean(weights),
            "learned": mean(learned),
            "over_prior": {
                "lift": mean(learned - prior),
                "ci95": bootstrap_interval(learned - prior),
            },
        }
    return found


def latencies(stopwatch: Stopwatch) -> dict[str, float]:
    """Return p50 and p99 of recall and feedback in microseconds."""
    return {
        f"{kind}_p{q}": stopwatch.percentile(kind, q)
        for kind in ("recall", "feedback")
        for q in (50, 99)
    }
