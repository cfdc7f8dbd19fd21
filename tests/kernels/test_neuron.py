from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from engrain import kernels
from engrain.base.arrays import F32Array, F64Array, I32Array
from engrain.base.errors import ConfigError
from engrain.kernels import CalciumChannel, HodgkinHuxley, reference
from engrain.kernels.neuron import Method
from engrain.kernels.reference.neuron import _conductances, _gate_rates
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS

REST = (-64.9741, 0.0530932, 0.595204, 0.318073)
# Current in uA/cm^2: spikes of a 1000 ms step and steady rate in Hz, by RK4 at dt 0.01 ms.
F_I = {
    2.2: (0, 0.0), 2.25: (1, 0.0), 6.0: (2, 0.0), 6.5: (56, 55.288), 7.0: (59, 58.460),
    10.0: (69, 68.390), 20.0: (87, 86.507), 50.0: (117, 117.057), 80.0: (137, 137.026),
    120.0: (2, 0.0), 160.0: (1, 0.0),
}  # fmt: skip


def at_rest(count: int) -> list[F32Array]:
    return [np.full(count, x, dtype=np.float32) for x in REST]


def mixed(count: int) -> tuple[list[F32Array], F32Array]:
    rng = np.random.default_rng(count)
    low, high = [-90, 0, 0, 0], [40, 1, 1, 1]
    state = [rng.uniform(a, b, count).astype(np.float32) for a, b in zip(low, high, strict=True)]
    return state, rng.uniform(0, 20, count).astype(np.float32)


def spike_times(currents: F64Array, dt: float, method: Method) -> list[F64Array]:
    """Return the upward crossings of -20 mV during a step of 1000 ms."""
    state, spikes = at_rest(len(currents)), np.zeros(len(currents), dtype=np.int32)
    current, before = currents.astype(np.float32), np.empty(len(currents), dtype=np.float32)
    times: list[list[float]] = [[] for _ in currents]
    for k in range(round(1000 / dt)):
        before[:] = state[0]
        v, m, h, n = state
        kernels.step_hodgkin_huxley(v, m, h, n, current, spikes, HodgkinHuxley(), dt, method=method)
        for i in np.flatnonzero(spikes):
            part = (-20 - before[i]) / (state[0][i] - before[i])
            times[i].append((k + float(part)) * dt)
    return [np.array(t) for t in times]


def steady_rate(times: F64Array) -> float:
    late = times[times > 500]
    return 1000 / float(np.diff(late).mean()) if len(late) > 1 else 0.0


@pytest.mark.parametrize("count", EXTENTS)
@pytest.mark.parametrize("method", ["exponential", "rk4"])
def test_population_agrees_with_its_oracle(simd: str, count: int, method: Method) -> None:
    state, current = mixed(count)
    oracle = (
        reference.step_hodgkin_huxley
        if method == "exponential"
        else reference.step_hodgkin_huxley_rk4
    )
    wanted = oracle(np.array(state), current.astype(np.float64), HodgkinHuxley(), 0.01, 5)
    spikes = np.zeros(count, dtype=np.int32)
    kernels.step_hodgkin_huxley(
        state[0], state[1], state[2], state[3], current, spikes, HodgkinHuxley(), 0.01, 5,
        method=method,
    )  # fmt: skip
    for got, want, scale in zip(state, wanted, (100, 1, 1, 1), strict=True):
        assert np.all(np.abs(got - want) <= 5e-6 * scale)


def test_population_is_equal_bit_for_bit_at_every_level_and_for_any_threads() -> None:
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        for threads in (1, 2):
            (v, m, h, n), current = mixed(3001)
            spikes = np.zeros(3001, dtype=np.int32)
            kernels.step_hodgkin_huxley(
                v, m, h, n, current, spikes, HodgkinHuxley(), 0.025, 400, threads=threads
            )
            results.add(b"".join(a.tobytes() for a in (v, m, h, n, spikes)))
    assert len(results) == 1


@pytest.mark.parametrize(("method", "dt"), [("exponential", 0.025), ("rk4", 0.025)])
def test_rates_of_firing_are_those_of_the_model(method: Method, dt: float) -> None:
    for times, (count, rate) in zip(
        spike_times(np.array(list(F_I)), dt, method), F_I.values(), strict=True
    ):
        assert len(times) == count
        assert steady_rate(times) == pytest.approx(rate, rel=1e-3)


def test_rates_of_firing_agree_with_the_reference_table(data: Path) -> None:
    with (data / "hh_reference" / "hh_fi.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["I_uA_cm2"] != "6.2"]
    currents = np.array([float(row["I_uA_cm2"]) for row in rows])
    for times, row in zip(spike_times(currents, 0.025, "exponential"), rows, strict=True):
        assert len(times) == int(row["rk4_n"]), row
        assert steady_rate(times) == pytest.approx(float(row["rk4_hz_steady"]), rel=1e-3)


def slope(state: F64Array, current: float) -> F64Array:
    total, drive = _conductances(HodgkinHuxley(), state[1:])
    gates = [
        alpha * (1 - gate) - beta * gate
        for gate, (alpha, beta) in zip(state[1:], _gate_rates(state[0]), strict=True)
    ]
    return np.array([drive + current - total * state[0], *gates])


def fixed_point(current: float) -> F64Array:
    """Return the resting state under a current; the steady current rises with v."""
    low, high = -80.0, -30.0
    for _ in range(100):
        v = (low + high) / 2
        state = np.array([v, *(a / (a + b) for a, b in _gate_rates(np.array(v)))])
        low, high = (v, high) if slope(state, current)[0] > 0 else (low, v)
    return state


def jacobian(state: F64Array, current: float) -> F64Array:
    columns = []
    for i in range(4):
        d = np.zeros(4)
        d[i] = 1e-4
        columns.append((slope(state + d, current) - slope(state - d, current)) / 2e-4)
    return np.array(columns).T


def growth(current: float) -> float:
    return float(np.linalg.eigvals(jacobian(fixed_point(current), current)).real.max())


def test_rest_and_hopf_points() -> None:
    assert fixed_point(0.0) == pytest.approx([-64.9741, 0.05309, 0.59521, 0.31807], abs=1e-4)
    assert growth(9.74) < 0 < growth(9.76)
    assert growth(154.4) > 0 > growth(154.6)
    state, spikes = at_rest(1), np.zeros(1, dtype=np.int32)
    kernels.step_hodgkin_huxley(
        state[0], state[1], state[2], state[3], np.zeros(1, np.float32), spikes, HodgkinHuxley(),
        0.025, 4000,
    )  # fmt: skip
    assert state[0][0] == pytest.approx(-64.9741, abs=1e-3)


def test_a_step_of_any_length_stays_bounded() -> None:
    state, current = mixed(1003)
    spikes = np.zeros(1003, dtype=np.int32)
    for dt in (0.1, 1.0, 50.0):
        kernels.step_hodgkin_huxley(
            state[0], state[1], state[2], state[3], current, spikes, HodgkinHuxley(), dt, 100
        )
        assert state[0].min() > -80
        assert state[0].max() < 70


def test_calcium_agrees_with_its_oracle(simd: str) -> None:
    channel = CalciumChannel()
    v = np.linspace(-100, 60, 1003, dtype=np.float32)
    gate, inside = np.full_like(v, 0.3), np.full_like(v, 5e-4)
    wanted = reference.step_calcium(v, gate.astype(float), inside.astype(float), channel, 0.5)
    out = kernels.step_calcium(v, gate, inside, channel, 0.5)
    for got, want in zip((gate, inside, out), wanted, strict=True):
        assert np.all(np.abs(got - want) <= 1e-5 * np.abs(want).max())


def test_calcium_current_vanishes_at_the_nernst_potential() -> None:
    channel = CalciumChannel()
    factor = 1e3 * 8.31446261815324 * channel.temperature / (2 * 96485.33212)
    for inside in (1e-4, 1e-3, 0.1):
        nernst = factor * np.log(channel.outside / inside)
        around = np.array([nernst - 5, nernst, nernst + 5])
        _, _, current = reference.step_calcium(
            around, np.ones(3), np.full(3, inside), channel, 1e-9
        )
        assert current[0] < 0 < current[2]
        assert abs(current[1]) < 1e-9 * abs(current[0])
        got = kernels.step_calcium(
            around.astype(np.float32), np.ones(3, np.float32), np.full(3, inside, np.float32),
            channel, 1e-6,
        )  # fmt: skip
        assert abs(got[1]) < 1e-4 * abs(got[0])


def network(count: int) -> tuple[I32Array, list[np.ndarray]]:
    rng = np.random.default_rng(count)
    degree = rng.integers(0, 6, count)
    indptr = np.concatenate([[0], np.cumsum(degree)]).astype(np.int64)
    synapses = int(indptr[-1])
    return rng.integers(0, 2, count).astype(np.int32), [
        indptr,
        rng.integers(0, count, synapses).astype(np.int32),
        rng.standard_normal(synapses).astype(np.float32),
        rng.integers(0, 4, synapses).astype(np.int32),
    ]


@pytest.mark.parametrize("count", [1, 17, 1003])
def test_spikes_arrive_where_and_when_they_should(count: int) -> None:
    spikes, (indptr, targets, weights, delays) = network(count)
    ring = np.ones((4, count), dtype=np.float32)
    wanted = reference.deliver_spikes(spikes, indptr, targets, weights, delays, ring, 3)
    kernels.deliver_spikes(spikes, indptr, targets, weights, delays, ring, 3)
    assert np.allclose(ring, wanted, atol=1e-5)


def test_wrong_input_is_refused_before_anything_changes() -> None:
    spikes, (indptr, targets, weights, delays) = network(17)
    ring = np.ones((4, 17), dtype=np.float32)
    with pytest.raises(ValueError, match="inside the ring"):
        kernels.deliver_spikes(
            np.ones(17, np.int32), indptr, targets, weights, delays + np.int32(4), ring, 0
        )
    with pytest.raises(ValueError, match="indptr"):
        kernels.deliver_spikes(spikes, indptr[:-1], targets, weights, delays, ring, 0)
    assert np.all(ring == 1)
    state, current = mixed(8)
    spikes = np.zeros(8, dtype=np.int32)
    with pytest.raises(TypeError):
        kernels.step_hodgkin_huxley(
            state[0].astype(np.float64), state[1], state[2], state[3], current, spikes,
            HodgkinHuxley(), 0.01,
        )  # fmt: skip
    with pytest.raises(ValueError, match="dt"):
        kernels.step_hodgkin_huxley(
            state[0], state[1], state[2], state[3], current, spikes, HodgkinHuxley(), 0.0
        )
    with pytest.raises(ConfigError, match="capacitance"):
        HodgkinHuxley(capacitance=0)
    with pytest.raises(ConfigError, match="outside"):
        CalciumChannel(outside=-1)
