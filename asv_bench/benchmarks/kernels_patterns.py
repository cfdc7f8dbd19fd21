from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import reference

DIM, HELD, ADDED = 384, 300, 100


class Patterns:
    """A hundred patterns into a bank of 300, half of them doubles, beside NumPy."""

    comparisons = {"time_merge_patterns": ["time_numpy"]}

    def setup(self):
        rng = np.random.default_rng(0)
        centroids = rng.standard_normal((HELD + ADDED // 2, DIM), dtype=np.float32)
        doubles = centroids[:: HELD // (ADDED // 2)][: ADDED // 2]
        noise = 0.2 * rng.standard_normal((ADDED // 2, DIM), dtype=np.float32)
        self.added = np.concatenate([doubles + noise, centroids[HELD:]])
        self.confidences, self.sizes = np.full(ADDED, 0.8), np.full(ADDED, 100.0)
        room = HELD + ADDED
        self.bank = {
            "ids": np.zeros(room, np.int64),
            "levels": np.zeros(room, np.int64),
            "counts": np.zeros(room),
            "sums": np.zeros((room, DIM)),
            "units": np.zeros((room, DIM)),
        }
        self.merge(0, centroids[:HELD], np.full(HELD, 0.8), np.full(HELD, 100.0))
        self.before = {n: c[:HELD].copy() for n, c in self.bank.items() if n != "units"}

    def merge(self, held, *added):
        return kernels.merge_patterns(self.bank, held, held, *added, cosine=0.9, capacity=10_000)

    def time_merge_patterns(self):
        self.merge(HELD, self.added, self.confidences, self.sizes)

    def time_numpy(self):
        reference.merge_patterns(
            self.before,
            HELD,
            self.added,
            self.confidences,
            self.sizes,
            cosine=0.9,
            capacity=10_000,
        )
