from __future__ import annotations

import numpy as np

from engrain import kernels


class UpdateFisher:
    """One step of the running Fisher of a million weights, beside NumPy and torch."""

    params = [100_000, 1_000_000]
    param_names = ["n"]
    comparisons = {
        "time_update_fisher": ["time_numpy", "time_torch"],
        "time_elastic_penalty": [],
    }

    def setup(self, n):
        import torch

        torch.set_num_threads(1)
        rng = np.random.default_rng(0)
        self.fisher, self.g = rng.random((2, n), dtype=np.float32)
        self.scratch = np.empty_like(self.g)
        self.t_fisher, self.t_g = torch.from_numpy(self.fisher.copy()), torch.from_numpy(self.g)

    def floor(self, n, machine):
        return machine.stream(12 * n)

    def time_update_fisher(self, n):
        kernels.update_fisher(self.fisher, self.g, decay=0.9, gain=0.1)

    def time_numpy(self, n):
        np.square(self.g, out=self.scratch)
        self.scratch *= np.float32(0.1)
        self.fisher *= np.float32(0.9)
        self.fisher += self.scratch

    def time_torch(self, n):
        self.t_fisher.mul_(0.9).addcmul_(self.t_g, self.t_g, value=0.1)

    def time_elastic_penalty(self, n):
        kernels.elastic_penalty(self.fisher, self.g, self.fisher, strength=1.0)


class LinearFisher:
    """The exact diagonal Fisher of a 384 x 256 layer over 256 samples, beside a loop of them."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.inputs = rng.standard_normal((256, 384), dtype=np.float32)
        self.deltas = rng.standard_normal((256, 256), dtype=np.float32)

    def time_linear_fisher(self):
        kernels.linear_fisher(self.inputs, self.deltas)

    def time_numpy_per_sample(self):
        total = np.zeros((256, 384), dtype=np.float32)
        for x, d in zip(self.inputs, self.deltas, strict=True):
            total += np.outer(d, x) ** 2
