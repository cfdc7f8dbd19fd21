from __future__ import annotations

import subprocess
import sys

import numpy as np

from engrain import kernels


class ScoreRows:
    """One query against many rows, beside NumPy's matrix-vector product."""

    params = [1_000, 10_000, 100_000]
    param_names = ["n"]

    def setup(self, n):
        rng = np.random.default_rng(0)
        self.rows = rng.standard_normal((n, 384), dtype=np.float32)
        self.query = rng.standard_normal(384, dtype=np.float32)
        self.out = np.empty(n, dtype=np.float32)

    def time_score_rows(self, n):
        kernels.score_rows(self.rows, self.query, self.out)

    def time_numpy(self, n):
        np.matmul(self.rows, self.query, out=self.out)


class ScoreQueries:
    """Sixteen projections of 10,000 rows in one thread, beside NumPy's matrix product."""

    comparisons = {"time_score_queries": ["time_numpy"]}

    def setup(self):
        rng = np.random.default_rng(0)
        self.rows = rng.standard_normal((10_000, 384), dtype=np.float32)
        self.queries = rng.standard_normal((16, 384), dtype=np.float32)

    def time_score_queries(self):
        kernels.score_queries(self.rows, self.queries)

    def time_numpy(self):
        np.matmul(self.rows, self.queries.T)


FIRST_CALL = """
import time
import numpy as np
from engrain import kernels
rows, query, out = np.ones((1, 384), np.float32), np.ones(384, np.float32), np.empty(1, np.float32)
kernels.compare_rows(rows)
score_rows = kernels.score_rows
begin = time.perf_counter_ns()
score_rows(rows, query, out)
print(time.perf_counter_ns() - begin)
"""


class CallOfAKernel:
    """One row of 384: what a call costs, and the first one once another kernel ran."""

    def setup(self):
        self.row, self.query = np.ones((2, 384), dtype=np.float32)
        self.rows, self.out = self.row[None], np.empty(1, dtype=np.float32)

    def time_score_rows(self):
        kernels.score_rows(self.rows, self.query, self.out)

    def time_numpy(self):
        np.matmul(self.rows, self.query, out=self.out)

    def measure_first_call(self):
        run = [sys.executable, "-c", FIRST_CALL]
        return 1e-9 * min(int(subprocess.check_output(run)) for _ in range(5))  # noqa: S603


class CompareRows:
    """Cosines among the rows of one retrieval, beside NumPy's symmetric matrix product."""

    params = [[10, 100], [384, 1024]]
    param_names = ["n", "dim"]

    def setup(self, n, dim):
        self.rows = np.random.default_rng(0).standard_normal((n, dim), dtype=np.float32)

    def time_compare_rows(self, n, dim):
        kernels.compare_rows(self.rows)

    def time_numpy(self, n, dim):
        products = self.rows @ self.rows.T
        inverse = 1.0 / np.sqrt(products.diagonal())
        products *= inverse
        products *= inverse[:, None]

    def floor(self, n, dim, machine):
        return machine.call + machine.flops(n * (n + 1) * dim)
