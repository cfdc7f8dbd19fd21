from __future__ import annotations

import time

import numpy as np

from engrain.kernels import (
    CalciumChannel,
    HodgkinHuxley,
    deliver_spikes,
    reference,
    solve_cable,
    step_calcium,
    step_hodgkin_huxley,
    step_hodgkin_huxley_rk4,
)

COUNT, STEPS, DT = 13 * 13 * 64, 100, 0.025


class Neurons:
    """13 x 13 x 64 neurons under currents in [0, 20), 100 steps per call."""

    def setup(self):
        rest = (-64.9741, 0.05309, 0.59521, 0.31807)
        self.state = [np.full(COUNT, x, dtype=np.float32) for x in rest]
        self.current = np.random.default_rng(0).uniform(0, 20, COUNT).astype(np.float32)
        self.spikes = np.zeros(COUNT, dtype=np.int32)
        self.cell = HodgkinHuxley()

    def run(self, threads):
        step_hodgkin_huxley(
            *self.state, self.current, self.spikes, self.cell, DT, STEPS, threads=threads
        )


class Population(Neurons):
    """One thread, beside NumPy."""

    def time_step_hodgkin_huxley_one_thread(self):
        self.run(1)

    def time_step_hodgkin_huxley_rk4(self):
        step_hodgkin_huxley_rk4(*self.state, self.current, self.spikes, self.cell, DT, STEPS)

    def time_numpy(self):
        reference.step_hodgkin_huxley(np.array(self.state), self.current, self.cell, DT, STEPS)

    def time_step_calcium(self):
        gate, inside = np.zeros(COUNT, np.float32), np.full(COUNT, 1e-4, np.float32)
        step_calcium(self.state[0], gate, inside, CalciumChannel(), DT)


class TwoThreads(Neurons):
    """Two threads, wall time, beside Arbor."""

    comparisons = {"measure_step_hodgkin_huxley": ["measure_arbor"]}

    def setup(self):
        super().setup()
        self.until = 0.0

    def measure_step_hodgkin_huxley(self):
        return min(wall_time(lambda: self.run(2)) for _ in range(9))

    def measure_arbor(self):
        import arbor

        simulation = arbor.simulation(hodgkin_huxley_cells(), arbor.context(threads=2))
        return min(wall_time(lambda: self.advance(simulation)) for _ in range(5))

    def advance(self, simulation):
        from arbor import units

        self.until += STEPS * DT
        simulation.run(self.until * units.ms, DT * units.ms)

    def track_million_steps_per_second(self):
        return COUNT * STEPS / self.measure_step_hodgkin_huxley() / 1e6


def wall_time(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def hodgkin_huxley_cells():
    """Return Arbor's recipe of as many cells of one compartment under such currents."""
    import arbor
    from arbor import units

    class Cells(arbor.recipe):
        currents = np.random.default_rng(0).uniform(0, 20, COUNT) * np.pi * 1e-3  # nA on 314 um2

        def num_cells(self):
            return COUNT

        def cell_kind(self, gid):
            return arbor.cell_kind.cable

        def global_properties(self, kind):
            return arbor.neuron_cable_properties()

        def cell_description(self, gid):
            tree = arbor.segment_tree()
            tree.append(arbor.mnpos, arbor.mpoint(-5, 0, 0, 5), arbor.mpoint(5, 0, 0, 5), tag=1)
            current = arbor.i_clamp(float(self.currents[gid]) * units.nA)
            decor = arbor.decor().paint("(all)", arbor.density("hh"))
            decor.place("(location 0 0.5)", current)
            return arbor.cable_cell(tree, decor, arbor.label_dict(), arbor.cv_policy_single())

    return Cells()


class Delivery:
    """Spikes of 5 % of 13 x 13 x 64 neurons with 26 synapses each."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.spikes = (rng.random(COUNT) < 0.05).astype(np.int32)
        self.indptr = np.arange(0, 26 * COUNT + 1, 26, dtype=np.int64)
        self.targets = rng.integers(0, COUNT, 26 * COUNT).astype(np.int32)
        self.weights = rng.random(26 * COUNT).astype(np.float32)
        self.delays = rng.integers(0, 20, 26 * COUNT).astype(np.int32)
        self.ring = np.zeros((20, COUNT), dtype=np.float32)

    def time_deliver_spikes(self):
        deliver_spikes(
            self.spikes, self.indptr, self.targets, self.weights, self.delays, self.ring, 0
        )

    def time_numpy(self):
        fired = np.flatnonzero(self.spikes)
        chosen = (self.indptr[fired][:, None] + np.arange(26)).ravel()
        np.add.at(self.ring, (self.delays[chosen], self.targets[chosen]), self.weights[chosen])


class Cable:
    """One implicit step of 1000 cells of 100 nodes, beside a dense solver for one of them."""

    def setup(self):
        rng = np.random.default_rng(0)
        self.parent = np.array([0, *(rng.integers(0, i) for i in range(1, 100))], dtype=np.int32)
        self.axial = rng.uniform(0.1, 1, 100)
        self.diagonal = np.full((100, 1000), 100.0)
        self.rhs = rng.standard_normal((100, 1000))

    def time_solve_cable(self):
        solve_cable(self.parent, self.axial, self.diagonal.copy(), self.rhs.copy())

    def time_numpy_one_cell(self):
        reference.solve_cable(self.parent, self.axial, self.diagonal[:, :1], self.rhs[:, :1])
