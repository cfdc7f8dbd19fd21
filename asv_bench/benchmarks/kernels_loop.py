from __future__ import annotations

import itertools
import time

import numpy as np

from engrain.kernels import InstantLearningLoop, LoopRule

SHOWN, COLUMNS, MEMORIES = 10, 16, 100_000


class LoopA:
    """A whole request, observe and learn, ten shown and three used, beside NumPy for the same.

    Requests come in 512 kinds over 100,000 memories, so that little is warm by chance.
    """

    params = [384, 1024]
    param_names = ["dim"]

    def setup(self, dim):
        rng = np.random.default_rng(0)
        memories = rng.standard_normal((MEMORIES, dim), dtype=np.float32)
        memories /= np.linalg.norm(memories, axis=1, keepdims=True)
        self.loop = InstantLearningLoop(memories, COLUMNS, LoopRule())
        self.outcomes = np.array([1, 0, 1, 0, 0, 0, 1, 0, 0, 0], dtype=np.float32)
        requests = [
            (
                rng.standard_normal(dim, dtype=np.float32),
                rng.integers(0, MEMORIES, SHOWN),
                rng.standard_normal((SHOWN, COLUMNS), dtype=np.float32),
            )
            for _ in range(512)
        ]
        self.requests, self.now = itertools.cycle(requests), 0.0
        for _ in range(512):
            self.time_engrain(dim)

    def time_engrain(self, dim):
        query, shown, rows = next(self.requests)
        self.now += 0.1
        trace = self.loop.observe(query, shown, rows, self.now)
        self.loop.learn(trace, self.outcomes, 0.9, self.now + 0.05)

    def track_p99_in_microseconds(self, dim):
        """99th percentile of wall time over 20,000 requests, one by one."""
        timed = np.empty(20_000)
        for i in range(len(timed)):
            begin = time.perf_counter_ns()
            self.time_engrain(dim)
            timed[i] = time.perf_counter_ns() - begin
        return float(np.percentile(timed, 99) / 1000)

    def time_numpy_ranking_and_adapter_alone(self, dim):
        query, shown, rows = next(self.requests)
        p = np.exp(rows @ np.zeros(COLUMNS, np.float32))
        p /= p.sum()
        P = 100 * np.eye(COLUMNS) + (rows.T * p) @ rows
        np.linalg.solve(P, rows.T @ (p - self.outcomes / 3))
        A = np.zeros((2, dim), np.float32)
        g = self.outcomes @ self.loop.memories[shown]
        A - np.outer(A @ g, query)
