from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from engrain.base.errors import ShapeError
from engrain.loops.transport import transport_cost


@given(m=st.integers(1, 7), n=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_the_cost_is_that_of_the_linear_programme(m: int, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    supply, demand = rng.random(m) * (rng.random(m) < 0.8), rng.random(n)
    supply[0] += 0.1
    demand *= supply.sum() / demand.sum()
    cost = rng.integers(0, 4, (m, n)).astype(float)
    rows = np.kron(np.eye(m), np.ones(n))
    columns = np.kron(np.ones(m), np.eye(n))
    best = linprog(
        cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([supply, demand])
    )
    assert transport_cost(supply, demand, cost) == pytest.approx(best.fun, abs=1e-9)


def test_nothing_costs_nothing() -> None:
    assert transport_cost([0.0], [0.0], [[3.0]]) == 0.0


def test_sums_must_agree() -> None:
    with pytest.raises(ShapeError, match="equal sums"):
        transport_cost([1.0], [2.0], [[1.0]])
