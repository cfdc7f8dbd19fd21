from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from engrain.learning.causal_discovery.tails import chi2_tail, normal_two_sided


@given(x=st.floats(0, 1000), dof=st.integers(1, 500))
def test_chi2_tail_agrees_with_scipy(x: float, dof: int) -> None:
    assert chi2_tail(x, dof) == pytest.approx(float(stats.chi2.sf(x, dof)), rel=1e-8, abs=1e-13)


@given(z=st.floats(-35, 35))
def test_normal_tail_agrees_with_scipy(z: float) -> None:
    assert normal_two_sided(z) == pytest.approx(2 * float(stats.norm.sf(abs(z))), rel=1e-12)


def test_bad_input_is_refused() -> None:
    for x, dof in ((-1.0, 2.0), (1.0, 0.0), (float("nan"), 2.0)):
        with pytest.raises(ValueError, match="chi2_tail"):
            chi2_tail(x, dof)
