"""The weights that a memory of conversations starts with, learned on judged conversations.

``python -m engrain.evaluation.prior FOLDER`` prints how well the weights of all other
conversations rank each one, beside the base and the fixed mix; ``--write FILE`` then stores the
weights learned on all of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.base.errors import ConfigError
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.metrics import Quality, mean_quality, measure
from engrain.evaluation.subject import Stopwatch, Subject
from engrain.memory.prior import BASE, prior_weights
from engrain.memory.ranking import RankingModel

LAMBDA = 10.0
STATIC = ("s:", "x:")


@dataclass(frozen=True, slots=True)
class Judged:
    """One question's candidates: rows (n, columns), and which of them are relevant."""

    conv: str
    rows: F32Array
    hits: BoolArray
    relevant: int

    def quality(self, weights: F64Array) -> Quality:
        """Measure the ten best by these weights."""
        scores = self.rows @ weights.astype(np.float32)
        return measure(self.hits[np.argsort(-scores, kind="stable")[:10]], self.relevant)


@dataclass(frozen=True, slots=True)
class Conversations:
    """Judged questions over conversations, with the names of their columns."""

    names: tuple[str, ...]
    judged: tuple[Judged, ...]

    def weights(self, kind: str) -> F64Array:
        """Return the weights of a prior, shape (columns,)."""
        known = prior_weights(kind, self.names)
        return np.array([known.get(name, 0.0) for name in self.names])

    def fit(self, *, without: str | None = None) -> F64Array:
        """Learn weights from all conversations but one, shape (columns,)."""
        kept = [j for j in self.judged if j.conv != without and j.hits.any()]
        kinds, signs = ["static"] * len(self.names), [0] * len(self.names)
        model = RankingModel(self.names, kinds, signs, base=BASE, lam=LAMBDA)
        lengths = [len(j.hits) for j in kept]
        report = model.fit(
            np.concatenate([j.rows for j in kept]),
            np.concatenate([j.hits for j in kept]).astype(np.float32),
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            value=np.ones(len(kept)),
            lam=LAMBDA,
        )
        return report.weights

    def left_out(self) -> list[Quality]:
        """Measure every question by the weights of the other conversations."""
        fits = {conv: self.fit(without=conv) for conv in {j.conv for j in self.judged}}
        return [j.quality(fits[j.conv]) for j in self.judged]


def gather(dataset: Dataset) -> Conversations:
    """Ask every judged question that is not adversarial once, in order; return its static rows.

    Raises
    ------
    ConfigError
        Fewer than two conversations are judged.
    """
    judged = []
    with (
        TemporaryDirectory(prefix="engrain-prior-") as folder,
        Subject(dataset, Path(folder) / "memory.db", (), Stopwatch()) as subject,
    ):
        names = subject.study(0).names
        kept = [i for i, name in enumerate(names) if name.startswith(STATIC)]
        for index in dataset.judged(exclude_adversarial=True):
            subject.ask(index)
            question, found = dataset.questions[index], subject.study(index)
            hits = np.array([id in question.relevant for id in found.ids])
            rows = np.ascontiguousarray(found.rows[:, kept])
            judged.append(Judged(question.conv or "", rows, hits, len(question.relevant)))
    if len({j.conv for j in judged}) < 2:
        raise ConfigError(f"{dataset.name}: judged questions of two conversations are needed")
    return Conversations(tuple(names[i] for i in kept), tuple(judged))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print what the prior is worth, and write it where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m engrain.evaluation.prior")
    parser.add_argument("folder", type=Path, help="a data set of judged conversations")
    parser.add_argument("--write", type=Path, help="file of weights by kind, replaced")
    given = parser.parse_args(arguments)
    dataset = load_dataset(given.folder)
    talks = gather(dataset)
    measured = {
        kind: [j.quality(talks.weights(kind)) for j in talks.judged] for kind in ("base", "fixed")
    }
    measured["learned on the other conversations"] = talks.left_out()
    for label, qualities in measured.items():
        row = mean_quality(qualities)
        print(f"{label:36} nDCG@10 {row['ndcg10']:.4f}  recall@5 {row['recall5']:.4f}")
    if given.write is not None:
        given.write.write_text(document(dataset.name, talks), encoding="utf-8")


def document(name: str, talks: Conversations) -> str:
    """Return the weights of all conversations as JSON, with what they were fitted on."""
    weights = zip(talks.names, talks.fit().tolist(), strict=True)
    fitted = {"name": name, "questions": len(talks.judged), "lambda": LAMBDA}
    kind = {"fitted_on": fitted, "weights": {n: round(w, 4) for n, w in weights}}
    return json.dumps({"conversation": kind}, indent=2) + "\n"


if __name__ == "__main__":
    main()
