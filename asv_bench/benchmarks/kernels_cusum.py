from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import reference

RULE = {"allowance": 0.25, "clip": 4.0, "threshold": 1e9}


class Cusum:
    """10,000 rows of 33 streams, beside the closed form in NumPy."""

    comparisons = {"time_follow_cusum": ["time_numpy"]}

    def setup(self):
        self.rows = np.random.default_rng(0).standard_normal((10_000, 33))
        self.mean, self.deviation, self.sums = np.zeros(33), np.ones(33), np.zeros((2, 33))

    def time_follow_cusum(self):
        kernels.follow_cusum(self.rows, self.mean, self.deviation, self.sums, **RULE)

    def time_numpy(self):
        reference.follow_cusum(self.rows, self.mean, self.deviation, self.sums, **RULE)
