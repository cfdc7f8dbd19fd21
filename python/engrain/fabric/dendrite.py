"""The fast two-layer dendrite: local integration and spikes, then a sum at the soma."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import BoolArray, F32Array, F64Array
from engrain.base.errors import ConfigError
from engrain.fabric.calcium_plasticity import CalciumSynapses


@dataclass(frozen=True, slots=True)
class DendriteRule:
    """Constants of the two-layer dendrite.

    Attributes
    ----------
    tau : float
        Decay of local depolarisation in ms.
    spike_threshold, spike_amplitude : float
        Local spikes at hotspots, mV above rest.
    spike_refractory : float
        ms.
    spike_calcium : float
        Calcium that a local spike adds to its segment.
    hotspot_fraction : float
        Share of segments that can spike.
    branch_threshold, branch_slope : float
        Sigmoid of a branch, in mV of mean depolarisation.
    branch_current : float
        Current of a saturated branch into the soma in uA/cm^2.
    """

    tau: float = 10.0
    spike_threshold: float = 15.0
    spike_amplitude: float = 20.0
    spike_refractory: float = 5.0
    spike_calcium: float = 0.5
    hotspot_fraction: float = 0.3
    branch_threshold: float = 6.0
    branch_slope: float = 2.0
    branch_current: float = 4.0

    def __post_init__(self) -> None:
        if min(self.tau, self.branch_slope) <= 0 or not 0 <= self.hotspot_fraction <= 1:
            raise ConfigError("need tau > 0, branch_slope > 0 and hotspot_fraction in [0, 1]")


class TwoLayerDendrites:
    """Dendrites of all neurons as arrays.

    ``I_soma = I sum_b s((mean_i V_bi - theta) / k)``, s the logistic function, less its value at
    rest: the two-layer neuron of Poirazi, Brannon and Mel, Neuron 37 (2003) 989-999, with spiking
    hotspots as reviewed by London and Haeusser, Annu. Rev. Neurosci. 28 (2005) 503-532.

    Parameters
    ----------
    shape : tuple of 3 int
        (neurons, branches, segments).
    rule : DendriteRule
    seed : int

    Attributes
    ----------
    voltage : ndarray of float32, shape (neurons, branches, segments)
        mV above rest.
    hotspots : ndarray of bool, same shape
    synapses : CalciumSynapses
        Calcium and efficacy per segment.
    """

    def __init__(
        self, shape: tuple[int, int, int], rule: DendriteRule | None = None, seed: int = 0
    ) -> None:
        self.rule = rule or DendriteRule()
        generator = np.random.default_rng(seed)
        self.voltage: F32Array = np.zeros(shape, dtype=np.float32)
        self.refractory: F32Array = np.zeros(shape, dtype=np.float32)
        self.hotspots: BoolArray = generator.random(shape) < self.rule.hotspot_fraction
        self.synapses = CalciumSynapses(shape, seed=seed + 1)

    def weights(self, where: tuple[int | slice, ...]) -> F64Array:
        """Return the strength of synapses: between 1 and the rule's ratio, relative to weak."""
        ratio = self.synapses.rule.strength_ratio
        return np.asarray(1 + (ratio - 1) * self.synapses.efficacy[where])

    def excite(self, drive: F32Array) -> None:
        """Depolarise every segment of each neuron by its drive (mV), shape (neurons,)."""
        self.voltage += drive[:, None, None]

    def receive(self, where: tuple[int, int, int], depolarisation: float) -> None:
        """Let one synapse act: mV at a synapse of middle strength, and its calcium."""
        middle = 1 + (self.synapses.rule.strength_ratio - 1) * 0.5
        self.voltage[where] += depolarisation * float(self.weights(where)) / middle
        self.synapses.calcium[where] += self.synapses.rule.c_pre

    def on_soma_spikes(self, fired: BoolArray) -> None:
        """Let backpropagating spikes reach the synapses of neurons that fired, shape (neurons,)."""
        self.synapses.calcium[fired] += self.synapses.rule.c_post

    def step(self, dt: float) -> F32Array:
        """Advance by dt (ms) and return the current into each soma (uA/cm^2), shape (neurons,)."""
        rule = self.rule
        self.refractory -= dt
        spiking = self.hotspots & (self.voltage > rule.spike_threshold) & (self.refractory <= 0)
        self.voltage[spiking] += np.float32(rule.spike_amplitude)
        self.refractory[spiking] = rule.spike_refractory
        self.synapses.calcium[spiking] += rule.spike_calcium
        np.maximum(self.refractory, 0, out=self.refractory)
        if self.synapses.calcium.max(initial=0.0) > 1e-3:
            self.synapses.step(dt / 1e3)
        current = self.soma_current()
        self.voltage *= np.float32(math.exp(-dt / rule.tau))
        return current

    def soma_current(self) -> F32Array:
        """Return the current into each soma as the dendrites stand, shape (neurons,)."""
        rule = self.rule
        drive = (self.voltage.mean(2) - rule.branch_threshold) / rule.branch_slope
        rest = 1 / (1 + math.exp(rule.branch_threshold / rule.branch_slope))
        branches = 1 / (1 + np.exp(-drive)) - rest
        return np.asarray(rule.branch_current * branches.sum(1), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Dendrite:
    """A view of one branch of one neuron.

    Attributes
    ----------
    owner : TwoLayerDendrites
    neuron, branch : int
    """

    owner: TwoLayerDendrites
    neuron: int
    branch: int

    @property
    def voltage(self) -> F32Array:
        """Depolarisation per segment in mV."""
        return np.asarray(self.owner.voltage[self.neuron, self.branch])

    @property
    def calcium(self) -> F64Array:
        """Calcium per segment, in units of the plasticity rule."""
        return np.asarray(self.owner.synapses.calcium[self.neuron, self.branch])

    @property
    def hotspots(self) -> list[int]:
        """Segments that can make local spikes."""
        return [int(i) for i in np.flatnonzero(self.owner.hotspots[self.neuron, self.branch])]

    @property
    def weights(self) -> F64Array:
        """Synaptic strength per segment."""
        return self.owner.weights((self.neuron, self.branch))
