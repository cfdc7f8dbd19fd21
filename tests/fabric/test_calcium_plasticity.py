from __future__ import annotations

import numpy as np
import pytest

from engrain.base.errors import ConfigError
from engrain.fabric.calcium_plasticity import (
    CalciumRule,
    CalciumSynapses,
    fractions_above,
    strength_change,
)

# Lag in ms: share of time above theta_d and theta_p, and change of strength after 60 pairs at 1 Hz.
TABLE = {
    -100: (0.01401, 0.00862, 0.991), -50: (0.01547, 0.00862, 0.905), -30: (0.01793, 0.00862, 0.775),
    -20: (0.02018, 0.00969, 0.765), -10: (0.02342, 0.01292, 0.882), 0: (0.02765, 0.01732, 1.008),
    5: (0.02532, 0.01999, 1.241), 10: (0.02329, 0.01804, 1.221), 20: (0.02009, 0.01484, 1.172),
    30: (0.01787, 0.01262, 1.125), 50: (0.01543, 0.01019, 1.056), 100: (0.01400, 0.00875, 1.005),
}  # fmt: skip


@pytest.mark.parametrize("lag", TABLE)
def test_pairings_change_strength_as_published(lag: int) -> None:
    rule = CalciumRule()
    above_d, above_p, change = TABLE[lag]
    got_d, got_p = fractions_above(rule, lag / 1e3)
    assert got_d == pytest.approx(above_d, abs=1e-4)
    assert got_p == pytest.approx(above_p, abs=1e-4)
    assert strength_change(rule, lag / 1e3) == pytest.approx(change, abs=0.02)


@pytest.mark.parametrize("lag", [-20, 10])
def test_simulated_synapses_agree_with_the_closed_form(lag: int) -> None:
    rule, count, dt = CalciumRule(), 800, 5e-4
    synapses = CalciumSynapses((2, count), rule)
    synapses.efficacy[0], synapses.efficacy[1] = 0.0, 1.0
    everyone = np.ones((2, count), dtype=bool)
    start = 0.03
    pre, post = round((start + rule.delay) / dt), round((start + lag / 1e3) / dt)
    for _ in range(60):
        for k in range(round(0.2 / dt)):
            if k == pre:
                synapses.on_pre(everyone)
            if k == post:
                synapses.on_post(everyone)
            synapses.step(dt)
        for _ in range(8):
            synapses.step(0.1)
    up = (synapses.efficacy[0] > 0.5).mean()
    down = (synapses.efficacy[1] < 0.5).mean()
    b = rule.strength_ratio
    change = ((1 - up) + down + b * (up + 1 - down)) / (1 + b)
    assert change == pytest.approx(strength_change(rule, lag / 1e3), abs=0.08)


def test_unphysical_parameters_are_refused() -> None:
    with pytest.raises(ConfigError):
        CalciumRule(tau=0)
