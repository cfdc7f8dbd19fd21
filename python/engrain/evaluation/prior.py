"""The weights that a memory starts with, and what priors are worth anywhere.

``python -m engrain.evaluation.prior FOLDER...`` prints how well every prior ranks each data set
without any feedback: base, fixed mix and, for conversations, the weights learned on all others.
``--write FILE`` stores the kinds that the folders are of. Conversations, those of the first such
folder: static weights from its judged questions, and how far to trust evidence beside them, learned
on a stream in which users say what of the shown helped and some questions come again; and the same
once more with the embedder that needs no download. Documents: the fixed mix, and how far to trust
evidence beside it, the median of what each collection taught on such a stream. Users miss and
mistake some, as by `clicks.noisy`. All stand there without each conversation or collection too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.evaluation.clicks import Clicks
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.metrics import Quality, mean_quality, measure
from engrain.evaluation.options import Options
from engrain.evaluation.subject import Stopwatch, Subject
from engrain.evaluation.users import User
from engrain.memory.learner import CORRECTIONS, LEARNED, SIGNS
from engrain.memory.prior import BASE, EVEN, FIXED, FIXED_CONVERSATION
from engrain.memory.ranking import RankingModel

LAMBDA = 10.0
TRUST = {"static": 50.0, "evidence": 10.0}  # how firmly weights hold to what others taught
AGAIN_EVERY = 4  # questions of a stream, of which one comes again
REFIT_EVERY = 50
FIRM = 200.0  # lambda of a collection's own evidence weights: between its own taste and none
MOST_ASKED, MOST_TAUGHT = 1200, 200  # questions of a collection's stream, and lists of its fit
STATIC = ("s:", "x:")
LOCAL = ("e:ridge", "e:alike", *CORRECTIONS)


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
    """Ask every judged question that is not adversarial; return its candidates' static columns.

    Every conversation has a memory of its own, as where the weights will be used.
    """
    convs = dict.fromkeys(question.conv for question in dataset.questions)
    owns = [dataset if conv is None else dataset.conversation(conv) for conv in convs]
    found = [_gather(own) for own in owns]
    names = found[0][0]
    return Asked(dataset.name, names, tuple(j for _, judged in found for j in judged))


def _gather(dataset: Dataset) -> tuple[tuple[str, ...], list[Judged]]:
    with _subject(dataset) as subject:
        names = subject.study(0).names
        kept = [i for i, n in enumerate(names) if n.startswith(STATIC)]
        judged = []
        for index in dataset.judged(exclude_adversarial=True):
            subject.ask(index)
            judged.append(_judged(subject, index, kept))
    return tuple(names[i] for i in kept), judged


def gather_stream(
    dataset: Dataset, seed: int = 1, *, clicks: Clicks = "perfect", most: int | None = None
) -> Asked:
    """Ask questions in random order, some of them again, and say what of the shown helped.

    Returns all columns of the candidates, from the middle of the stream on: evidence is weighed
    where there is some.
    """
    order = dataset.judged(exclude_adversarial=True)
    order = np.random.default_rng(seed).permutation(order).tolist()[:most]
    asked = [*order, *order[::AGAIN_EVERY]]
    user, judged = User(Options(seed=seed, clicks=clicks)), []
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


def fit(lists: Sequence[Judged], model: RankingModel, lam: float = LAMBDA) -> F64Array:
    """Return the weights of a model fitted to lists, shape (columns,)."""
    offsets = np.cumsum([0, *(len(j.hits) for j in lists)], dtype=np.int64)
    rows = np.concatenate([j.rows for j in lists])
    hits = np.concatenate([j.hits for j in lists]).astype(np.float32)
    return model.fit(rows, hits, offsets, value=np.ones(len(lists)), lam=lam).weights


def static_weights(asked: Asked, *, without: str | None = None) -> dict[str, float]:
    """Learn the static weights from all conversations but one."""
    kinds, signs = ["static"] * len(asked.names), [0] * len(asked.names)
    model = RankingModel(asked.names, kinds, signs, base=BASE, lam=LAMBDA)
    found = fit(asked.without(without), model)
    return dict(zip(asked.names, found.tolist(), strict=True))


def evidence_weights(
    asked: Asked, lists: Sequence[Judged], static: Mapping[str, float], lam: float = LAMBDA
) -> tuple[float, dict[str, float]]:
    """Return the temperature of the static score that fits best, and weights of evidence beside it.

    What is learned in each memory alone stays 0: corrections for exposure, which are right only
    where answers recur; e:ridge, the cosine until its map is fitted; e:alike, e:share once more.
    """
    signs = dict(zip(LEARNED, SIGNS, strict=True))
    names = [name for name in LEARNED if name not in LOCAL]
    columns = [asked.names.index(name) for name in names]
    score = asked.weights(static).astype(np.float32)
    told = [replace(j, rows=np.column_stack([j.rows @ score, j.rows[:, columns]])) for j in lists]
    kinds, bound = ["static", *["evidence"] * len(names)], [1, *(signs[name] for name in names)]
    model = RankingModel(["static", *names], kinds, bound, base={"static": 1.0}, lam=lam)
    temperature, *found = fit(told, model, lam).tolist()
    return temperature, dict(zip(names, found, strict=True))


def with_evidence(
    stream: Asked, static: Mapping[str, float], *, without: str | None = None
) -> dict[str, float]:
    """Return static weights at the best temperature, and those of evidence beside them."""
    temperature, found = evidence_weights(stream, stream.without(without), static)
    return rounded({name: temperature * weight for name, weight in static.items()} | found)


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
    stream = gather_stream(dataset, clicks="noisy")
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


def taught_trust(stream: Asked, seed: int = 0) -> dict[str, float]:
    """Return weights of evidence beside the fixed mix as one collection taught them."""
    places = np.random.default_rng(seed).permutation(len(stream.judged))[:MOST_TAUGHT]
    lists = [stream.judged[place] for place in sorted(places) if stream.judged[place].hits.any()]
    return evidence_weights(stream, lists, FIXED, FIRM)[1]


def documents_kind(streams: Sequence[Asked]) -> dict[str, Any]:
    """Return the weights of documents as the package holds them; every collection has one vote."""
    taught = {stream.name: taught_trust(stream) for stream in streams}

    def typical(names: Collection[str]) -> dict[str, float]:
        votes = [taught[name] for name in names]
        return rounded(
            FIXED | {name: float(np.median([vote[name] for vote in votes])) for name in votes[0]}
        )

    return {
        "fitted_on": {"questions": {s.name: len(s.judged) for s in streams}, "lambda": FIRM},
        "trust": dict(EVEN),
        "weights": typical(taught),
        "without": {
            name: typical([other for other in taught if other != name])
            for name in taught
            if len(taught) > 1
        },
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
    parser.add_argument(
        "--write", type=Path, help="file of weights by kind; those of other kinds stay"
    )
    given = parser.parse_args(arguments)
    kinds: dict[str, Any] = {}
    streams = []
    for folder in given.folders:
        dataset = load_dataset(folder)
        asked = gather(dataset)
        print(dataset.name)
        for label, qualities in compare(asked).items():
            row = mean_quality(qualities)
            print(f"  {label:36} nDCG@10 {row['ndcg10']:.4f}  recall@5 {row['recall5']:.4f}")
        if given.write is None:
            continue
        if len(asked.parts) == 1:
            streams.append(gather_stream(dataset, clicks="noisy", most=MOST_ASKED))
        elif "conversation" not in kinds:
            kinds |= conversation_kinds(dataset, asked)
    if streams:
        kinds["documents"] = documents_kind(streams)
    if given.write is not None and kinds:
        store(kinds, given.write)


def store(kinds: Mapping[str, Any], path: Path) -> None:
    """Put kinds of weights into a file; the others that it holds stay."""
    held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**held, **kinds}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
