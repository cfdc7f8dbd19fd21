"""Oracle of the evidence: every feature recomputed from the list of past questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array

LEAST_PASSED = 0.5  # of K


class Past(NamedTuple):
    """A question with what it used and passed over; query is None where it had no vector."""

    scope: int
    query: npt.ArrayLike | None
    terms: npt.ArrayLike
    counts: npt.ArrayLike
    idf: npt.ArrayLike
    handles: npt.ArrayLike = ()
    masses: npt.ArrayLike = ()
    passed: npt.ArrayLike = ()


def _lexical(question: Past) -> dict[int, float]:
    weights = np.asarray(question.counts, dtype=np.float64) * np.asarray(question.idf)
    norm = np.sqrt((weights**2).sum()) or 1.0
    return dict(zip(np.asarray(question.terms).tolist(), (weights / norm).tolist(), strict=True))


def _coded(vector: npt.ArrayLike) -> F64Array:
    """Return a vector rounded to 127 steps up to its largest element."""
    x = np.asarray(vector, np.float32)
    largest = np.abs(x).max(initial=0)
    if largest == 0:
        return x.astype(np.float64)
    step = float(largest / np.float32(127))
    rounded: F64Array = np.rint(x * (np.float32(127) / largest)).astype(np.float64) * step
    return rounded


def question_kernel(asked: Past, past: Past) -> float:
    """Return K = 0.5 max(0, cos) + 0.5 idf-weighted lexical cosine; 0 across scopes.

    Vectors are rounded to 127 steps up to their largest element.
    """
    if asked.scope != past.scope:
        return 0.0
    mine, theirs = _lexical(asked), _lexical(past)
    lexical = sum(w * theirs.get(t, 0.0) for t, w in mine.items())
    return 0.5 * _cosine(asked, past) + 0.5 * lexical


def _cosine(asked: Past, past: Past) -> float:
    if asked.scope != past.scope or asked.query is None or past.query is None:
        return 0.0
    return max(0.0, float(_coded(asked.query) @ _coded(past.query)))


def _share(
    masses: Sequence[float], heaviest: Sequence[float], worth: Sequence[float], discount: float
) -> float:
    """Return what one memory's masses have of all, each counting by what its question is worth."""
    all_of = [m or w for m, w in zip(masses, heaviest, strict=True)]
    own, similar = (float(np.dot(given, worth)) for given in (masses, all_of))
    return own / (similar + discount)


def _bm25(tf: F64Array, length: float, weights: F64Array, average: float) -> float:
    return float((weights * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))).sum())


def _mass(question: Past, handle: int) -> float:
    pairs = zip(np.asarray(question.handles), np.asarray(question.masses), strict=True)
    return sum(float(mass) for used, mass in pairs if used == handle)


def _counts(question: Past, terms: Sequence[int]) -> F64Array:
    counts = np.asarray(question.counts, dtype=np.float64).tolist()
    theirs = dict(zip(np.asarray(question.terms).tolist(), counts, strict=True))
    return np.array([theirs.get(term, 0.0) for term in terms])


def _rocchio(asked: Past, rewarded: Sequence[tuple[Past, float]]) -> float:
    if asked.query is None:
        return 0.0
    q = np.asarray(asked.query, np.float64)
    dots = [
        m * float(np.asarray(t.query, np.float64) @ q) for t, m in rewarded if t.query is not None
    ]
    return sum(dots) / (sum(m for _, m in rewarded) + 1)


def evidence_features(
    asked: Past,
    past: Sequence[Past],
    *,
    average_length: float,
    bm25_sd: float,
    handles: npt.ArrayLike,
    static: npt.ArrayLike,
    centred: npt.ArrayLike,
    tf: npt.ArrayLike,
    length: npt.ArrayLike,
    ridge: npt.ArrayLike | None = None,
) -> F64Array:
    """Return the features of `engrain.memory.evidence`, in its order, shape (n, 9).

    To leave a question out, leave it out of
    `past`.
    """
    kernel = [question_kernel(asked, t) for t in past]
    heaviest = [float(np.max(t.masses, initial=0.0)) or 1.0 for t in past]
    weights = np.asarray(asked.idf, np.float64) * np.asarray(asked.counts, np.float64)
    terms = np.asarray(asked.terms).tolist()
    direction = None
    if asked.query is not None:
        q = np.asarray(asked.query, np.float64)
        direction = 0.5 * q + (0.0 if ridge is None else np.asarray(ridge, np.float64) @ q)
        direction = direction / np.sqrt(direction @ direction)
    out = np.zeros((len(np.asarray(handles)), 9))
    for row, d, f, size, score, vector in zip(
        out,
        np.asarray(handles).tolist(),
        np.asarray(tf, np.float64),
        np.asarray(length, np.float64),
        np.asarray(static, np.float64),
        np.asarray(centred, np.float64),
        strict=True,
    ):
        masses = [_mass(t, d) for t in past]
        rewarded = [(t, m) for t, m in zip(past, masses, strict=True) if m > 0]
        row[0] = 0.0 if direction is None else vector @ direction
        row[1] = np.log1p(sum(masses))
        if rewarded:
            c = sum((m * _counts(t, terms) for t, m in rewarded), np.zeros(len(terms)))
            longer = sum(m * float(np.sum(t.counts)) for t, m in rewarded)
            grown = size + min(longer, average_length)
            row[2] = _bm25(f + np.minimum(c, 3), grown, weights, average_length)
            row[2] = (row[2] - _bm25(f, size, weights, average_length)) / bm25_sd
        row[3] = _rocchio(asked, rewarded)
        row[4] = max((m * k for m, k in zip(masses, kernel, strict=True)), default=0.0)
        row[5] = _share(masses, heaviest, [k**3 for k in kernel], 0.02)
        row[6] = row[4] * np.clip(score, 0, 8)
        passed = [k for k, t in zip(kernel, past, strict=True) if d in np.asarray(t.passed)]
        row[7] = max((k**8 for k in passed if k >= LEAST_PASSED), default=0.0)
        row[8] = _share(masses, heaviest, [_cosine(asked, t) ** 4 for t in past], 0.1)
    return out
