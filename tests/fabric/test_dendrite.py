from __future__ import annotations

import math

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.fabric.dendrite import DendriteRule, TwoLayerDendrites


def test_hotspots_spike_once_per_refractory_period_and_let_calcium_in() -> None:
    dendrites = TwoLayerDendrites((1, 1, 2), DendriteRule(hotspot_fraction=1.0))
    dendrites.hotspots[0, 0, 1] = False
    dendrites.voltage[:] = 16.0
    dendrites.step(1.0)
    assert dendrites.voltage[0, 0] == pytest.approx(np.array([36, 16]) * math.exp(-0.1))
    assert dendrites.synapses.calcium[0, 0, 0] > 0.4
    assert dendrites.synapses.calcium[0, 0, 1] == 0
    dendrites.voltage[:] = 16.0
    dendrites.step(1.0)
    assert dendrites.voltage[0, 0, 0] == pytest.approx(16 * math.exp(-0.1))


def test_depolarisation_and_calcium_decay_whatever_the_step() -> None:
    coarse, fine = (TwoLayerDendrites((2, 1, 3), seed=1) for _ in range(2))
    for dendrites in (coarse, fine):
        dendrites.voltage[:] = 5.0
    coarse.step(4.0)
    for _ in range(8):
        fine.step(0.5)
    assert np.allclose(coarse.voltage, fine.voltage)
    assert coarse.voltage[0, 0, 0] == pytest.approx(5 * math.exp(-0.4))


def test_the_same_input_counts_more_on_one_branch_than_spread_over_many() -> None:
    clustered, spread = (TwoLayerDendrites((1, 5, 10)) for _ in range(2))
    clustered.voltage[0, 0] = 10.0
    spread.voltage[0, :, :2] = 10.0
    assert clustered.soma_current()[0] > 2 * spread.soma_current()[0]
    assert TwoLayerDendrites((1, 5, 10)).soma_current()[0] == pytest.approx(0, abs=1e-6)


def test_constants_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError):
        DendriteRule(tau=0)
