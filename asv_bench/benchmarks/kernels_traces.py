from __future__ import annotations

import itertools
import math

import numpy as np

from engrain import kernels
from engrain.kernels import TRACE, TraceRule, TraceTable

from .common import needs, optional

RULE = TraceRule(tau_fast=5, tau_slow=60, mix=0.7)
numba, torch = optional("numba"), optional("torch")
if torch:
    torch.set_num_threads(1)


def batches(n, which, k=32):
    """Requests of k handles each: the same ones again and again, or 2,048 different sets."""
    rng = np.random.default_rng(0)
    return itertools.cycle([rng.integers(0, n, k) for _ in range(1 if which == "same" else 2048)])


if numba:

    @numba.njit(fastmath=True)
    def numba_dense(fast, slow, weights, decay_fast, decay_slow, mix, reward):
        for i in range(fast.size):
            fast[i] *= decay_fast
            slow[i] *= decay_slow
            weights[i] += reward * (mix * fast[i] + (np.float32(1) - mix) * slow[i])

    @numba.njit(fastmath=True)
    def numba_lazy(fast, slow, last, now, handles):
        for j in handles:
            dt = now - last[j]
            fast[j] = fast[j] * math.exp(-dt / 5.0) + 1
            slow[j] = slow[j] * math.exp(-dt / 60.0) + 1
            last[j] = now


class TouchTraces:
    """A request touches 32 of n traces on two time scales; dense peers decay all of them."""

    params = [[10_000, 1_000_000], ["same", "random"]]
    param_names = ["n", "handles"]

    def setup(self, n, which):
        self.batches, self.now = batches(n, which), 0.0
        self.activity = np.ones(32, dtype=np.float32)
        self.table = TraceTable(n, RULE)
        everything = np.arange(n)
        self.table.touch(everything, np.ones(n, dtype=np.float32), 0.0)
        self.traces = np.zeros(n, dtype=TRACE)
        self.fast, self.slow, self.weights = np.zeros((3, n), dtype=np.float32)
        self.last = np.zeros(n)
        if torch:
            self.torch = [torch.zeros(n) for _ in range(3)]
            self.ones = torch.ones(32)
        if numba:
            self.decays = [np.float32(x) for x in (0.82, 0.98, 0.7, 0.1)]
            self.time_numba_dense(n, which)
            self.time_numba_lazy(n, which)

    def time_engrain(self, n, which):
        self.now += 0.01
        self.table.touch(next(self.batches), self.activity, self.now)

    def time_touch_traces(self, n, which):
        self.now += 0.01
        kernels.touch_traces(self.traces, next(self.batches), self.activity, self.now, RULE)

    @needs("numba")
    def time_numba_dense(self, n, which):
        numba_dense(self.fast, self.slow, self.weights, *self.decays)
        handles = next(self.batches)
        self.fast[handles] += 1
        self.slow[handles] += 1

    @needs("numba")
    def time_numba_lazy(self, n, which):
        self.now += 0.01
        numba_lazy(self.fast, self.slow, self.last, self.now, next(self.batches))

    @needs("torch")
    def time_torch(self, n, which):
        fast, slow, weights = self.torch
        fast.mul_(0.82)
        slow.mul_(0.98)
        handles = torch.from_numpy(next(self.batches))
        fast.index_add_(0, handles, self.ones)
        slow.index_add_(0, handles, self.ones)
        weights.add_(fast, alpha=0.07).add_(slow, alpha=0.03)

    def time_numpy(self, n, which):
        self.fast *= np.float32(0.82)
        self.slow *= np.float32(0.98)
        handles = next(self.batches)
        self.fast[handles] += 1
        self.slow[handles] += 1
        self.weights += np.float32(0.07) * self.fast + np.float32(0.03) * self.slow

    def floor(self, n, which, machine):
        return machine.call + 32 * (
            machine.random_line if which == "random" else machine.cached_line
        )


class TouchTracesBesideDense(TouchTraces):
    """The same request, beside the peers that decay all of a million traces."""

    params = [[1_000_000], ["same", "random"]]
    comparisons = {"time_engrain": ["time_numba_dense", "time_torch", "time_numpy"]}


class ReadTraces:
    """Credit of every trace held, into an array."""

    params = [1_000, 10_000, 100_000]
    param_names = ["n"]

    def setup(self, n):
        self.table, self.out = TraceTable(n, RULE), np.empty(n, dtype=np.float32)
        self.table.touch(np.arange(n), np.ones(n, dtype=np.float32), 0.0)
        self.traces, self.handles = np.zeros(n, dtype=TRACE), np.arange(n)
        self.fast, self.slow = np.ones((2, n), dtype=np.float32)
        self.last = np.zeros(n)

    def time_engrain(self, n):
        self.table.credit(0.5, 10.0, self.out)

    def time_read_traces(self, n):
        kernels.read_traces(self.traces, self.handles, 10.0, RULE, 0.5, self.out)

    def time_numpy(self, n):
        dt = 10.0 - self.last
        fast = self.fast * np.exp(-dt / 5.0)
        np.multiply(0.5, 0.7 * fast + 0.3 * self.slow * np.exp(-dt / 60.0), out=self.out)

    def floor(self, n, machine):
        return machine.call + machine.stream(20 * n)


class StepTraces:
    """Dense decay and credit of every trace in one pass."""

    params = [10_000, 100_000, 1_000_000]
    param_names = ["n"]

    def setup(self, n):
        self.arrays = list(np.ones((3, n), dtype=np.float32))
        self.decays = [np.float32(x) for x in (0.999, 0.9999, 0.7, 0.1)]
        self.buffers = list(np.empty((2, n), dtype=np.float32))
        if torch:
            self.torch = [torch.ones(n) for _ in range(3)]
        if numba:
            numba_dense(*self.arrays, *self.decays)

    def time_engrain(self, n):
        kernels.step_traces(*self.arrays, 0.999, 0.9999, 0.7, 0.1)

    @needs("numba")
    def time_numba(self, n):
        numba_dense(*self.arrays, *self.decays)

    @needs("torch")
    def time_torch(self, n):
        fast, slow, weights = self.torch
        fast.mul_(0.999)
        slow.mul_(0.9999)
        weights.add_(fast, alpha=0.07).add_(slow, alpha=0.03)

    def time_numpy(self, n):
        (fast, slow, weights), (a, b) = self.arrays, self.buffers
        np.multiply(fast, self.decays[0], out=fast)
        np.multiply(slow, self.decays[1], out=slow)
        np.multiply(fast, np.float32(0.07), out=a)
        np.multiply(slow, np.float32(0.03), out=b)
        np.add(a, b, out=a)
        np.add(weights, a, out=weights)

    def floor(self, n, machine):
        return machine.call + machine.stream(24 * n)
