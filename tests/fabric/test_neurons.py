from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError
from engrain.fabric.neurons import NeuralFabric3D
from engrain.kernels.stdp import StdpRule

SHAPE = (3, 3, 4)


def drive(strength: float) -> np.ndarray:
    return np.full(SHAPE, strength, dtype=np.float32)


def test_neurons_alone_fire_as_the_model_says() -> None:
    fabric = NeuralFabric3D(SHAPE, lateral_strength=0.0)
    fabric.calcium_channel = type(fabric.calcium_channel)(permeability=0.0)
    assert fabric.forward(drive(0.0), 200).sum() == 0
    counts = fabric.forward(drive(10.0), 1000)
    assert np.all(np.abs(counts - 69) <= 1)
    assert fabric.time == 1200
    assert fabric.activation.mean() == pytest.approx(68.4, rel=0.25)


def test_lateral_connections_carry_spikes_to_neighbours_later() -> None:
    source = np.zeros(SHAPE, dtype=np.float32)
    source[1, 1, 1] = 15.0
    alone = NeuralFabric3D(SHAPE, lateral_strength=0.0).forward(source, 100)
    together = NeuralFabric3D(SHAPE, lateral_strength=4.0).forward(source, 100)
    assert alone[0, 1, 1] == 0
    assert together[0, 1, 1] > 0
    fast, slow = (
        NeuralFabric3D(SHAPE, lateral_strength=4.0, conduction_delay=d) for d in (0.5, 5.0)
    )
    assert fast.forward(source, 8)[0, 1, 1] > slow.forward(source, 8)[0, 1, 1]


def test_spike_timing_changes_lateral_weights_within_their_bounds() -> None:
    rule = StdpRule(a_plus=0.1, a_minus=0.1, w_max=10.0)
    plastic = NeuralFabric3D((1, 1, 2), lateral_strength=5.0, lateral_plasticity=rule)
    plain = NeuralFabric3D((1, 1, 2), lateral_strength=5.0)
    leader = np.array([[[12.0, 0.0]]], dtype=np.float32)
    for fabric in (plastic, plain):
        fabric.connections.weights[:] = 5.0
        fabric.load(fabric.state())
        fabric.forward(leader, 300)
    forward, backward = plastic.connections.weights
    assert 10 >= forward > 5 > backward >= 0
    assert np.all(plain.connections.weights == 5)


def test_synaptic_input_depolarises_its_segment_only() -> None:
    fabric = NeuralFabric3D(SHAPE)
    neuron = fabric.neurons[1, 2, 3]
    neuron.add_synaptic_input(dendrite_idx=2, segment_idx=5, weight=0.5, activation=0.8)
    voltages = np.array([d.voltage for d in neuron.dendrites])
    assert voltages[2, 5] == pytest.approx(4.0)
    assert np.count_nonzero(fabric.dendrites.voltage) == 1
    assert neuron.dendrites[2].calcium[5] > 0


def test_repeated_pairing_changes_the_synapse_and_only_it() -> None:
    fabric = NeuralFabric3D((1, 1, 1), lateral_strength=0.0)
    neuron = fabric.neurons[0, 0, 0]
    before = neuron.dendrites[0].weights.copy()
    for _ in range(60):
        neuron.add_synaptic_input(0, 3, 0.1, 1.0)
        fabric.forward(np.full((1, 1, 1), 30.0), 3.0)
        fabric.forward(None, 47.0)
    change = np.abs(neuron.dendrites[0].weights - before)
    assert change[3] > 0.05
    assert fabric.dendrites.synapses.calcium.max() < 20


def test_channels_open_with_the_potential() -> None:
    fabric = NeuralFabric3D(SHAPE, lateral_strength=0.0)
    neuron = fabric.neurons[0, 0, 0]
    resting = neuron.ion_channels
    assert set(resting) == {"sodium", "potassium", "leak", "calcium"}
    assert abs(sum(c.current for c in resting.values())) < 0.05
    peak = -100.0
    most = 0.0
    for _ in range(40):
        fabric.forward(drive(10.0), 0.25)
        peak = max(peak, neuron.membrane_potential)
        most = max(most, neuron.ion_channels["calcium"].current_state)
    assert peak > 30
    assert most > 1e-3


def test_a_saved_fabric_goes_on_bit_for_bit() -> None:
    rule = StdpRule(w_max=5.0)
    first, second = (NeuralFabric3D(SHAPE, seed=3, lateral_plasticity=rule) for _ in range(2))
    first.forward(drive(12.0), 50, dendritic_drive=drive(1.0))
    second.load({name: array.copy() for name, array in first.state().items()})
    second.dendrites.synapses.generator.bit_generator.state = (
        first.dendrites.synapses.generator.bit_generator.state
    )
    for fabric in (first, second):
        fabric.forward(drive(12.0), 50, dendritic_drive=drive(1.0))
    for name, array in first.state().items():
        assert np.array_equal(array, second.state()[name]), name
    with pytest.raises(SnapshotError, match="lacks"):
        first.load({})


def test_dendritic_drive_makes_neurons_fire() -> None:
    fabric = NeuralFabric3D(SHAPE)
    assert fabric.forward(None, 100, dendritic_drive=drive(1.5)).sum() > 0


def test_wrong_fields_are_refused() -> None:
    fabric = NeuralFabric3D(SHAPE)
    with pytest.raises(ShapeError, match="current"):
        fabric.forward(np.zeros((2, 2, 2)))
    with pytest.raises(NonFiniteError):
        fabric.forward(drive(np.nan))
    with pytest.raises(IndexError, match="dendrite 9"):
        fabric.neurons[0, 0, 0].add_synaptic_input(9, 0, 1.0, 1.0)
    with pytest.raises(IndexError, match="neuron"):
        fabric.neurons[3, 0, 0]
    with pytest.raises(ConfigError):
        NeuralFabric3D((0, 1, 1))
    assert len(fabric.neurons) == len(list(fabric.neurons)) == 36
