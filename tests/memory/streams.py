"""Learning protocols on real questions, over the static index, the evidence and the model alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array, I64Array
from engrain.memory.evidence import Evidence
from engrain.memory.index import Search
from engrain.memory.ranking import RankingModel
from engrain.memory.trust import Trust
from tests.memory.retrieval_set import DISCOUNT, build, lines, relevant, vectors

REFIT_EVERY = 50
KEPT = 1000


@dataclass(frozen=True)
class Asked:
    """One judged question, searched once: the static index does not change."""

    search: Search
    answers: I64Array

    @property
    def query(self) -> F32Array:
        vector = self.search.query[0]
        assert vector is not None
        return vector


def ask_all(folder: Path, *, adversarial: bool = True, most: int | None = None) -> list[Asked]:
    """Search every judged question of a data set, in file order."""
    documents = lines(folder / "docs.jsonl.gz")
    handles = {document["id"]: handle for handle, document in enumerate(documents)}
    wanted = relevant(folder)
    index, scopes = build(documents, vectors(folder / "docs_minilm_f16.npy"))
    embedded = vectors(folder / "queries_minilm_f16.npy")
    asked: list[tuple[str, F32Array, int, I64Array]] = []
    for question, vector in zip(lines(folder / "queries.jsonl.gz"), embedded, strict=True):
        skip = question.get("adversarial") and not adversarial
        if skip or not wanted[question["id"]] or len(asked) == most:
            continue
        scope = scopes.get(question.get("conv", ""), 0)
        index.observe(index.search(question["text"], [vector], scope))
        answers = np.array(sorted(handles[a] for a in wanted[question["id"]]), dtype=np.int64)
        asked.append((question["text"], vector, scope, answers))
    return [Asked(index.search(t, [v], s), answers) for t, v, s, answers in asked]


def ndcg(order: I64Array, answers: I64Array) -> float:
    hits = np.isin(order[:10], answers)
    ideal = DISCOUNT[: min(10, len(answers))].sum()
    return float((hits * DISCOUNT[: len(hits)]).sum() / ideal)


def new_model(asked: Asked, lam: float, *, evidence: bool = True) -> RankingModel:
    static = asked.search.gather(np.empty(0, dtype=np.int64)).names
    names = (*static, *Evidence.NAMES)
    kinds = ["static"] * len(static) + ["evidence"] * len(Evidence.NAMES)
    signs = [0] * len(static) + list(Evidence.SIGNS)
    base = {"s:bm25": 1.0, "s:cos": 1.0}
    return RankingModel(names, kinds, signs, base=base, lam=lam, evidence=evidence)


def candidates(evidence: Evidence, asked: Asked, exclude: int = -1) -> tuple[I64Array, F32Array]:
    """Return candidate handles, ascending, and their rows."""
    search = asked.search
    terms, counts, idf = search.terms, search.counts, search.idf
    similar = evidence.similarity(search.scope, asked.query, terms, counts, idf, exclude)
    handles = np.union1d(search.top(100), evidence.propose(similar))
    block = search.gather(handles)
    learned = evidence.features(
        similar,
        terms,
        counts,
        idf,
        search.average_length,
        search.bm25_sd,
        block.handles,
        block.static,
        block.centred,
        block.tf,
        block.length,
        exclude,
    )
    return handles, np.concatenate([block.x, learned], axis=1)


def teach(evidence: Evidence, asked: Asked, used: I64Array, masses: F32Array) -> int:
    search = asked.search
    return evidence.add(
        search.scope,
        asked.query,
        search.terms,
        search.counts,
        used,
        masses,
        search.gather(used).centred,
        search.idf,
    )


def fit(model: RankingModel, lists: list[tuple[F32Array, F32Array]], value: F64Array) -> None:
    """Refit the model on stored lists and go on from there."""
    offsets = np.concatenate([[0], np.cumsum([len(y) for _, y in lists])])
    rows, targets = (np.concatenate(part) for part in zip(*lists, strict=True))
    report = model.fit(rows, targets, offsets, value=value, lam=model.lam)
    model.set_weights(report.weights, report.scales, report.precision)


@dataclass(frozen=True)
class Folds:
    """Lifts in nDCG@10 over the static base, per question that was tested."""

    learned: F64Array
    static_weights: F64Array
    overlap: BoolArray


def judged_folds(
    asked: list[Asked], *, tested: int = 5, omega: float = 0.5, lam: float = 10.0
) -> Folds:
    """Teach all judgments of four fifths with leave-one-out rows, rank the rest; 5 folds."""
    parts = np.array_split(np.random.default_rng(1).permutation(len(asked)), 5)
    out: list[tuple[float, float, bool]] = []
    for test in parts[:tested]:
        train = np.setdiff1d(np.arange(len(asked)), test)
        out += judged_fold([asked[i] for i in train], [asked[i] for i in test], omega, lam)
    learned, static, overlap = zip(*out, strict=True)
    return Folds(np.array(learned), np.array(static), np.array(overlap))


def judged_fold(
    train: list[Asked], test: list[Asked], omega: float, lam: float
) -> list[tuple[float, float, bool]]:
    evidence = Evidence(len(train[0].query))
    full, control = new_model(train[0], lam), new_model(train[0], lam, evidence=False)
    for asked in train:
        teach(evidence, asked, asked.answers, np.ones(len(asked.answers), dtype=np.float32))
    evidence.set_ridge(evidence.refit_ridge())
    chosen = np.random.default_rng(7).permutation(len(train))[:600]
    lists, value = [], []
    for number in np.sort(chosen):
        handles, rows = candidates(evidence, train[number], exclude=int(number))
        targets = np.isin(handles, train[number].answers).astype(np.float32)
        known = (rows[targets > 0, full.names.index("e:count")] > 0).any()
        lists.append((rows, targets))
        value.append(1.0 if known else 1.0 + omega)
    for model in (full, control):
        fit(model, lists, np.array(value))
    out = []
    for asked in test:
        handles, rows = candidates(evidence, asked)
        base = ndcg(asked.search.top(10), asked.answers)
        lifts = [
            ndcg(handles[np.argsort(-model.score(rows), kind="stable")], asked.answers) - base
            for model in (full, control)
        ]
        overlap = any(evidence.mass(int(answer)) > 0 for answer in asked.answers)
        out.append((lifts[0], lifts[1], overlap))
    return out


class Stream:
    """Requests one after another; only the ten shown give feedback."""

    def __init__(self, asked: list[Asked], *, clicks: tuple[float, float], seed: int) -> None:
        self.asked, self.clicks = asked, clicks
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(len(asked))
        self.evidence, self.trust = Evidence(len(asked[0].query)), Trust()
        self.model = new_model(asked[0], 100.0)
        self.lists: list[tuple[F32Array, F32Array]] = []
        self.shares: list[float] = []
        self.requests = 0

    def run(self) -> F64Array:
        """Ask every question once and learn from it; return the lifts over the static base."""
        return np.array([self.request(self.asked[i]) for i in self.order])

    def request(self, asked: Asked) -> float:
        """Recall, measure, learn; return the lift over the static base."""
        rows, shown = self.show(asked)
        self.measure(asked, shown)
        hit = np.isin(shown, asked.answers)
        drawn = self.rng.random(len(shown))
        clicked = np.where(hit, drawn < self.clicks[0], drawn < self.clicks[1])
        self.learn(asked, shown, rows, clicked.astype(np.float32), None)
        self.requests += 1
        if self.requests % REFIT_EVERY == 0 and len(self.lists) >= 10:
            self.evidence.set_ridge(self.evidence.refit_ridge())
            fit(self.model, self.lists[-KEPT:], np.array(self.shares[-KEPT:]))
        return ndcg(shown, asked.answers) - ndcg(asked.search.top(10), asked.answers)

    def measure(self, asked: Asked, shown: I64Array) -> None:
        """Look at what a request was shown."""

    def show(self, asked: Asked) -> tuple[F32Array, I64Array]:
        """Return the rows and handles of the ten best."""
        handles, rows = candidates(self.evidence, asked)
        top = np.argsort(-self.model.score(rows), kind="stable")[:10]
        return np.ascontiguousarray(rows[top]), handles[top]

    def learn(
        self,
        asked: Asked,
        shown: I64Array,
        rows: F32Array,
        outcomes: F32Array,
        principal: str | None,
    ) -> None:
        share = self.trust.step_weight(principal)
        if outcomes.any() and share > 0:
            self.model.step(rows, outcomes, lam=self.model.lam / share)
            self.lists.append((rows, outcomes))
            self.shares.append(share)
        self.credit(asked, shown[outcomes > 0], outcomes[outcomes > 0], principal)

    def credit(
        self, asked: Asked, used: I64Array, outcomes: F32Array, principal: str | None
    ) -> None:
        masses = np.array(
            [
                self.trust.mass(principal, int(h), float(y))
                for h, y in zip(used, outcomes, strict=True)
            ],
            dtype=np.float32,
        )
        teach(self.evidence, asked, used[masses > 0], masses[masses > 0])
