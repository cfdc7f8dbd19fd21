"""Ranking quality of one request, and calibration of many.

A ranking is the flags "is relevant" of the results in their order; gains are binary.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import BoolArray, F64Array

DISCOUNT: F64Array = 1.0 / np.log2(np.arange(2, 12))
GAIN_AT: F64Array = np.append(DISCOUNT, 0.0)  # of a relevant document by its place, 10 and more
IDEAL: F64Array = np.concatenate([[0.0], np.cumsum(DISCOUNT)])


@dataclass(frozen=True, slots=True)
class Quality:
    """The measures of one ranking, each in [0, 1].

    Attributes
    ----------
    ndcg10 : float
        Järvelin and Kekäläinen (2002), gains 0 and 1, discount 1/log2(1 + rank).
    recall5, recall10 : float
        Share of the relevant documents among the first five and ten.
    mrr : float
        Reciprocal rank of the first relevant result, 0 beyond ten.
    r1 : float
        1 where the first result is relevant.
    """

    ndcg10: float
    recall5: float
    recall10: float
    mrr: float
    r1: float


NAMES = ("ndcg10", "recall5", "recall10", "mrr", "r1")


def judge_ranking(ranked: Sequence[object], relevant: Collection[object]) -> Quality:
    """Measure the first ten of `ranked` against the ids in `relevant` (at least one)."""
    hits: BoolArray = np.fromiter((item in relevant for item in ranked[:10]), bool)
    return measure(hits, len(relevant))


def measure(hits: BoolArray, relevant: int) -> Quality:
    """Measure one ranking.

    Parameters
    ----------
    hits : ndarray of bool, shape (n,)
        Whether each of the first results is relevant; those beyond ten do not count.
    relevant : int
        Number of relevant documents, at least 1.
    """
    top = hits[:10]
    first = int(np.argmax(top)) + 1 if top.any() else 0
    return Quality(
        ndcg10=float(DISCOUNT[: len(top)][top].sum() / IDEAL[min(10, relevant)]),
        recall5=float(top[:5].sum() / relevant),
        recall10=float(top.sum() / relevant),
        mrr=1.0 / first if first else 0.0,
        r1=float(first == 1),
    )


def mean_quality(qualities: Sequence[Quality]) -> dict[str, float]:
    """Return the mean of every measure; an empty sequence gives 0."""
    return {
        name: float(np.mean([getattr(q, name) for q in qualities])) if qualities else 0.0
        for name in NAMES
    }


def expected_calibration_error(confidence: F64Array, correct: BoolArray, bins: int = 10) -> float:
    """Return ``Σ_b (n_b/n) |accuracy_b − confidence_b|`` over bins of equal width.

    Naeini, Cooper and Hauskrecht (2015).

    Parameters
    ----------
    confidence : ndarray, shape (n,)
        Probabilities in [0, 1].
    correct : ndarray of bool, shape (n,)
    """
    if len(confidence) == 0:
        return 0.0
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(which, weights=correct - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(confidence))
