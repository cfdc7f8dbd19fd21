"""What spreading over a graph of memories would add to questions that need several of them.

Four of five folds are judged, as by ``engrain eval --protocol kfold``; on the fifth, the scores of
a question's ten best spread over a graph (`EdgeTable.spread`), and what arrives is added to every
candidate's score, times the factor that serves the very questions it is measured on best: no
learned weight could do better. Graphs: memories that answered one judged question together
(Hebbian), and those whose vectors lie nearest.

Beside it stands what limits it: of the answers beyond the first five, how many a first five has an
edge to, and how many memories it has edges to in all.

Usage: ``python -m engrain.evaluation.graph FOLDER [--category 1]``
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.evaluation.datasets import Dataset, load_dataset
from engrain.evaluation.intervals import bootstrap_interval
from engrain.evaluation.metrics import measure
from engrain.evaluation.options import LEAVE_OUT, Options
from engrain.evaluation.protocols import drawn_order, split_folds, tenants
from engrain.evaluation.subject import Stopwatch, Subject
from engrain.kernels.edges import EdgeTable

SEEDS, FIRST, NEAREST = 10, 5, 10
HOPS = (1, 2)
FACTORS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of a test fold.

    Attributes
    ----------
    scores : ndarray of float32, shape (n,)
        Of its candidates.
    hits : ndarray of bool, shape (n,)
        Which of them answer it.
    relevant : int
        How many memories answer it.
    arrived : dict of str to ndarray of float32, shape (n,)
        What spreading brings to each candidate, by graph.
    missed, reached, linked : int, dict, dict
        Answers beyond the first five; those of them, and all memories beyond, that a first five has
        an edge to, by graph.
    """

    scores: F32Array
    hits: BoolArray
    relevant: int
    arrived: Mapping[str, F32Array]
    missed: int
    reached: Mapping[str, int]
    linked: Mapping[str, int]

    def recall(self, graph: str, factor: float) -> float:
        """Return recall@5 with what arrives by a graph added to the scores."""
        order = np.argsort(-(self.scores + factor * self.arrived[graph]), kind="stable")
        return measure(self.hits[order[:10]], self.relevant).recall5


def used_together(dataset: Dataset, training: Sequence[int], place: Mapping[str, int]) -> EdgeTable:
    """Return the graph of memories that answered one training question together."""
    edges = EdgeTable()
    for index in training:
        pairs = list(permutations(sorted(dataset.questions[index].relevant), 2))
        if pairs:
            ends = np.array([[place[a], place[b]] for a, b in pairs], np.int64).T
            edges.update(ends[0].copy(), ends[1].copy(), np.ones(len(pairs), np.float32))
    return edges


def nearest(vectors: F32Array) -> EdgeTable:
    """Return the graph of every memory's nearest by cosine, weighed by it."""
    edges, cosines = EdgeTable(), vectors @ vectors.T
    np.fill_diagonal(cosines, -1.0)
    for node, row in enumerate(cosines):
        best = np.argpartition(-row, NEAREST)[:NEAREST]
        weights = np.clip(row[best], 0.0, 1.0).astype(np.float32)
        edges.assign(np.full(NEAREST, node), best, weights, np.zeros(NEAREST, np.uint8))
    return edges


def spread_scores(edges: EdgeTable, places: I64Array, scores: F32Array, hops: int) -> F32Array:
    """Return what arrives at each candidate from the ten best, by the softmax of their scores."""
    best = np.argsort(-scores, kind="stable")[:SEEDS]
    share = np.exp(scores[best] - scores[best[0]])
    nodes, amounts = edges.spread(places[best], share / share.sum(), hops=hops)
    found = dict(zip(nodes.tolist(), amounts.tolist(), strict=True))
    return np.array([found.get(place, 0.0) for place in places.tolist()], np.float32)


def ask(dataset: Dataset, options: Options, category: str) -> Iterator[Asked]:
    """Judge four folds and ask the questions of a kind in the fifth, for every fold."""
    place = {document.id: i for i, document in enumerate(dataset.documents)}
    near = None if dataset.document_vectors is None else nearest(dataset.document_vectors)
    for training, test in split_folds(drawn_order(dataset, options), options.folds):
        graphs = {"used together": used_together(dataset, training, place)}
        graphs |= {} if near is None else {"nearest": near}
        with (
            TemporaryDirectory(prefix="engrain-graph-") as folder,
            Subject(dataset, Path(folder) / "m.db", (), Stopwatch(), options.prior) as subject,
        ):
            for index in training:
                subject.judge(index)
            subject.memory.refit()
            for index in test:
                if dataset.questions[index].category == category:
                    yield spread_over(subject, index, graphs, place)


def spread_over(
    subject: Subject, index: int, graphs: Mapping[str, EdgeTable], place: Mapping[str, int]
) -> Asked:
    """Spread the scores of one question's best over every graph, and see where edges lead."""
    relevant, found = subject.dataset.questions[index].relevant, subject.study(index)
    places = np.array([place[str(id)] for id in found.ids], np.int64)
    first = places[np.argsort(-found.scores, kind="stable")[:FIRST]].tolist()
    missed = {place[id] for id in relevant} - set(first)
    linked = {
        name: {int(n) for node in first for n in edges.neighbours(node)[0]} - set(first)
        for name, edges in graphs.items()
    }
    return Asked(
        found.scores,
        np.array([id in relevant for id in found.ids]),
        len(relevant),
        {
            f"{name}, {hops} hop{'s' * (hops > 1)}": spread_scores(
                edges, places, found.scores, hops
            )
            for name, edges in graphs.items()
            for hops in HOPS
        },
        len(missed),
        {name: len(missed & ends) for name, ends in linked.items()},
        {name: len(ends) for name, ends in linked.items()},
    )


def table(asked: Sequence[Asked]) -> Iterator[str]:
    """Yield what every graph adds at best, and what limits it."""
    if not asked:
        yield "no question of this kind"
        return
    for graph in asked[0].arrived:
        found: dict[float, F64Array] = {
            factor: np.array([one.recall(graph, factor) for one in asked]) for factor in FACTORS
        }
        best = max(FACTORS, key=lambda factor: float(found[factor].mean()))
        gain = found[best] - found[0.0]
        low, high = bootstrap_interval(gain) or (np.nan, np.nan)
        yield (
            f"{graph:22} recall@5 {found[0.0].mean():.3f}, at best {found[best].mean():.3f}: "
            f"{gain.mean():+.4f} [{low:+.4f}, {high:+.4f}] by factor {best:g}"
        )
    missed = sum(one.missed for one in asked)
    for name in asked[0].reached:
        reached = sum(one.reached[name] for one in asked)
        linked = sum(one.linked[name] for one in asked)
        yield (
            f"{name}: of {missed} answers beyond the first five of {len(asked)} questions, edges "
            f"lead to {reached}; of {linked} memories at their ends {reached / max(1, linked):.3f} "
            "are answers"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of one data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--category", default="1")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    options = Options(protocol="kfold", prior=LEAVE_OUT, exclude_adversarial=True, seed=given.seed)
    asked = [
        one
        for own, settings in tenants(load_dataset(given.folder), options)
        for one in ask(own, settings, given.category)
    ]
    print("\n".join(table(asked)))


if __name__ == "__main__":
    main()
