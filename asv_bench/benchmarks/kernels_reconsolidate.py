from __future__ import annotations

import numpy as np

from engrain import kernels


class Reconsolidate:
    """Recalled rows of a store turned toward one query, beside NumPy."""

    params = [3, 1000]
    param_names = ["recalled"]

    def setup(self, recalled):
        rng = np.random.default_rng(0)
        self.memories = rng.standard_normal((10_000, 384), dtype=np.float32)
        self.memories /= np.linalg.norm(self.memories, axis=1, keepdims=True)
        self.query = self.memories[0].copy()
        self.rows = rng.permutation(10_000)[:recalled]
        self.rates = np.full(recalled, 0.01, dtype=np.float32)

    def time_reconsolidate(self, recalled):
        kernels.reconsolidate(self.memories, self.rows, self.query, self.rates)

    def time_numpy(self, recalled):
        m = self.memories[self.rows]
        m += self.rates[:, None] * (self.query - m)
        m /= np.sqrt(np.einsum("ij,ij->i", m, m))[:, None]
        self.memories[self.rows] = m
