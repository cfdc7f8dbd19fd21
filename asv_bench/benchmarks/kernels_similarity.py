from __future__ import annotations

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
