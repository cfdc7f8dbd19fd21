from __future__ import annotations

import numpy as np

from engrain.learning import (
    EligibilityTrace,
    NeuromodulatorOrchestra,
    ThreeFactorLearningRule,
)


class Request:
    """Query, retrieval and outcome of one request, beside the same mathematics in NumPy."""

    params = [[10, 100], [384, 1024]]
    param_names = ["k", "dim"]

    def setup(self, k, dim):
        rng = np.random.default_rng(0)
        self.orchestra = NeuromodulatorOrchestra()
        self.query = rng.standard_normal(dim).astype(np.float32)
        self.ids = [f"memory-{i}" for i in range(k)]
        self.scores = np.sort(rng.random(k))[::-1].tolist()
        self.rows = rng.standard_normal((k, dim)).astype(np.float32)
        self.outcomes = dict.fromkeys(self.ids, 0.7)
        self.past = rng.standard_normal((50, dim)).astype(np.float32)
        self.values = np.full(k, 0.5, dtype=np.float32)
        self.traces = np.zeros(k, dtype=np.float32)
        self.time_orchestra(k, dim)

    def time_orchestra(self, k, dim):
        self.orchestra.process_query(self.query)
        self.orchestra.process_retrieval(self.ids, self.scores, self.rows)
        self.orchestra.process_outcome(self.outcomes)

    def time_numpy(self, k, dim):
        fade = 0.95 ** np.arange(len(self.past))[::-1]
        novelty = 1.0 - float(fade @ (self.past @ self.query) / fade.sum())
        unit = self.rows / np.linalg.norm(self.rows, axis=1, keepdims=True)
        pressure = np.maximum(unit @ unit.T, 0.0)
        np.fill_diagonal(pressure, 0.0)
        left = np.array(self.scores, dtype=np.float32)
        for _ in range(5):
            w = np.exp((left - left.max()) / 0.1)
            left = np.maximum(0.0, left - 0.1 * (pressure @ (w / w.sum())))
        self.traces = self.traces * 0.95 + left
        outcomes = np.array(list(self.outcomes.values()), dtype=np.float32)
        error = outcomes - self.values
        self.values += 0.1 * error
        return min(max(0.5 + 1.5 * novelty, 0.5), 2.0) * error * self.traces

    def time_query(self, k, dim):
        self.orchestra.process_query(self.query)

    def time_retrieval(self, k, dim):
        self.orchestra.process_retrieval(self.ids, self.scores, self.rows)

    def time_outcome(self, k, dim):
        self.orchestra.process_outcome(self.outcomes)


class Traces:
    """Marking one memory, known or new, when the table is full; beside a dictionary scan."""

    params = [1_000, 10_000, 100_000]
    param_names = ["n"]

    def setup(self, n):
        self.trace = EligibilityTrace(tau=1e9, max_traces=n)
        for i in range(2 * n):
            self.trace.update(f"m{i}")
        self.held = {f"m{i}": 1.0 for i in range(n)}
        self.next = 2 * n

    def time_known(self, n):
        self.trace.update(f"m{n}")

    def time_new_at_the_cap(self, n):
        self.next += 1
        self.trace.update(f"m{self.next}")

    def time_credit(self, n):
        self.trace.credit(0.8)

    def time_dictionary_eviction(self, n):
        min(self.held, key=self.held.__getitem__)


class ThreeFactors:
    """One signal of the three-factor rule."""

    def setup(self):
        self.rule = ThreeFactorLearningRule(NeuromodulatorOrchestra())
        self.rule.mark_active("m")

    def time_compute(self):
        self.rule.compute("m", 0.01, 0.9)
