"""A 3-D grid of spiking neurons with dendrites, calcium and delayed lateral connections."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F32Array, I32Array
from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.fabric.channels import IonChannel, ghk_current, nernst_potential
from engrain.fabric.connectivity import grid_neighbourhood
from engrain.fabric.dendrite import Dendrite, DendriteRule, TwoLayerDendrites
from engrain.kernels.neuron import (
    CalciumChannel,
    HodgkinHuxley,
    deliver_spikes,
    step_calcium,
    step_hodgkin_huxley,
)
from engrain.kernels.stdp import Spikes, StdpRule, Synapses

REST = {"v": -64.9741, "m": 0.0530932, "h": 0.595204, "n": 0.318073}
TICK = 0.25  # ms: spikes are delivered and calcium advances at this interval


class NeuralFabric3D:
    """Hodgkin-Huxley neurons on a grid, as arrays.

    Every tick of 0.25 ms the membranes advance under external, synaptic, dendritic and calcium
    currents; spikes reach their neighbours after a delay that grows with distance. Time is the
    fabric's own: nothing depends on the machine's clock.

    Parameters
    ----------
    shape : tuple of 3 int
    radius : int
        Of the neighbourhood that lateral connections span; 1 gives 26 neighbours.
    lateral_strength : float
        Mean current of a synapse per spike in uA/cm^2; 0 leaves the neurons alone.
    conduction_delay : float
        ms per unit of the grid.
    lateral_plasticity : StdpRule, optional
        How spike timing changes lateral weights; None leaves them as they are. Its step is the
        tick, its bounds are in uA/cm^2.
    num_dendrites, num_segments : int
    cell : HodgkinHuxley
    calcium_channel : CalciumChannel
    dendrites : DendriteRule
    dt : float
        Step of the membranes in ms.
    synaptic_tau, activation_tau : float
        Decay of synaptic currents and of the tracked activation in ms.
    threads : int
    seed : int

    Attributes
    ----------
    activation : ndarray of float32, of `shape`
        Firing rate in Hz, averaged over `activation_tau`.
    time : float
        Simulated ms.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        *,
        radius: int = 1,
        lateral_strength: float = 0.5,
        conduction_delay: float = 0.5,
        lateral_plasticity: StdpRule | None = None,
        num_dendrites: int = 5,
        num_segments: int = 10,
        cell: HodgkinHuxley | None = None,
        calcium_channel: CalciumChannel | None = None,
        dendrites: DendriteRule | None = None,
        dt: float = 0.025,
        synaptic_tau: float = 3.0,
        activation_tau: float = 50.0,
        threads: int = 1,
        seed: int = 0,
    ) -> None:
        if len(shape) != 3 or min(shape) < 1 or num_dendrites < 1 or num_segments < 1:
            raise ConfigError(f"a fabric needs three extents and dendrites >= 1, got {shape}")
        if not 0 < dt <= TICK or min(synaptic_tau, activation_tau) <= 0:
            raise ConfigError(f"need 0 < dt <= {TICK} ms and time constants > 0, got dt={dt}")
        self.shape = tuple(int(n) for n in shape)
        self.cell = cell or HodgkinHuxley()
        self.calcium_channel = calcium_channel or CalciumChannel()
        self.substeps = max(1, round(TICK / dt))
        self.synaptic_decay = np.float32(math.exp(-TICK / synaptic_tau))
        self.activation_decay = np.float32(math.exp(-TICK / activation_tau))
        self.threads = threads
        count = math.prod(self.shape)
        self.connections = grid_neighbourhood(
            (self.shape[0], self.shape[1], self.shape[2]), radius, lateral_strength,
            conduction_delay / TICK, np.random.default_rng(seed),
        )  # fmt: skip
        self._rule = replace(lateral_plasticity, dt=TICK) if lateral_plasticity else None
        self._stdp = self._plastic_synapses(count) if self._rule else None
        self.dendrites = TwoLayerDendrites((count, num_dendrites, num_segments), dendrites, seed)
        self._state = {k: np.full(count, x, dtype=np.float32) for k, x in REST.items()}
        self._gate: F32Array = np.zeros(count, dtype=np.float32)
        self._inside: F32Array = np.full(count, self.calcium_channel.resting, dtype=np.float32)
        self._synaptic: F32Array = np.zeros(count, dtype=np.float32)
        slots = int(self.connections.delays.max(initial=0)) + 1
        self._ring: F32Array = np.zeros((slots, count), dtype=np.float32)
        self._rate: F32Array = np.zeros(count, dtype=np.float32)
        self._soma: F32Array = np.zeros(count, dtype=np.float32)
        self._ticks = 0
        self._spikes = np.zeros(count, dtype=np.int32)

    @property
    def time(self) -> float:
        """Simulated time in ms."""
        return self._ticks * TICK

    @property
    def activation(self) -> F32Array:
        """Firing rate per location in Hz, of the grid's shape."""
        return self._rate.reshape(self.shape)

    @property
    def membrane_potential(self) -> F32Array:
        """Potential per location in mV, a view of the grid's shape."""
        return self._state["v"].reshape(self.shape)

    @property
    def neurons(self) -> Neurons:
        """Views of single neurons: ``fabric.neurons[i, j, k]``."""
        return Neurons(self)

    def forward(
        self,
        current: npt.ArrayLike | None = None,
        duration: float = 10.0,
        dendritic_drive: npt.ArrayLike | None = None,
    ) -> F32Array:
        """Run for `duration` ms and return the number of spikes per location.

        Parameters
        ----------
        current : array_like, of the grid's shape, optional
            Into the somas, uA/cm^2.
        duration : float
            ms, a multiple of 0.25 in effect.
        dendritic_drive : array_like, of the grid's shape, optional
            Depolarisation of all segments in mV per ms.

        Returns
        -------
        ndarray of float32, of the grid's shape

        Raises
        ------
        ShapeError, NonFiniteError
            Before anything changes.
        """
        soma, drive = self._field(current, "current"), self._field(dendritic_drive, "drive")
        counts = np.zeros(self._spikes.size, dtype=np.float32)
        fired: list[I32Array] = []
        per_ms = round(1 / TICK)
        for _ in range(max(1, round(duration / TICK))):
            if self._ticks % per_ms == 0:
                if dendritic_drive is not None:
                    self.dendrites.excite(drive)
                self._soma = self.dendrites.step(1.0)
            self._tick(soma)
            counts += self._spikes
            fired.append(np.flatnonzero(self._spikes).astype(np.int32))
        self._learn_laterally(fired)
        return counts.reshape(self.shape)

    def _plastic_synapses(self, count: int) -> Synapses:
        c = self.connections
        sources = np.repeat(np.arange(count), np.diff(c.indptr))
        return Synapses(sources, c.targets, c.weights, count, count)

    def _learn_laterally(self, fired: list[I32Array]) -> None:
        """Let the timing of the spikes of one call change the lateral weights."""
        if self._stdp is None or self._rule is None:
            return
        start = np.concatenate([[0], np.cumsum([len(ids) for ids in fired])]).astype(np.int64)
        spikes = Spikes(start, np.concatenate(fired))
        self._stdp.run(spikes, spikes, self._rule)
        self.connections.weights[:] = self._stdp.weights

    def _field(self, value: npt.ArrayLike | None, name: str) -> F32Array:
        if value is None:
            return np.zeros(self._spikes.size, dtype=np.float32)
        field = np.ascontiguousarray(value, dtype=np.float32)
        if field.shape != self.shape:
            raise ShapeError(f"{name}: expected shape {self.shape}, got {field.shape}")
        if not np.isfinite(field).all():
            raise NonFiniteError(f"{name}: contains NaN or infinity")
        return field.ravel()

    def _tick(self, external: F32Array) -> None:
        v, c = self._state["v"], self.connections
        slot = self._ticks % len(self._ring)
        self._synaptic *= self.synaptic_decay
        self._synaptic += self._ring[slot]
        self._ring[slot] = 0
        outward = step_calcium(v, self._gate, self._inside, self.calcium_channel, TICK)
        current = external + self._synaptic + self._soma - outward
        step_hodgkin_huxley(
            v, self._state["m"], self._state["h"], self._state["n"], current, self._spikes,
            self.cell, TICK / self.substeps, self.substeps, threads=self.threads,
        )  # fmt: skip
        fired = self._spikes > 0
        if fired.any():
            deliver_spikes(self._spikes, c.indptr, c.targets, c.weights, c.delays, self._ring, slot)
            self.dendrites.on_soma_spikes(fired)
        blend = 1 - self.activation_decay
        self._rate *= self.activation_decay
        self._rate += blend * np.float32(1e3 / TICK) * self._spikes
        self._ticks += 1

    def state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return everything that changes while the fabric runs, as named arrays."""
        synapses = self.dendrites.synapses
        traces = {} if self._stdp is None else {"x": self._stdp.x, "y": self._stdp.y}
        return {
            **traces,
            **self._state, "gate": self._gate, "inside": self._inside, "rate": self._rate,
            "synaptic": self._synaptic, "ring": self._ring, "soma": self._soma,
            "ticks": np.array([self._ticks]), "dendrite_voltage": self.dendrites.voltage,
            "dendrite_refractory": self.dendrites.refractory, "hotspots": self.dendrites.hotspots,
            "calcium": synapses.calcium, "efficacy": synapses.efficacy,
            "lateral_weights": self.connections.weights,
        }  # fmt: skip

    def load(self, state: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Take over what `state` returned.

        Raises
        ------
        SnapshotError
            A missing array or another shape; nothing has changed then.
        """
        own = self.state()
        for name, array in own.items():
            if name not in state or state[name].shape != array.shape:
                raise SnapshotError(
                    f"the state of the fabric lacks {name!r} of shape {array.shape}"
                )
        for name, array in own.items():
            array[...] = state[name]
        if self._stdp is not None:
            self._stdp = self._plastic_synapses(self._spikes.size)
            self._stdp.x[:], self._stdp.y[:] = state["x"], state["y"]
        self._ticks = int(state["ticks"][0])


class Neuron:
    """A view of one neuron: reading and writing goes to the arrays of its fabric.

    Parameters
    ----------
    fabric : NeuralFabric3D
    index : int
    """

    EPSP = 10.0  # mV that an input of weight 1 and activation 1 adds at a middling synapse

    def __init__(self, fabric: NeuralFabric3D, index: int) -> None:
        self.fabric = fabric
        self.index = index

    @property
    def membrane_potential(self) -> float:
        """Potential of the soma in mV."""
        return float(self.fabric.membrane_potential.flat[self.index])

    @property
    def dendrites(self) -> list[Dendrite]:
        """The branches."""
        own = self.fabric.dendrites
        return [Dendrite(own, self.index, b) for b in range(own.voltage.shape[1])]

    @property
    def ion_channels(self) -> dict[str, IonChannel]:
        """Sodium, potassium, leak and calcium channels as they stand."""
        fabric, i = self.fabric, self.index
        cell, s = fabric.cell, fabric.state()
        v = float(s["v"][i])
        open_na = float(s["m"][i]) ** 3 * float(s["h"][i])
        parts = {
            "sodium": (open_na, cell.g_na, cell.e_na),
            "potassium": (float(s["n"][i]) ** 4, cell.g_k, cell.e_k),
            "leak": (1.0, cell.g_leak, cell.e_leak),
        }
        channels = {
            name: IonChannel(name, state, g * state, e, g * state * (v - e))
            for name, (state, g, e) in parts.items()
        }
        channels["calcium"] = self._calcium(v, float(s["gate"][i]), float(s["inside"][i]))
        return channels

    def _calcium(self, v: float, gate: float, inside: float) -> IonChannel:
        channel = self.fabric.calcium_channel
        permeability = channel.permeability * gate**2
        near = ghk_current(
            [v - 0.5, v, v + 0.5], inside, channel.outside, permeability, 2, channel.temperature
        )
        reversal = nernst_potential(channel.outside, inside, 2, channel.temperature)
        slope, current = float(near[2] - near[0]), float(near[1])
        return IonChannel("calcium", gate**2, slope, reversal, current)

    def add_synaptic_input(
        self, dendrite_idx: int, segment_idx: int, weight: float, activation: float
    ) -> None:
        """Depolarise a segment by ``weight * activation`` times its synapse's efficacy.

        Calcium enters with the input and, after spikes of the soma, decides with it whether the
        synapse grows or shrinks.

        Raises
        ------
        IndexError
            No such dendrite or segment.
        NonFiniteError
            NaN or an infinity.
        """
        _, branches, segments = self.fabric.dendrites.voltage.shape
        if not (0 <= dendrite_idx < branches and 0 <= segment_idx < segments):
            raise IndexError(
                f"dendrite {dendrite_idx}, segment {segment_idx}: this neuron has {branches} "
                f"dendrites of {segments} segments"
            )
        if not math.isfinite(weight * activation):
            raise NonFiniteError(f"weight {weight} and activation {activation} must be finite")
        where = (self.index, dendrite_idx, segment_idx)
        self.fabric.dendrites.receive(where, self.EPSP * weight * activation)


class Neurons:
    """The neurons of a fabric by their place on the grid.

    Parameters
    ----------
    fabric : NeuralFabric3D
    """

    def __init__(self, fabric: NeuralFabric3D) -> None:
        self._fabric = fabric

    def __getitem__(self, place: tuple[int, int, int]) -> Neuron:
        for at, extent in zip(place, self._fabric.shape, strict=True):
            if not -extent <= at < extent:
                raise IndexError(f"neuron {place}: the fabric has shape {self._fabric.shape}")
        place = tuple(at % n for at, n in zip(place, self._fabric.shape, strict=True))  # type: ignore[assignment]
        return Neuron(self._fabric, int(np.ravel_multi_index(place, self._fabric.shape)))

    def __len__(self) -> int:
        return math.prod(self._fabric.shape)

    def __iter__(self) -> Iterator[Neuron]:
        return (Neuron(self._fabric, i) for i in range(len(self)))
