"""Streams of questions: what a memory said of each of its recalls, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.evaluation.datasets import Dataset
from engrain.evaluation.subject import SHOWN, Stopwatch, Subject
from engrain.evaluation.users import early_half
from engrain.memory.prior import Prior
from engrain.policy.calibration_experts import Rate

REFIT_EVERY = 25


@dataclass(frozen=True, slots=True)
class Stream:
    """What a memory said of its recalls, and what came of them.

    Attributes
    ----------
    confidence, rate : ndarray of float64, shape (n,)
        The memory's confidence, and the share of successes before each question.
    success, answerable : ndarray of bool, shape (n,)
    question : ndarray of int64, shape (n,)
        Which one was asked.
    scores : ndarray of float32, shape (n, 10)
        Of the memories shown; NaN where fewer were.
    """

    confidence: F64Array
    rate: F64Array
    success: BoolArray
    answerable: BoolArray
    question: I64Array
    scores: F32Array


def run_stream(
    dataset: Dataset, *, seed: int = 0, drift: bool = False, prior: Prior = "auto"
) -> Stream:
    """Ask all questions in random order, each answered by perfect clicks on what was shown.

    Parameters
    ----------
    dataset : Dataset
    seed : int
    drift : bool
        Half-way other documents become the right ones.
    prior : {"auto", "fixed", "base"}
        Weights that the ranking starts from.
    """
    order = np.random.default_rng(seed).permutation(len(dataset.questions)).tolist()
    early = early_half([document.id for document in dataset.documents], seed)
    rate, nothing = Rate(), np.zeros(0)
    rows: list[tuple[float, float, bool, bool]] = []
    scores = np.full((len(order), SHOWN), np.nan, np.float32)
    with TemporaryDirectory(prefix="engrain-eval-") as folder:
        path = Path(folder) / "stream.db"
        with Subject(dataset, path, ("confidence",), Stopwatch(), prior) as subject:
            for step, index in enumerate(order):
                question = dataset.questions[index]
                relevant = frozenset() if question.adversarial else question.relevant
                if drift:
                    late = step >= len(order) // 2
                    relevant = relevant - early if late else relevant & early
                recall = subject.ask(index)
                told = {hit.id: float(hit.id in relevant) for hit in recall}
                success = any(told.values())
                scores[step, : len(recall)] = [hit.score for hit in recall]
                rows.append((recall.confidence, rate.predict(nothing), success, bool(relevant)))
                rate.update(nothing, success)
                subject.answer(recall, told)
                if (step + 1) % REFIT_EVERY == 0:
                    subject.memory.refit()
    confidence, rates, successes, answerable = zip(*rows, strict=True)
    columns = (confidence, rates, successes, answerable, order, scores)
    return Stream(*(np.array(column) for column in columns))


def pooled(streams: Sequence[Stream]) -> Stream:
    """Return several streams as one, for figures over bins of more questions."""
    return Stream(
        *(
            np.concatenate([getattr(stream, field.name) for stream in streams])
            for field in fields(Stream)
        )
    )
