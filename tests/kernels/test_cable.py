from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain import kernels
from engrain.kernels import reference


@settings(max_examples=50, deadline=None)
@given(nodes=st.integers(1, 40), cells=st.integers(0, 5), seed=st.integers(0, 1000))
def test_solve_cable_agrees_with_its_oracle(nodes: int, cells: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    parent = np.array([0, *(rng.integers(0, i) for i in range(1, nodes))], dtype=np.int32)
    axial = rng.uniform(0.1, 10, nodes)
    leaving = np.zeros(nodes)
    np.add.at(leaving, parent[1:], axial[1:])
    diagonal = leaving[:, None] + axial[:, None] + rng.uniform(0.1, 1, (nodes, cells))
    rhs = rng.standard_normal((nodes, cells))
    wanted = reference.solve_cable(parent, axial, diagonal, rhs)
    assert np.allclose(kernels.solve_cable(parent, axial, diagonal, rhs), wanted, rtol=1e-10)


def test_solve_cable_refuses_a_parent_after_its_child() -> None:
    one = np.ones((3, 1))
    with pytest.raises(ValueError, match="parent"):
        kernels.solve_cable(np.array([0, 2, 1], dtype=np.int32), np.ones(3), one, one.copy())
