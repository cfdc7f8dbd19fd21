from __future__ import annotations

from functools import partial

import numpy as np

from engrain.kernels import MicroLoRA, reference
from engrain.policy.gate import GatedRows, InlineGate


def taught_gate():
    """Return a gate that is no longer the identity, and unit vectors around it."""
    rng = np.random.default_rng(0)
    draw = partial(rng.standard_normal, dtype=np.float32)
    gate, outcomes = InlineGate(384), np.eye(10, dtype=np.float32)[0]
    for _ in range(50):
        gate.update(unit(draw(384)), unit(draw((10, 384))), outcomes)
    return gate, draw


def unit(x):
    return np.ascontiguousarray(x / np.linalg.norm(x, axis=-1, keepdims=True), np.float32)


class SelectTopFive:
    """The five best of n memories of 384-d under a taught gate, beside the same in peers."""

    params = [100, 1_000, 10_000]
    param_names = ["memories"]

    def setup(self, n):
        import torch

        torch.set_num_threads(1)
        self.gate, draw = taught_gate()
        self.s, self.rows = unit(draw(384)), unit(draw((n, 384)))
        self.prepared = GatedRows(self.rows)
        self.weight = np.ascontiguousarray(self.gate.weight)
        self.torch = [torch.from_numpy(a) for a in (self.s, self.weight, self.rows)]

    def floor(self, n, machine):
        return machine.call + machine.stream(n * 384)

    def time_engrain(self, n):
        self.gate.select_top_k(self.s, self.prepared, 5)

    def time_numpy(self, n):
        scores = self.rows @ (self.s @ self.weight)
        np.argpartition(-scores, 5)[:5]

    def time_torch(self, n):
        s, weight, rows = self.torch
        (rows @ (s @ weight)).topk(5)

    def track_recall_of_exact_five(self, n):
        exact, _ = self.gate.select_top_k(self.s, self.rows, 5)
        found, _ = self.gate.select_top_k(self.s, self.prepared, 5)
        return len(set(exact.tolist()) & set(found.tolist())) / 5


class UpdateGate:
    """One step on a list of ten, and project_lora alone, beside its oracle."""

    comparisons = {"time_update": [], "time_project_lora": ["time_oracle_project_lora"]}

    def setup(self):
        self.gate, draw = taught_gate()
        self.s, self.rows = unit(draw(384)), unit(draw((10, 384)))
        self.outcomes = np.eye(10, dtype=np.float32)[3]
        self.lora = MicroLoRA(384, 16)
        self.lora.update(self.s, self.rows[0])

    def time_update(self):
        self.gate.update(self.s, self.rows, self.outcomes)

    def time_project_lora(self):
        self.lora.project(1.0)

    def time_oracle_project_lora(self):
        reference.project_lora(self.lora.a, self.lora.b, 1.0, 1.0)
