"""A whole request of Loop A, `observe` and `learn`: ten shown, three used."""

from __future__ import annotations

import itertools
import resource
import time

import numpy as np

from engrain.kernels import InstantLearningLoop, LoopRule
from engrain.memory.evidence import Evidence
from engrain.memory.ledger import Ledger
from engrain.memory.ranking import RankingModel
from engrain.storage import EventLog

STATIC = ("s:bm25", "s:cos", "s:prf", "s:cov", "s:len", "s:rank", "s:min", "s:prev")  # 16 in all
NAMES = (*STATIC, *Evidence.NAMES)
KINDS = ("static",) * len(STATIC) + ("evidence",) * len(Evidence.NAMES)
SIGNS = (*(0 for _ in STATIC), *Evidence.SIGNS)
SHOWN, COLUMNS, TERMS, KINDS_OF_REQUEST = 10, len(NAMES), 8, 4096
OUTCOMES = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0, 0], dtype=np.float32)


def ranking(*, evidence=True):
    base = {"s:bm25": 1.0, "s:cos": 1.0}
    return RankingModel(NAMES, KINDS, SIGNS, base=base, evidence=evidence)


def unit_rows(n, dim):
    """Return n directions that begin at a cache line, as the rows of an arena do."""
    rng = np.random.default_rng(0)
    room = np.empty(n * dim + 16, dtype=np.float32)
    first = -room.ctypes.data % 64 // 4
    rows = room[first : first + n * dim].reshape(n, dim)
    for start in range(0, n, 65_536):
        part = rows[start : start + 65_536]
        rng.standard_normal(part.shape, dtype=np.float32, out=part)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows


class Requests:
    """4,096 kinds of request over all memories, so that little is warm by chance."""

    def setup(self, dim, memories=100_000):
        self.loop = InstantLearningLoop(
            dim,
            ranking(),
            ranking(evidence=False),
            Ledger(NAMES, KINDS),
            Evidence(dim),
            LoopRule(),
            memories=unit_rows(memories, dim),
        )
        rng = np.random.default_rng(1)
        made = [self.made(rng, dim, memories) for _ in range(KINDS_OF_REQUEST)]
        self.requests, self.now = itertools.cycle(made), 0.0
        for _ in range(KINDS_OF_REQUEST + 512):
            self.request()

    def made(self, rng, dim, memories):
        terms = np.sort(rng.choice(5000, TERMS, replace=False)).astype(np.int32)
        counts, idf = np.ones(TERMS, np.float32), rng.random(TERMS, dtype=np.float32) + 1
        query = rng.standard_normal(dim, dtype=np.float32)
        shown = rng.choice(memories, SHOWN, replace=False)
        rows = rng.standard_normal((SHOWN, COLUMNS), dtype=np.float32)
        return query, shown, rows, terms, counts, idf

    def request(self, information=1.0):
        query, shown, rows, terms, counts, idf = next(self.requests)
        self.now += 0.1
        trace = self.loop.observe(query, shown, rows, self.now, terms=terms, counts=counts, idf=idf)
        self.loop.learn(trace, OUTCOMES, self.now, quality=0.9, information=information)


def percentile(call, q, n=20_000, *, undisturbed=False):
    """Return a percentile of the wall time of `n` calls one by one, in seconds.

    Undisturbed are those in which the thread's core was not taken from it by another one.
    """
    timed, taken = np.empty(n), np.empty(n + 1)
    taken[0] = times_taken()
    for i in range(n):
        begin = time.perf_counter_ns()
        call()
        timed[i] = time.perf_counter_ns() - begin
        taken[i + 1] = times_taken()
    if undisturbed:
        timed = timed[np.diff(taken) == 0]
    return float(np.percentile(timed, q)) * 1e-9


def times_taken():
    """Return how often this thread's core was taken from it while it could have gone on."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


class LoopA(Requests):
    """Everything a request teaches, beside NumPy for the ranking and adapter steps alone.

    NumPy's ten best of 10,000 x 384 stand beside it: absolute times scale with them.
    """

    params = [[384, 1024], [100_000]]
    param_names = ["dim", "memories"]
    timeout = 600
    comparisons = {
        "time_engrain": ["time_numpy_ranking_and_adapter_alone"],
        "time_engrain_without_ranking_step": ["time_numpy_top_10_of_10k"],
        "measure_p50": ["time_numpy_top_10_of_10k"],
        "measure_p99": ["time_numpy_top_10_of_10k"],
    }

    def setup(self, dim, memories=100_000):
        super().setup(dim, memories)
        self.others = unit_rows(10_000, 384)

    def time_engrain(self, dim, memories):
        self.request()

    def time_engrain_without_ranking_step(self, dim, memories):
        self.request(information=0.0)

    def measure_p50(self, dim, memories):
        return percentile(self.request, 50)

    def measure_p99(self, dim, memories):
        return percentile(self.request, 99)

    def time_numpy_top_10_of_10k(self, dim, memories):
        scores = self.others @ self.others[0]
        best = np.argpartition(-scores, 10)[:10]
        best[np.argsort(-scores[best])]

    def time_numpy_ranking_and_adapter_alone(self, dim, memories):
        query, shown, rows, *_ = next(self.requests)
        p = np.exp(rows @ np.zeros(COLUMNS, np.float32))
        p /= p.sum()
        P = 100 * np.eye(COLUMNS) + (rows.T * p) @ rows
        np.linalg.solve(P, rows.T @ (p - OUTCOMES / 3))
        A = np.zeros((2, dim), np.float32)
        g = OUTCOMES @ self.loop.memories[shown]
        A - np.outer(A @ g, query)


class LoopAMillion(LoopA):
    """The same over a million memories."""

    params = [[384], [1_000_000]]


class LoopAJournal(Requests):
    """The same with two appends to an event log that is written to disk meanwhile."""

    params = [384]
    param_names = ["dim"]
    timeout = 600

    def setup(self, dim):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.log = EventLog.open(Path(self.folder.name) / "log.db", epoch=1)
        super().setup(dim)

    def teardown(self, dim):
        self.log.close()
        self.folder.cleanup()

    def logged_request(self):
        query, shown, rows, terms, counts, idf = next(self.requests)
        self.now += 0.1
        self.log.append("recalled", [shown.tobytes(), query.tobytes(), rows.tobytes()])
        trace = self.loop.observe(query, shown, rows, self.now, terms=terms, counts=counts, idf=idf)
        self.log.append("fed_back", [OUTCOMES.tobytes()])
        self.loop.learn(trace, OUTCOMES, self.now, quality=0.9)

    def time_engrain(self, dim):
        self.logged_request()

    def measure_p99(self, dim):
        return percentile(self.logged_request, 99)

    def measure_p99_undisturbed(self, dim):
        return percentile(self.logged_request, 99, undisturbed=True)
