from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.errors import ConfigError
from engrain.fabric.energy import BioSystem

share = st.floats(0, 1)


@given(energy=share, fatigue=share, novelty=share, unmet=share)
def test_modulators_stay_in_their_bounds(
    energy: float, fatigue: float, novelty: float, unmet: float
) -> None:
    m = BioSystem(energy, fatigue, novelty).modulators(unmet)
    assert 0 <= m["energy_gate"] <= 1
    assert 0.5 <= m["learning_drive"] <= 1.5
    assert all(-1 <= v <= 1.5 for v in m.values())


def test_work_tires_and_rest_restores() -> None:
    body = BioSystem(cost=0.2, recovery=0.05)
    for _ in range(20):
        body.spend()
    assert body.modulators()["energy_gate"] < 0.1
    for _ in range(200):
        body.rest()
    assert body.modulators()["energy_gate"] > 0.99


def test_the_default_cost_never_closes_the_gate() -> None:
    body = BioSystem()
    for _ in range(10_000):
        body.spend()
    assert body.modulators()["energy_gate"] > 0.8


def test_progress_follows_the_loss_and_values_are_checked() -> None:
    body = BioSystem()
    body.observe(0.5, 1.0)
    assert body.modulators()["mood"] > 0
    body.observe(1.0, None)
    with pytest.raises(ConfigError, match="energy"):
        BioSystem(energy=2.0)
