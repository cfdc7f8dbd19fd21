"""Populations of Hodgkin-Huxley neurons on NumPy arrays, their calcium and their spikes."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from engrain import _kernels
from engrain.base.arrays import F32Array, I32Array, I64Array
from engrain.base.errors import ConfigError

Method = Literal["exponential", "rk4"]


def _values(rule: HodgkinHuxley | CalciumChannel) -> tuple[float, ...]:
    return tuple(getattr(rule, name) for name in rule.__slots__)


def _require_positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if not (math.isfinite(value) and value > 0):
            raise ConfigError(f"{name}: expected a finite number > 0, got {value!r}")


@dataclass(frozen=True, slots=True)
class HodgkinHuxley:
    """A membrane with sodium, potassium and leak channels: the squid axon at 6.3 degrees.

    Hodgkin and Huxley, J. Physiol. 117 (1952) 500-544, in absolute potentials; leak reversal as in
    NEURON.

    Attributes
    ----------
    capacitance : float
        uF/cm^2.
    g_na, g_k, g_leak : float
        mS/cm^2.
    e_na, e_k, e_leak : float
        mV.
    rate : float
        Factor on the gating kinetics: ``3 ** ((celsius - 6.3) / 10)``.
    """

    capacitance: float = 1.0
    g_na: float = 120.0
    g_k: float = 36.0
    g_leak: float = 0.3
    e_na: float = 50.0
    e_k: float = -77.0
    e_leak: float = -54.3
    rate: float = 1.0

    def __post_init__(self) -> None:
        _require_positive(self, "capacitance", "g_leak", "rate")
        for field in fields(self):
            if not math.isfinite(getattr(self, field.name)):
                raise ConfigError(f"{field.name}: expected a finite number")
        if self.g_na < 0 or self.g_k < 0:
            raise ConfigError(f"g_na and g_k must be >= 0, got {self.g_na} and {self.g_k}")


@dataclass(frozen=True, slots=True)
class CalciumChannel:
    """A high-threshold calcium channel with the Goldman-Hodgkin-Katz current, and its pool.

    Gate: Traub et al., J. Neurophysiol. 66 (1991) 635-650.

    Attributes
    ----------
    permeability : float
        cm/s at an open gate.
    outside, resting : float
        Concentrations in mM.
    temperature : float
        K.
    tau : float
        Time constant of the pool in ms.
    depth : float
        Depth of the shell that the current fills, in um.
    """

    permeability: float = 1e-5
    outside: float = 2.0
    resting: float = 1e-4
    temperature: float = 279.45
    tau: float = 20.0
    depth: float = 0.5

    def __post_init__(self) -> None:
        _require_positive(self, "outside", "resting", "temperature", "tau", "depth")
        if not (math.isfinite(self.permeability) and self.permeability >= 0):
            raise ConfigError(f"permeability: expected a number >= 0, got {self.permeability!r}")


def step_hodgkin_huxley(
    v: F32Array,
    m: F32Array,
    h: F32Array,
    n: F32Array,
    current: F32Array,
    spikes: I32Array,
    cell: HodgkinHuxley,
    dt: float,
    steps: int = 1,
    *,
    method: Method = "exponential",
    threshold: float = -20.0,
    threads: int = 1,
) -> None:
    """Advance a population in place under a constant current.

    ``C dv/dt = I - g_na m^3 h (v - e_na) - g_k n^4 (v - e_k) - g_leak (v - e_leak)`` and
    ``dg/dt = rate (alpha_g(v) (1 - g) - beta_g(v) g)`` for the gates m, h and n.

    Parameters
    ----------
    v : ndarray of float32, shape (neurons,)
        Membrane potential in mV.
    m, h, n : ndarray of float32, shape (neurons,)
        Gates. The exponential method keeps them half a step ahead of `v`.
    current : ndarray of float32, shape (neurons,)
        uA/cm^2, inward positive.
    spikes : ndarray of int32, shape (neurons,)
        Overwritten with the number of upward crossings of `threshold`.
    cell : HodgkinHuxley
    dt : float
        ms.
    steps : int
    method : {"exponential", "rk4"}
        Staggered exponential integration (second order, stable at any dt) or Runge-Kutta.
    threshold : float
        mV.
    threads : int
        The result is the same for any number and at every SIMD level.

    Raises
    ------
    TypeError
        Another dtype or layout.
    ValueError
        Shapes that differ, or dt <= 0.
    """
    step = (
        _kernels.step_hodgkin_huxley
        if method == "exponential"
        else _kernels.step_hodgkin_huxley_rk4
    )
    step(v, m, h, n, current, spikes, _values(cell), dt, steps, threshold, threads)


def step_hodgkin_huxley_rk4(
    v: F32Array,
    m: F32Array,
    h: F32Array,
    n: F32Array,
    current: F32Array,
    spikes: I32Array,
    cell: HodgkinHuxley,
    dt: float,
    steps: int = 1,
) -> None:
    """Advance a population in place by the Runge-Kutta method; see `step_hodgkin_huxley`."""
    step_hodgkin_huxley(v, m, h, n, current, spikes, cell, dt, steps, method="rk4")


def step_calcium(
    v: F32Array,
    gate: F32Array,
    inside: F32Array,
    channel: CalciumChannel,
    dt: float,
    out: F32Array | None = None,
) -> F32Array:
    """Advance calcium gates and pools in place and return the outward current.

    ``I = P s^2 z^2 (v F^2 / RT) (c_in - c_out e^(-zvF/RT)) / (1 - e^(-zvF/RT))``, z = 2, which is
    0 at the Nernst potential.

    Parameters
    ----------
    v : ndarray of float32, shape (neurons,)
        mV.
    gate, inside : ndarray of float32, shape (neurons,)
        Gate s, and concentration inside in mM.
    channel : CalciumChannel
    dt : float
        ms.
    out : ndarray of float32, shape (neurons,), optional

    Returns
    -------
    ndarray of float32, shape (neurons,)
        uA/cm^2, outward positive.

    Raises
    ------
    TypeError, ValueError
        As `step_hodgkin_huxley`.
    """
    if out is None:
        out = np.empty_like(v)
    _kernels.step_calcium(v, gate, inside, out, _values(channel), dt)
    return out


def deliver_spikes(
    spikes: I32Array,
    indptr: I64Array,
    targets: I32Array,
    weights: F32Array,
    delays: I32Array,
    ring: F32Array,
    now: int,
) -> None:
    """Add the weights of outgoing synapses of neurons that fired to the ring of future inputs.

    ``ring[(now + delay) % slots, target] += weight``.

    Parameters
    ----------
    spikes : ndarray of int32, shape (neurons,)
        A neuron fired where this is above 0.
    indptr : ndarray of int64, shape (neurons + 1,)
        Synapses ``indptr[i]`` to ``indptr[i + 1]`` leave neuron i.
    targets, delays : ndarray of int32, shape (synapses,)
        Delays in steps, below the number of slots.
    weights : ndarray of float32, shape (synapses,)
    ring : ndarray of float32, shape (slots, targets)
    now : int
        Slot of the present step.

    Raises
    ------
    TypeError, ValueError
        Wrong dtype, layout or shape, or a target or delay outside the ring.
    """
    _kernels.deliver_spikes(spikes, indptr, targets, weights, delays, ring, now)
