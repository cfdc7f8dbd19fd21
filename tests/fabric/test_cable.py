from __future__ import annotations

import math

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.fabric.cable import Branch, DendriticCable

D = 2.0


def cable(compartments: int, lengths: float = 1.2) -> tuple[DendriticCable, float]:
    scale = DendriticCable([Branch(100.0, D)]).length_constant(D)
    return DendriticCable([Branch(lengths * scale, D, None, compartments)]), lengths


def input_resistance_of_infinite_cable(c: DendriticCable) -> float:
    r_m, r_i = c.membrane_resistance, c.axial_resistance
    return 2 / math.pi * math.sqrt(r_m * r_i) / math.pow(D * 1e-4, 1.5) * 1e-6


def attenuation(compartments: int) -> tuple[float, float]:
    c, length = cable(compartments)
    v = c.steady_state({0: 0.1})
    return float(v[c.ends[0]] / v[0]), 1 / math.cosh(length)


def test_steady_state_is_that_of_the_cable_equation() -> None:
    c, length = cable(20)
    wanted = input_resistance_of_infinite_cable(c) / math.tanh(length)
    assert c.input_resistance() == pytest.approx(wanted, rel=0.005)
    got, exact = attenuation(20)
    assert got == pytest.approx(exact, rel=0.005)


def test_the_error_falls_with_the_square_of_the_compartment() -> None:
    errors = [abs(np.subtract(*attenuation(n))) for n in (10, 20, 40)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.05)


def test_a_tree_that_keeps_ralls_rule_is_one_cylinder() -> None:
    whole, _ = cable(40)
    scale = whole.length_constant(D)
    thin = D / 2 ** (2 / 3)
    twig = 0.6 * whole.length_constant(thin)
    tree = DendriticCable([Branch(0.6 * scale, D), Branch(twig, thin, 0), Branch(twig, thin, 0)])
    assert tree.input_resistance() == pytest.approx(whole.input_resistance(), rel=1e-4)
    v = tree.steady_state({0: 0.1})
    assert v[tree.ends[1]] == pytest.approx(v[tree.ends[2]])
    assert v[tree.ends[1]] == pytest.approx(whole.steady_state({0: 0.1})[whole.ends[0]], rel=1e-3)


def test_steps_approach_the_steady_state_and_decay_with_the_membrane() -> None:
    c, _ = cable(20)
    wanted = c.steady_state({0: 0.1})
    for _ in range(400):
        c.step(0.25, {0: 0.1})
    assert np.allclose(c.voltage, wanted, rtol=1e-3)
    c.voltage = np.ones_like(c.voltage)
    for _ in range(100):
        c.step(0.1)
    assert c.voltage[c.ends[0] // 2] == pytest.approx(math.exp(-1), rel=1e-3)


def test_trees_without_order_are_refused() -> None:
    with pytest.raises(ConfigError, match="parent"):
        DendriticCable([Branch(10, 1), Branch(10, 1)])
    with pytest.raises(ConfigError, match="branch needs"):
        Branch(0, 1)
