"""Oracles of the neuron kernels in float64."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array
from engrain.kernels.neuron import CalciumChannel, HodgkinHuxley

FARADAY, GAS_CONSTANT = 96485.33212, 8.31446261815324


def _linear_over_exponential(x: npt.ArrayLike) -> F64Array:
    """Return x / (1 - e^-x), which is 1 at x = 0."""
    x = np.asarray(x, dtype=np.float64)
    small = np.abs(x) < 1e-5
    safe = np.where(small, 1.0, x)
    return np.where(small, 1 + x / 2 + x * x / 12, safe / -np.expm1(-safe))


def _gate_rates(v: F64Array) -> list[tuple[F64Array, F64Array]]:
    """Return (alpha, beta) of m, h and n in 1/ms. Hodgkin and Huxley 1952, absolute potential."""
    return [
        (_linear_over_exponential((v + 40) / 10), 4 * np.exp(-(v + 65) / 18)),
        (0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))),
        (0.1 * _linear_over_exponential((v + 55) / 10), 0.125 * np.exp(-(v + 65) / 80)),
    ]


def _conductances(cell: HodgkinHuxley, gates: F64Array) -> tuple[F64Array, F64Array]:
    """Return the total conductance and the sum of conductance times reversal potential."""
    na, k = cell.g_na * gates[0] ** 3 * gates[1], cell.g_k * gates[2] ** 4
    return na + k + cell.g_leak, na * cell.e_na + k * cell.e_k + cell.g_leak * cell.e_leak


def step_hodgkin_huxley(
    state: F64Array, current: F64Array, cell: HodgkinHuxley, dt: float, steps: int = 1
) -> F64Array:
    """Return (v, m, h, n) after staggered exponential steps; `state` has shape (4, neurons).

    Gates relax exactly under the present v, then v under the new gates: the second-order
    leapfrog of Hines, 1984.
    """
    v, gates = state[0].astype(np.float64), state[1:].astype(np.float64)
    for _ in range(steps):
        for i, (alpha, beta) in enumerate(_gate_rates(v)):
            target = alpha / (alpha + beta)
            gates[i] = target + (gates[i] - target) * np.exp(-dt * cell.rate * (alpha + beta))
        total, drive = _conductances(cell, gates)
        target = (drive + current) / total
        v = target + (v - target) * np.exp(-dt * total / cell.capacitance)
    return np.concatenate([v[None], gates])


def step_hodgkin_huxley_rk4(
    state: F64Array, current: F64Array, cell: HodgkinHuxley, dt: float, steps: int = 1
) -> F64Array:
    """Return (v, m, h, n) after Runge-Kutta steps of fourth order; `state` is (4, neurons)."""

    def slope(s: F64Array) -> F64Array:
        total, drive = _conductances(cell, s[1:])
        out = [(drive + current - total * s[0]) / cell.capacitance]
        for gate, (alpha, beta) in zip(s[1:], _gate_rates(s[0]), strict=True):
            out.append(cell.rate * (alpha * (1 - gate) - beta * gate))
        return np.array(out)

    s = state.astype(np.float64)
    for _ in range(steps):
        k1 = slope(s)
        k2 = slope(s + dt / 2 * k1)
        k3 = slope(s + dt / 2 * k2)
        k4 = slope(s + dt * k3)
        s = s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return s


def step_calcium(
    v: npt.ArrayLike, gate: F64Array, inside: F64Array, channel: CalciumChannel, dt: float
) -> tuple[F64Array, F64Array, F64Array]:
    """Return (gate, concentration inside, outward current) after one step.

    Current of Goldman 1943, Hodgkin and Katz 1949; gate of Traub et al. 1991. The pool gains
    ``I / (2 F depth)`` and decays to rest with time constant tau.
    """
    v = np.asarray(v, dtype=np.float64)
    alpha = 1.6 / (1 + np.exp(-0.072 * (v - 5)))
    beta = 0.1 * _linear_over_exponential(-(v + 8.9) / 5)
    target = alpha / (alpha + beta)
    gate = target + (gate - target) * np.exp(-dt * (alpha + beta))
    u = 2e-3 * v * FARADAY / (GAS_CONSTANT * channel.temperature)
    flux = _linear_over_exponential(u) * (inside - channel.outside * np.exp(-u))
    # P cm/s x mM (1e-6 mol/cm^3) x C/mol = uA/cm^2.
    current = channel.permeability * gate**2 * 2 * FARADAY * flux
    # uA/cm^2 = 1e-6 C/(s cm^2); over depth um = 1e-4 cm: mol/cm^3/s = 1e6 mM/s = 1e3 mM/ms.
    gain = current * 1e-6 / (2 * FARADAY * channel.depth * 1e-4) * 1e3
    rest = channel.resting - channel.tau * gain
    inside = rest + (inside - rest) * np.exp(-dt / channel.tau)
    return gate, inside, current


def deliver_spikes(
    spikes: npt.ArrayLike,
    indptr: npt.ArrayLike,
    targets: npt.ArrayLike,
    weights: npt.ArrayLike,
    delays: npt.ArrayLike,
    ring: npt.ArrayLike,
    now: int,
) -> F64Array:
    """Return the ring after ``ring[(now + delay) % slots, target] += weight`` for all spikes."""
    ring, indptr = np.array(ring, dtype=np.float64), np.asarray(indptr)
    targets, delays = np.asarray(targets), np.asarray(delays)
    weights = np.asarray(weights, dtype=np.float64)
    for i in np.flatnonzero(np.asarray(spikes) > 0):
        for s in range(indptr[i], indptr[i + 1]):
            ring[(now + delays[s]) % len(ring), targets[s]] += weights[s]
    return ring
