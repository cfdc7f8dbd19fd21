"""Values, modulators, inhibition, prioritised replay and the inline scorer."""

from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import ModulatorRule, Modulators, SumTree, TdRule, ValueTable, reference

from .common import needs, optional

torch = optional("torch")
if torch:
    torch.set_num_threads(1)


class LearnValues:
    """Errors and new expectations of ten outcomes, beside a dict and NumPy."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.handles, self.outcomes = rng.permutation(100_000)[:10], rng.random(10, np.float32)
        self.table, self.errors = ValueTable(TdRule()), np.empty(10, np.float32)
        self.values = np.full(100_000, 0.5, np.float32)
        self.dict = dict.fromkeys(range(100_000), 0.5)
        self.pairs = list(zip(self.handles.tolist(), self.outcomes.tolist(), strict=True))

    def time_engrain(self):
        self.table.learn(self.handles, self.outcomes, self.errors)

    def time_learn_values(self):
        kernels.learn_values(self.values, self.handles, self.outcomes, 0.1, self.errors)

    def time_dict(self):
        for handle, outcome in self.pairs:
            self.dict[handle] += 0.1 * (outcome - self.dict[handle])

    def time_numpy(self):
        errors = np.clip(self.outcomes - self.values[self.handles], -1, 1)
        self.values[self.handles] += np.float32(0.1) * errors

    def floor(self, machine):
        return machine.call + 10 * machine.cached_line


class TdLambda:
    """One transition over n eligible states, beside NumPy."""

    params = [1_000, 10_000]
    param_names = ["n"]

    def setup(self, n):
        self.values, self.traces = np.zeros((2, n), np.float32)
        self.states, self.next, self.rewards = np.array([1]), np.array([2]), np.ones(1, np.float32)
        self.rule, self.carry = TdRule(kind="true_online"), np.zeros(1, np.float32)

    def time_engrain(self, n):
        kernels.td_lambda(
            self.values, self.traces, self.states, self.next, self.rewards, self.rule, self.carry
        )

    def time_numpy(self, n):
        values, traces = self.values, self.traces
        delta = 1 + 0.95 * values[2] - values[1]
        traces *= np.float32(0.855)
        traces[1] = 0.9 * traces[1] + 1
        values += np.float32(0.1 * delta) * traces

    def floor(self, n, machine):
        return machine.call + machine.stream(16 * n)


class ModulateQuery:
    """The query phase (novelty, norepinephrine, acetylcholine), beside NumPy over 50 queries."""

    params = [384, 1024]
    param_names = ["dim"]

    def setup(self, dim):
        rng = np.random.default_rng(0)
        self.query = rng.standard_normal(dim).astype(np.float32)
        self.modulators = Modulators(dim, ModulatorRule())
        self.past = rng.standard_normal((50, dim)).astype(np.float32)
        self.weights = 0.95 ** np.arange(50, dtype=np.float32)

    def time_engrain(self, dim):
        self.modulators.query(self.query, 0.4, 0.1)

    def time_observe_novelty_over_a_window(self, dim):
        reference.observe_novelty(self.past, self.query, 0.95)

    def time_numpy(self, dim):
        cosines = self.past @ self.query / np.sqrt(self.query @ self.query)
        return 1 - cosines @ self.weights / self.weights.sum()

    def floor(self, dim, machine):
        return machine.call + machine.stream(12 * dim)


class ModulateOutcome:
    """The outcome phase of ten memories, beside the oracle modulate_outcome (NumPy)."""

    def setup(self):
        self.arrays = np.random.default_rng(0).random((3, 10), dtype=np.float32)
        self.modulators = Modulators(8, ModulatorRule())
        self.signals = np.empty(10, np.float32)
        self.state = reference.modulate_query(self.modulators.values, ModulatorRule(), 0.5)

    def time_engrain(self):
        self.modulators.outcome(*self.arrays, None, self.signals)

    def time_numpy(self):
        reference.modulate_outcome(self.state, ModulatorRule(), *self.arrays)


class Inhibit:
    """Lateral inhibition among k memories, beside the oracle in NumPy."""

    params = [10, 100]
    param_names = ["k"]

    def setup(self, k):
        rng = np.random.default_rng(0)
        rows = rng.standard_normal((k, 64)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        self.similarity = rows @ rows.T
        self.scores, self.rule = rng.random(k, np.float32), kernels.InhibitionRule()

    def time_engrain(self, k):
        kernels.inhibit(self.scores, self.similarity, self.rule)

    def time_numpy(self, k):
        reference.inhibit(self.scores, self.similarity, self.rule)


class SamplePriorities:
    """Draw 32 of a million by priority and set their priorities anew, beside NumPy's choice."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.priorities = rng.random(1_000_000, dtype=np.float32) + np.float32(0.01)
        self.tree = SumTree(1_000_000)
        self.tree.update(np.arange(1_000_000), self.priorities)
        self.items, self.weights = np.empty(32, np.int64), np.empty(32, np.float32)
        self.uniforms = rng.random(32)

    def time_engrain(self):
        self.tree.sample(self.items, self.weights, 1_000_000)

    def time_engrain_sample_and_update(self):
        self.tree.sample(self.items, self.weights, 1_000_000)
        self.tree.update(self.items, self.weights)

    def time_numpy(self):
        reference.sample_priorities(self.priorities, self.uniforms, 0.6, 0.4)

    def floor(self, machine):
        return machine.call + 32 * 8 * machine.random_line


class ScoreFeatures:
    """Scores of n candidates by the 4-32-32-1 perceptron, beside torch and NumPy."""

    params = [10, 100]
    param_names = ["n"]

    def setup(self, n):
        self.parameters = kernels.init_scorer()
        self.features = np.random.default_rng(0).standard_normal((n, 4)).astype(np.float32)
        self.out = np.empty(n, np.float32)
        sizes = np.cumsum([128, 32, 1024, 32, 32])
        self.parts = np.split(self.parameters, sizes)
        if torch:
            self.net = torch.nn.Sequential(
                torch.nn.Linear(4, 32),
                torch.nn.ReLU(),
                torch.nn.Linear(32, 32),
                torch.nn.ReLU(),
                torch.nn.Linear(32, 1),
            )
            self.x = torch.from_numpy(self.features)

    def time_engrain(self, n):
        kernels.score_features(self.parameters, self.features, self.out)

    @needs("torch")
    def time_torch(self, n):
        with torch.inference_mode():
            self.net(self.x)

    def time_numpy(self, n):
        w1, b1, w2, b2, w3, b3 = self.parts
        first = np.maximum(self.features @ w1.reshape(4, 32) + b1, 0)
        return np.maximum(first @ w2.reshape(32, 32) + b2, 0) @ w3 + b3

    def floor(self, n, machine):
        return machine.call + machine.flops(2 * 1184 * n)


class TrainScorer:
    """Forward, backpropagate and adam_step (or sgd_step) of 32 lists of ten, beside torch."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.parameters = kernels.init_scorer()
        self.features = rng.standard_normal((320, 4)).astype(np.float32)
        self.upstream = (rng.standard_normal(320) / 320).astype(np.float32)
        self.mean, self.square, self.gradient = np.zeros((3, len(self.parameters)), np.float32)
        if torch:
            self.net = torch.nn.Sequential(
                torch.nn.Linear(4, 32),
                torch.nn.ReLU(),
                torch.nn.Linear(32, 32),
                torch.nn.ReLU(),
                torch.nn.Linear(32, 1),
            )
            self.adam = torch.optim.Adam(self.net.parameters(), lr=1e-4)
            self.x, self.u = torch.from_numpy(self.features), torch.from_numpy(self.upstream)

    def time_engrain(self):
        self.gradient[:] = 0
        kernels.backpropagate(self.parameters, self.features, self.upstream, self.gradient)
        kernels.adam_step(self.parameters, self.gradient, self.mean, self.square, 100)

    def time_engrain_sgd_step(self):
        self.gradient[:] = 0
        kernels.backpropagate(self.parameters, self.features, self.upstream, self.gradient)
        kernels.sgd_step(self.parameters, self.gradient, 1e-4)

    @needs("torch")
    def time_torch(self):
        self.adam.zero_grad()
        self.net(self.x)[:, 0].backward(self.u)
        self.adam.step()

    def floor(self, machine):
        return machine.call + machine.flops(6 * 1184 * 320)
