"""The weights that a memory of conversations starts with, and what priors are worth anywhere.

``python -m engrain.evaluation.prior FOLDER...`` prints how well every prior ranks each data set
without any feedback: base, fixed mix and, for conversations, the weights learned on all others.
``--write FILE`` stores those of the first data set of conversations, all of them and without each:
static weights from its judged questions, and how far to trust evidence against the static score,
learned on a stream in which users say what of the shown helped and some questions come again; and
the same once more with the embedder that needs no download.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.metrics import Quality, mean_quality, measure
from engrain.evaluation.options import Options
from engrain.evaluation.subject import Stopwatch, Subject
from engrain.evaluation.users import User
from engrain.memory.learner import LEARNED, SIGNS
from engrain.memory.prior import BASE, FIXED, FIXED_CONVERSATION
from engrain.memory.ranking import RankingModel

LAMBDA = 10.0
TRUST = {"static": 100.0, "evidence": 10.0}  # how firmly weights hold to what others taught
AGAIN_EVERY = 4  # questions of a stream, of which one comes again
REFIT_EVERY = 50
STATIC = ("s:", "x:")


@dataclass(frozen=True, slots=True)
class Judged:
    """One question's candidates as they stood when it was asked.

    Attributes
    ----------
    part : str
        Data set, and conversation where there are several.
    rows : ndarray of float32, shape (n, columns)
        Static columns alone, or all, see `gather`.
    hits : ndarray of bool, shape (n,)
    relevant : int
    """

    part: str
    rows: F32Array
    hits: BoolArray
    relevant: int

    def quality(self, weights: F64Array) -> Quality:
        """Measure the ten best by these weights."""
        scores = self.rows @ weights.astype(np.float32)
        return measure(self.hits[np.argsort(-scores, kind="stable")[:10]], self.relevant)


@dataclass(frozen=True, slots=True)
class Asked:
    """The judged questions of a data set, with the names of their columns."""

    name: str
    names: tuple[str, ...]
    judged: tuple[Judged, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """Its conversations, or the whole as one."""
        return tuple(dict.fromkeys(judged.part for judged in self.judged))

    def weights(self, known: Mapping[str, float]) -> F64Array:
        """Return weights given by name, shape (columns,)."""
        return np.array([known.get(name, 0.0) for name in self.names])

    def without(self, part: str | None) -> list[Judged]:
        """Return the questions that can teach, but those of one part."""
        return [j for j in self.judged if j.part != part and j.hits.any()]


def gather(dataset: Dataset) -> Asked:
    """Ask every judged question that is not adversarial; return its candidates' static columns."""
    with _subject(dataset) as subject:
        names = subject.study(0).names
        kept = [i for i, n in enumerate(names) if n.startswith(STATIC)]
        judged = []
        for index in dataset.judged(exclude_adversarial=True):
            subject.ask(index)
            judged.append(_judged(subject, index, kept))
    return Asked(dataset.name, tuple(names[i] for i in kept), tuple(judged))


def gather_stream(dataset: Dataset, seed: int = 1) -> Asked:
    """Ask questions in random order, some of them again, and say what of the shown helped.

    Returns all columns of the candidates, from the middle of the stream on: evidence is weighed
    where there is some.
    """
    order = dataset.judged(exclude_adversarial=True)
    order = np.random.default_rng(seed).permutation(order).tolist()
    asked = [*order, *order[::AGAIN_EVERY]]
    user, judged = User(Options(seed=seed)), []
    with _subject(dataset) as subject:
        names = subject.study(0).names
        for place, index in enumerate(asked, 1):
            recall = subject.ask(index)
            if 2 * place > len(order):
                judged.append(_judged(subject, index, list(range(len(names)))))
            subject.answer(recall, user.outcomes(recall, dataset.questions[index].relevant))
            if place % REFIT_EVERY == 0:
                subject.memory.refit()
    return Asked(dataset.name, names, tuple(judged))


@contextmanager
def _subject(dataset: Dataset) -> Iterator[Subject]:
    with (
        TemporaryDirectory(prefix="engrain-prior-") as folder,
        Subject(dataset, Path(folder) / "memory.db", (), Stopwatch(), "fixed") as subject,
    ):
        yield subject


def _judged(subject: Subject, index: int, columns: Sequence[int]) -> Judged:
    question, found = subject.dataset.questions[index], subject.study(index)
    hits = np.array([id in question.relevant for id in found.ids])
    rows = np.ascontiguousarray(found.rows[:, columns])
    return Judged(part_of(subject.dataset, index), rows, hits, len(question.relevant))


def part_of(dataset: Dataset, index: int) -> str:
    """Name the data set, and the conversation that a question is asked in."""
    conv = dataset.questions[index].conv
    return dataset.name if conv is None else f"{dataset.name}/{conv}"


def fit(lists: Sequence[Judged], model: RankingModel) -> F64Array:
    """Return the weights of a model fitted to lists, shape (columns,)."""
    offsets = np.cumsum([0, *(len(j.hits) for j in lists)], dtype=np.int64)
    rows = np.concatenate([j.rows for j in lists])
    hits = np.concatenate([j.hits for j in lists]).astype(np.float32)
    return model.fit(rows, hits, offsets, value=np.ones(len(lists)), lam=LAMBDA).weights


def static_weights(asked: Asked, *, without: str | None = None) -> dict[str, float]:
    """Learn the static weights from all conversations but one."""
    kinds, signs = ["static"] * len(asked.names), [0] * len(asked.names)
    model = RankingModel(asked.names, kinds, signs, base=BASE, lam=LAMBDA)
    found = fit(asked.without(without), model)
    return dict(zip(asked.names, found.tolist(), strict=True))


def with_evidence(
    stream: Asked, static: Mapping[str, float], *, without: str | None = None
) -> dict[str, float]:
    """Return static weights at the temperature that fits best, and those of evidence beside them.

    Corrections for exposure stay 0, they are right only where answers recur; so does e:ridge, which
    is the cosine until its map is fitted.
    """
    signs = zip(LEARNED, SIGNS, strict=True)
    names = [name for name, sign in signs if sign > 0 and name != "e:ridge"]
    columns = [stream.names.index(name) for name in names]
    score = stream.weights(static).astype(np.float32)
    lists = [
        replace(j, rows=np.column_stack([j.rows @ score, j.rows[:, columns]]))
        for j in stream.without(without)
    ]
    kinds, positive = ["static", *["evidence"] * len(names)], [1] * (1 + len(names))
    model = RankingModel(["static", *names], kinds, positive, base={"static": 1.0}, lam=LAMBDA)
    temperature, *found = fit(lists, model).tolist()
    scaled = {name: temperature * weight for name, weight in static.items()}
    return rounded(scaled | dict(zip(names, found, strict=True)))


def conversation_prior(
    asked: Asked, stream: Asked, *, without: str | None = None
) -> dict[str, float]:
    """Return static and evidence weights from all conversations but one."""
    return with_evidence(stream, static_weights(asked, without=without), without=without)


def rounded(weights: dict[str, float]) -> dict[str, float]:
    """Return weights as a file holds them."""
    return {name: round(weight, 4) for name, weight in weights.items()}


def conversation_kind(dataset: Dataset, asked: Asked) -> dict[str, Any]:
    """Return the weights of conversations as the package holds them."""
    stream = gather_stream(dataset)
    parts = {part: conversation_prior(asked, stream, without=part) for part in asked.parts}
    return {
        "fitted_on": {"questions": {dataset.name: len(asked.judged)}, "lambda": LAMBDA},
        "trust": TRUST,
        "weights": conversation_prior(asked, stream),
        "without": parts,
    }


def conversation_kinds(dataset: Dataset, asked: Asked) -> dict[str, Any]:
    """Return the kinds for vectors given and for the embedder that needs no download."""
    bare = replace(dataset, document_vectors=None, question_vectors=None)
    return {
        "conversation": conversation_kind(dataset, asked),
        "hashed conversation": conversation_kind(bare, gather(bare)),
    }


def left_out(asked: Asked) -> list[Quality]:
    """Measure every question by the static weights of the other conversations."""
    fits = {part: asked.weights(static_weights(asked, without=part)) for part in asked.parts}
    return [j.quality(fits[j.part]) for j in asked.judged]


def compare(asked: Asked) -> dict[str, list[Quality]]:
    """Measure every prior on a data set, without feedback."""
    dialogue = len(asked.parts) > 1
    mixes = {"base": BASE, "fixed": FIXED_CONVERSATION if dialogue else FIXED}
    found = {
        name: [j.quality(asked.weights(mix)) for j in asked.judged] for name, mix in mixes.items()
    }
    return found | ({"learned on the other conversations": left_out(asked)} if dialogue else {})


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what the priors are worth, and write them where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m engrain.evaluation.prior")
    parser.add_argument("folders", type=Path, nargs="+", help="data sets with judgments")
    parser.add_argument("--write", type=Path, help="file of weights by kind, replaced")
    given = parser.parse_args(arguments)
    talks = None
    for folder in given.folders:
        dataset = load_dataset(folder)
        asked = gather(dataset)
        print(dataset.name)
        for label, qualities in compare(asked).items():
            row = mean_quality(qualities)
            print(f"  {label:36} nDCG@10 {row['ndcg10']:.4f}  recall@5 {row['recall5']:.4f}")
        if talks is None and len(asked.parts) > 1:
            talks = dataset, asked
    if given.write is not None and talks is not None:
        text = json.dumps(conversation_kinds(*talks), indent=2)
        given.write.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
