"""`Memory.recall` and `Memory.feedback` end to end, beside bare vector search of the same size."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory_index import DIM, Texts
from engrain import Memory
from engrain.kernels.hits import take_best
from engrain.memory.index import StaticIndex
from engrain.memory.learner import Learner
from engrain.memory.question import Question, rounded
from engrain.memory.traces import OpenTrace

MEMORIES, SHOWN = 10_000, 10
CANDIDATES, PAST = 140, 1_000


class Requests:
    """10,000 memories of text and vector in sessions of twenty, `taught` requests behind them.

    A recall ranks all of them by text and vector and logs itself; a feedback speaks of the ten
    shown. Medians of wall time, the writing thread beside them.
    """

    params = [0, 500]
    param_names = ["taught"]
    timeout = 300
    comparisons = {
        "measure_recall": [
            "time_numpy_top_10",
            "time_faiss_top_10",
            "time_usearch_exact_top_10",
        ],
        "measure_feedback": ["time_numpy_top_10"],
    }

    def setup(self, taught):
        import faiss
        import usearch.index

        faiss.omp_set_num_threads(1)
        made = self.made = Texts(MEMORIES)
        self.folder = tempfile.TemporaryDirectory()
        self.memory = Memory(Path(self.folder.name) / "memory.db", dim=DIM)
        self.memory.remember_many(
            {"text": text, "vector": vector, "sequence": str(i // 20)}
            for i, (text, vector) in enumerate(zip(made.texts, made.vectors, strict=True))
        )
        self.memory.flush()
        self.faiss = faiss.IndexFlatIP(DIM)
        self.faiss.add(made.vectors)
        self.usearch, self.metric = usearch.index.search, usearch.index.MetricKind.IP
        self.i, self.rng = 0, np.random.default_rng(0)
        for _ in range(taught):
            self.feedback(self.recall())

    def teardown(self, taught):
        self.memory.close()
        self.folder.cleanup()

    def next(self):
        self.i = (self.i + 1) % len(self.made.questions)
        return self.made.questions[self.i], self.made.queries[self.i]

    def recall(self):
        text, vector = self.next()
        return self.memory.recall(text, SHOWN, vector=vector)

    def feedback(self, recall):
        liked = self.rng.random(len(recall)) < 0.3
        liked[0] = True
        told = {hit.id: float(yes) for hit, yes in zip(recall, liked, strict=True)}
        begin = time.perf_counter()
        self.memory.feedback(recall, outcomes=told)
        return time.perf_counter() - begin

    def measure_recall(self, taught):
        timed = []
        for _ in range(300):
            begin = time.perf_counter()
            self.recall()
            timed.append(time.perf_counter() - begin)
        return statistics.median(timed)

    def measure_feedback(self, taught):
        return statistics.median([self.feedback(self.recall()) for _ in range(300)])

    def time_numpy_top_10(self, taught):
        scores = self.made.vectors @ self.next()[1]
        best = np.argpartition(-scores, SHOWN)[:SHOWN]
        best[np.argsort(-scores[best])]

    def time_faiss_top_10(self, taught):
        self.faiss.search(self.next()[1][None], SHOWN)

    def time_usearch_exact_top_10(self, taught):
        self.usearch(self.made.vectors, self.next()[1], SHOWN, self.metric, exact=True, threads=1)


class ScoreAndLearn:
    """All columns of 140 candidates, their scores, the ten best, and learning from outcomes.

    1,000 questions were learned from before. Finding the candidates is not measured.
    """

    timeout = 300
    comparisons = {
        name: ["time_numpy_top_10"]
        for name in ("measure_score_and_learn", "measure_score", "measure_learn")
    }

    def setup(self):
        made = self.made = Texts(MEMORIES)
        self.index = StaticIndex([DIM])
        for handle, (text, vector) in enumerate(zip(made.texts, made.vectors, strict=True)):
            self.index.add(handle, text, [vector], handle // 20)
        self.learner = Learner(DIM, self.index.names, (), "conversation")
        self.i, self.rng = 0, np.random.default_rng(0)
        for _ in range(PAST):
            self.request()

    def request(self):
        """Answer one question and learn from it; return the seconds of scoring and learning."""
        i = self.i = self.i + 1
        text = self.made.questions[i % len(self.made.questions)]
        vector = rounded(self.made.vectors[i * 7 % MEMORIES])
        search = self.index.search(text, [vector])
        asked = rounded(search.query[0])
        question = Question(text, 0, (vector,), asked, search.terms, search.counts, search.idf)
        handles = search.candidates(CANDIDATES, np.empty(0, np.int64))
        outcomes = (self.rng.random(SHOWN) < 0.3).astype(np.float32)
        outcomes[0] = 1
        begin = time.perf_counter()
        similar = self.learner.similar(question)
        block = search.gather(handles, len(self.learner.names))
        rows = self.learner.rows(question, search, block, similar, float(i))
        shown, rows, _ = take_best(handles, rows, self.learner.score(rows), SHOWN)
        scored = time.perf_counter()
        trace = OpenTrace(i, bytes(32), float(i), None, question, shown, rows)
        self.learner.observe(trace)
        self.learner.click(trace, outcomes, float(i), None, self.index.centred(0, shown), {})
        return scored - begin, time.perf_counter() - scored

    def measure_score_and_learn(self):
        return statistics.median([sum(self.request()) for _ in range(300)])

    def measure_score(self):
        return statistics.median([self.request()[0] for _ in range(300)])

    def measure_learn(self):
        return statistics.median([self.request()[1] for _ in range(300)])

    def time_numpy_top_10(self):
        scores = self.made.vectors @ self.made.queries[0]
        best = np.argpartition(-scores, SHOWN)[:SHOWN]
        best[np.argsort(-scores[best])]
