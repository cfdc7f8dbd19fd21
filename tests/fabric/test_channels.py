from __future__ import annotations

import numpy as np
import pytest

from engrain.fabric.channels import ghk_current, nernst_potential, nmda_block, nmda_current


def test_ghk_current_vanishes_at_the_nernst_potential_and_is_smooth_at_zero() -> None:
    for inside in (1e-4, 1e-2, 1.0):
        e = nernst_potential(2.0, inside, 2, 279.45)
        scale = abs(ghk_current(e - 1, inside, 2.0, 1e-4))
        assert abs(ghk_current(e, inside, 2.0, 1e-4)) < 1e-10 * scale
    near = ghk_current([-1e-7, 0.0, 1e-7], 1e-4, 2.0, 1e-4)
    assert near[1] == pytest.approx(2 * 96485.33212 * 1e-4 * (1e-4 - 2.0))
    assert np.ptp(near) < 1e-6 * abs(near[1])


def test_nmda_block_has_the_published_values() -> None:
    assert nmda_block(-65.0) == pytest.approx(0.0597, abs=1e-4)
    assert nmda_block(0.0) == pytest.approx(0.7812, abs=1e-4)
    assert nmda_block(-65.0, magnesium=0.0) == 1.0


def test_nmda_receptors_make_a_membrane_bistable() -> None:
    v = np.linspace(-90, 10, 10_001)

    def crossings(conductance: float) -> int:
        outward = 0.1 * (v + 90) + nmda_current(v, conductance)
        return int((np.diff(np.sign(outward)) != 0).sum())

    assert crossings(0.3) == 1
    assert crossings(0.58) == 3
    assert crossings(0.9) == 1
