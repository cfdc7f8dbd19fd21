"""`Memory.recall` and `Memory.feedback` end to end, beside bare vector search of the same size."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.memory_index import DIM, Texts
from engrain import Memory

MEMORIES, SHOWN = 10_000, 10


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
