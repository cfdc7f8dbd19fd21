"""Cost of scoring and learning one request: 1,000 past questions, 384-d, 140 candidates."""

from __future__ import annotations

import numpy as np

from engrain.kernels import ranking, reference
from engrain.memory.evidence import Evidence
from engrain.memory.ledger import Ledger
from engrain.memory.ranking import RankingModel

STATIC = ("s:bm25", "s:cos", "s:prf", "s:cov", "s:len", "s:rank", "s:min", "s:prev", "s:next")
NAMES = (*STATIC, *Evidence.NAMES)
KINDS = ["static"] * len(STATIC) + ["evidence"] * len(Evidence.NAMES)
SIGNS = [0] * len(STATIC) + list(Evidence.SIGNS)


def unit(rng, *shape):
    x = rng.standard_normal(shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


class Request:
    """Past questions with three used memories each, and one question about 140 candidates."""

    dim, past, candidates, memories, terms = 384, 1000, 140, 400, 8

    def setup(self):
        rng = np.random.default_rng(0)
        self.evidence, self.documents = Evidence(self.dim), unit(rng, self.memories, self.dim)
        self.questions = [self.question(rng) for _ in range(self.past)]
        for question in self.questions:
            self.teach(question)
        self.evidence.set_ridge(self.evidence.refit_ridge())
        self.query, self.ids, self.counts, self.idf, _ = self.asked = self.question(rng)
        self.handles = np.arange(self.candidates)
        self.centred = np.ascontiguousarray(self.documents[: self.candidates])
        self.tf = (rng.random((self.candidates, self.terms)) < 0.2).astype(np.float32)
        self.length = np.full(self.candidates, 50, dtype=np.float32)
        self.static = rng.random(self.candidates, dtype=np.float32)
        self.model = RankingModel(NAMES, KINDS, SIGNS, base={"s:bm25": 1, "s:cos": 1})
        self.ledger = Ledger(NAMES, KINDS)
        self.rows = rng.standard_normal((10, len(NAMES))).astype(np.float32)
        self.outcomes = np.eye(10, dtype=np.float32)[3]
        for _ in range(20):
            rows = rng.standard_normal(self.rows.shape).astype(np.float32)
            self.model.step(rows, self.outcomes)
        self.similar = self.compare()

    def question(self, rng):
        ids = np.sort(rng.choice(5000, self.terms, replace=False)).astype(np.int32)
        counts = np.ones(self.terms, dtype=np.float32)
        idf = rng.random(self.terms, dtype=np.float32) + 1
        return unit(rng, self.dim), ids, counts, idf, rng.choice(self.memories, 3, replace=False)

    def teach(self, question):
        query, ids, counts, idf, used = question
        masses = np.ones(len(used), dtype=np.float32)
        return self.evidence.add(0, query, ids, counts, used, masses, self.documents[used], idf)

    def compare(self):
        return self.evidence.similarity(0, self.query, self.ids, self.counts, self.idf)

    def features(self, similar):
        return self.evidence.features(
            similar,
            self.ids,
            self.counts,
            self.idf,
            60.0,
            1.0,
            self.handles,
            self.static,
            self.centred,
            self.tf,
            self.length,
        )


class RankingRequest(Request):
    """Each part of a request, and all of it in one go, beside NumPy for the question kernel."""

    def time_similarity(self):
        self.compare()

    def time_features(self):
        self.features(self.similar)

    def time_weigh_rows(self):
        ranking.weigh_rows(self.rows, self.model.weights)

    def time_laplace_step(self):
        self.model.step(self.rows, self.outcomes)

    def time_ledger_update(self):
        self.ledger.update(
            self.rows, self.outcomes, self.model.weights, self.model.weights, overlap=True
        )

    def time_add_and_remove_a_question(self):
        self.evidence.remove(self.teach(self.asked))

    def time_score_and_learn(self):
        self.features(self.compare())
        self.model.step(self.rows, self.outcomes)

    def time_numpy_cosines_alone(self):
        np.maximum(self.vectors @ self.query, 0)

    def setup(self):
        super().setup()
        self.vectors = np.stack([question[0] for question in self.questions])


class RankingFit:
    """MAP fit of 800 lists of 140 candidates and 16 columns."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.offsets = np.arange(801) * 140
        self.rows = rng.standard_normal((800 * 140, len(NAMES))).astype(np.float32)
        z = self.rows @ rng.standard_normal(len(NAMES)) * 0.6 + rng.gumbel(size=len(self.rows))
        best = z.reshape(800, 140).argsort(1)[:, -3:] + self.offsets[:-1, None]
        self.targets = np.zeros(len(self.rows), dtype=np.float32)
        self.targets[best.ravel()] = 1
        self.model = RankingModel(NAMES, KINDS, SIGNS, base={"s:bm25": 1, "s:cos": 1})
        self.value = np.ones(800)

    def time_fit(self):
        self.model.fit(self.rows, self.targets, self.offsets, value=self.value, lam=10.0)

    def time_list_derivatives(self):
        gradient, curvature = np.empty(16), np.empty((16, 16))
        ranking.list_derivatives(
            self.rows, self.targets, self.offsets, self.value, np.zeros(16), gradient, curvature
        )

    def time_numpy_list_derivatives(self):
        reference.list_derivatives(self.rows, self.targets, self.offsets, self.value, np.zeros(16))

    def track_residual(self):
        return self.model.fit(
            self.rows, self.targets, self.offsets, value=self.value, lam=10.0
        ).residual


class LedgerUpdate:
    """Ten items and sixteen components: three measures of the list without each of them."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.rows = rng.standard_normal((10, len(NAMES))).astype(np.float32)
        self.outcomes = np.eye(10, dtype=np.float32)[3]
        self.weights, self.static = rng.normal(size=(2, len(NAMES)))
        self.evidence = np.array([kind == "evidence" for kind in KINDS], dtype=np.uint8)
        self.sequences = ranking.ledger_sequences(len(NAMES))
        self.runners = rng.standard_normal((5, len(NAMES))).astype(np.float32)

    def time_engrain(self, runners=None):
        lists = (self.rows, self.outcomes, self.weights, self.static, self.evidence)
        ranking.ledger_update(*lists, 2, 0.05, self.sequences, runners)

    def time_engrain_with_five_runners_up(self):
        self.time_engrain(self.runners)

    def time_numpy(self):
        reference.ledger_update(self.rows, self.outcomes, self.weights, self.static, self.evidence)

    def track_error_of_measures(self):
        """Largest difference from log_loss, ndcg10 and reciprocal_rank, without component 0."""
        self.sequences[:] = 0
        self.time_engrain()
        z = self.rows @ self.weights
        other = z - self.rows[:, 0] * self.weights[0]
        oracle, loss = reference.ledger, reference.rank.log_loss
        lifts = [
            (loss(other, self.outcomes) - loss(z, self.outcomes)) / 2,
            oracle.ndcg10(z, self.outcomes) - oracle.ndcg10(other, self.outcomes),
            oracle.reciprocal_rank(z, self.outcomes) - oracle.reciprocal_rank(other, self.outcomes),
        ]
        found = 2 * self.sequences[0, 0, :, 1] - 1  # of one list, mapped to [0, 1]
        return float(np.abs(found - np.clip(lifts, -1, 1)).max())


class LedgerQuality:
    """How often an always-valid bound of a coin's mean fails within 1,000 observations."""

    def track_missed_bounds(self):
        rng, missed = np.random.default_rng(0), 0
        for _ in range(100):
            sequence = np.zeros(6)
            for x in (rng.random(1000) < 0.3).astype(float):
                ranking.observe(sequence, x, 0.05)
                lower, upper = ranking.sequence_bounds(sequence, 0.05)
                if not lower <= 0.3 <= upper:
                    missed += 1
                    break
        return missed / 100

    def track_oracle_agreement(self):
        x = np.random.default_rng(1).random(500)
        sequence = np.zeros(6)
        for value in x:
            ranking.observe(sequence, value, 0.05)
        got = ranking.sequence_bounds(sequence, 0.05)
        return float(np.abs(np.subtract(got, reference.sequence_bounds(x, 0.05))).max())


class EvidenceQuality(Request):
    """Largest error of the features against the float64 oracle."""

    past, candidates = 100, 40

    def track_feature_error(self):
        past = [
            reference.evidence.Past(0, q, ids, counts, idf, used, np.ones(3))
            for q, ids, counts, idf, used in self.questions
        ]
        asked = reference.evidence.Past(0, self.query, self.ids, self.counts, self.idf)
        expected = reference.evidence_features(
            asked,
            past,
            average_length=60.0,
            bm25_sd=1.0,
            handles=self.handles,
            static=self.static,
            centred=self.centred,
            tf=self.tf,
            length=self.length,
            ridge=self.evidence.ridge,
        )
        return float(np.abs(self.features(self.similar) - expected).max())

    def track_kernel_error(self):
        past = reference.evidence.Past(0, *self.questions[0][:4])
        asked = reference.evidence.Past(0, self.query, self.ids, self.counts, self.idf)
        return abs(float(self.similar.kernel()[0]) - reference.question_kernel(asked, past))
