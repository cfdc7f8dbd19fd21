from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import reference

DIM, HIDDEN, MODELS, ROWS, BATCH, SAMPLES = 384, 32, 9, 10_000, 64, 1000


class FastGRNN:
    """A router of 9 models: a decision, an epoch of 10,000 lessons, Fisher information of 1,000."""

    comparisons = {
        "time_forward_fastgrnn": ["time_forward_numpy"],
        "time_descend_fastgrnn": ["time_descend_torch"],
        "time_fisher_fastgrnn": ["time_fisher_numpy"],
    }

    def setup(self):
        import torch

        torch.set_num_threads(1)
        rng = np.random.default_rng(0)
        count = HIDDEN * (DIM + HIDDEN + 2 + MODELS) + 2 + MODELS
        self.weights = (0.1 * rng.standard_normal(count)).astype(np.float32)
        self.x = rng.standard_normal((ROWS, DIM), dtype=np.float32)
        self.targets = np.full((ROWS, MODELS), np.nan, np.float32)
        self.actions = rng.integers(0, MODELS, ROWS)
        self.targets[np.arange(ROWS), self.actions] = rng.random(ROWS, dtype=np.float32)
        self.order = rng.permutation(ROWS)
        self.one, self.out = self.x[:1], np.empty((1, MODELS), np.float32)
        self.torch = torch
        self.net = {
            "W": torch.randn(DIM, HIDDEN, requires_grad=True),
            "b": torch.zeros(2, HIDDEN, requires_grad=True),
            "zeta": torch.zeros(2, requires_grad=True),
            "V": torch.randn(HIDDEN, MODELS, requires_grad=True),
        }
        self.t_x, self.t_actions = torch.from_numpy(self.x), torch.from_numpy(self.actions)
        self.t_y = torch.from_numpy(np.nan_to_num(self.targets).max(1))
        self.t_order = torch.from_numpy(self.order)

    def time_forward_fastgrnn(self):
        kernels.forward_fastgrnn(
            self.weights, self.one, hidden=HIDDEN, models=MODELS, gain=3.0, out=self.out
        )

    def time_forward_numpy(self):
        reference.forward_fastgrnn(self.weights, self.one, hidden=HIDDEN, models=MODELS, gain=3.0)

    def time_descend_fastgrnn(self):
        kernels.descend_fastgrnn(
            self.weights,
            self.x,
            self.targets,
            self.order,
            hidden=HIDDEN,
            gain=0.1,
            batch=BATCH,
            rate=0.01,
        )

    def time_fisher_fastgrnn(self):
        kernels.fisher_fastgrnn(
            self.weights, self.x[:SAMPLES], self.actions[:SAMPLES], hidden=HIDDEN, gain=0.1
        )

    def time_fisher_numpy(self):
        reference.fisher_fastgrnn(
            self.weights, self.x[:SAMPLES], self.actions[:SAMPLES], hidden=HIDDEN, gain=0.1
        )

    def time_descend_torch(self):
        torch, net = self.torch, self.net
        step = torch.optim.SGD(net.values(), lr=0.01)
        for begin in range(0, ROWS, BATCH):
            rows = self.t_order[begin : begin + BATCH]
            s = 0.1 * self.t_x[rows] @ net["W"]
            z, c = torch.sigmoid(s + net["b"][0]), torch.tanh(s + net["b"][1])
            zeta, nu = torch.sigmoid(net["zeta"])
            logits = ((zeta * (1 - z) + nu) * c) @ net["V"]
            chosen = logits.gather(1, self.t_actions[rows, None])[:, 0]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(chosen, self.t_y[rows])
            step.zero_grad()
            loss.backward()
            step.step()
