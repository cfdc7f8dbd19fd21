from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import StdpRule, Synapses, poisson_spikes, reference

from .common import needs, optional

numba, torch = optional("numba"), optional("torch")
if torch:
    torch.set_num_threads(1)

RULE = StdpRule()

if numba:

    @numba.njit(fastmath=True)
    def numba_events(W, x, y, pre, post, a_plus, a_minus):
        for i in pre:
            for j in range(W.shape[1]):
                W[i, j] = max(W[i, j] - a_minus * y[j], np.float32(0))
        for i in range(W.shape[0]):
            a = a_plus * x[i]
            for j in post:
                W[i, j] = min(W[i, j] + a, np.float32(1))


class StepStdp:
    """One event-driven step of 1,000 x 1,000 synapses, 10 pre and 7 post spikes.

    The peers do the weights alone; ours also decays and marks the traces.
    """

    def setup(self):
        rng = np.random.default_rng(0)
        self.W = np.full((1000, 1000), 0.5, dtype=np.float32)
        self.x, self.y = rng.random((2, 1000), dtype=np.float32)
        self.pre, self.post = rng.permutation(1000)[:10], rng.permutation(1000)[:7]
        self.rates = np.float32(0.005), np.float32(0.00525)
        if numba:
            numba_events(self.W, self.x, self.y, self.pre, self.post, *self.rates)
        if torch:
            self.spikes = torch.zeros(2, 1000)
            self.spikes[0, self.pre] = self.spikes[1, self.post] = 1
            self.tW, self.tx, self.ty = map(torch.from_numpy, (self.W, self.x, self.y))

    def time_engrain(self):
        kernels.step_stdp(self.W, self.x, self.y, self.pre, self.post, RULE)

    @needs("numba")
    def time_numba_events(self):
        numba_events(self.W, self.x, self.y, self.pre, self.post, *self.rates)

    @needs("torch")
    def time_torch_dense(self):
        pre, post = self.spikes
        self.tW.addr_(self.tx, post, alpha=0.005).addr_(pre, self.ty, alpha=-0.00525).clamp_(0, 1)

    def time_numpy_events(self):
        W, (a_plus, a_minus) = self.W, self.rates
        W[self.pre] = np.maximum(W[self.pre] - a_minus * self.y, 0)
        W[:, self.post] = np.minimum(W[:, self.post] + (a_plus * self.x)[:, None], 1)

    def floor(self, machine):
        return machine.call + machine.stream(10 * 8000) + 7000 * machine.scattered_word


class StepStdpCompiled:
    """The dense step beside torch.compile, which needs a C++ compiler at run time."""

    def setup(self):
        StepStdp.setup(self)
        if torch:

            def step(W, x, y, pre, post):
                change = 0.005 * x[:, None] * post - 0.00525 * pre[:, None] * y
                return W.copy_((W + change).clamp(0, 1))

            self.compiled = torch.compile(step, dynamic=False)
            self.time_torch_compile()

    time_engrain = StepStdp.time_engrain

    @needs("torch")
    def time_torch_compile(self):
        self.compiled(self.tW, self.tx, self.ty, *self.spikes)


class RunStdp:
    """A million sparse synapses (10,000 -> 10,000, 100 each), 10 Hz, one biological second.

    `brian2_stdp.py` runs the same network in Brian2, where that is installed.
    """

    timeout = 300

    def setup(self):
        rng, n = np.random.default_rng(0), 10_000
        pre, post = np.repeat(np.arange(n), 100), rng.integers(0, n, 100 * n)
        self.synapses = Synapses(pre, post, np.full(100 * n, 0.5, np.float32), n, n)
        self.pre, self.post = (poisson_spikes(n, 1000, 10.0, seed=seed) for seed in (1, 2))
        self.dopamine = np.ones(1000)

    def time_engrain(self):
        self.synapses.run(self.pre, self.post, RULE)

    def time_engrain_with_own_spikes(self):
        pre, post = (poisson_spikes(10_000, 1000, 10.0, seed=seed) for seed in (3, 4))
        self.synapses.run(pre, post, RULE)

    def floor(self, machine):
        return 10_000_000 * (machine.scattered_word + machine.stream(8))

    def track_error_of_run_stdp(self):
        """Largest difference from the oracle in float64, over a 30 x 30 network."""
        rows, columns = np.divmod(np.arange(900), 30)
        start = np.random.default_rng(0).random((30, 30))
        spikes = [poisson_spikes(30, 200, 40.0, seed=seed) for seed in (1, 2)]
        synapses = Synapses(rows, columns, start.ravel().copy(), 30, 30)
        synapses.run(*spikes, RULE)
        expected, _ = reference.run_stdp(start, *spikes, RULE)
        return float(np.abs(synapses.weights - expected.ravel()).max())

    def track_error_of_sum_pairs(self):
        """Difference of one synapse from sum_pairs, the brute-force sum over pairs."""
        rule = StdpRule(w_min=-1e6, w_max=1e6)
        pre, post = (poisson_spikes(1, 5000, 20.0, seed=seed) for seed in (1, 2))
        synapses = Synapses([0], [0], np.zeros(1), 1, 1)
        synapses.run(pre, post, rule)
        times = [np.flatnonzero(np.diff(train.start)) for train in (pre, post)]
        return float(abs(synapses.weights[0] - reference.sum_pairs(*times, rule)))


class RunModulatedStdp:
    """The million synapses under dopamine, and the difference from run_modulated_stdp."""

    setup = RunStdp.setup

    def time_engrain(self):
        self.synapses.run(self.pre, self.post, RULE, self.dopamine)

    def track_error_of_run_modulated_stdp(self):
        rule = StdpRule(w_min=-1e6, w_max=1e6)
        pre, post = (poisson_spikes(1, 3000, 20.0, seed=seed) for seed in (1, 2))
        dopamine = np.random.default_rng(0).random(3000)
        synapses = Synapses([0], [0], np.zeros(1), 1, 1)
        synapses.run(pre, post, rule, dopamine)
        expected = reference.run_modulated_stdp(0.0, pre, post, rule, dopamine, 1000.0)
        return float(abs(synapses.weights[0] - expected))


class PoissonSpikes:
    """Spikes of 10,000 neurons at 10 Hz for one second, beside NumPy's uniform numbers."""

    def setup(self):
        self.rng = np.random.default_rng(0)

    def time_engrain(self):
        poisson_spikes(10_000, 1000, 10.0, seed=1)

    def time_numpy(self):
        for _ in range(1000):
            np.flatnonzero(self.rng.random(10_000, dtype=np.float32) < 0.01)
