from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.ids import Id
from engrain.learning.inhibition import InhibitoryNetwork


@given(
    scores=st.lists(st.floats(0, 1, width=32), max_size=30),
    strength=st.floats(0, 2),
    sparsity=st.floats(0, 1),
)
def test_competition_never_raises_a_score_and_keeps_the_order(
    scores: list[float], strength: float, sparsity: float
) -> None:
    given: dict[Id, float] = dict(enumerate(scores))
    result = InhibitoryNetwork(strength, sparsity).apply_inhibition(given)
    assert all(0.0 <= result.scores[i] <= given[i] + 1e-6 for i in given)
    assert result.sparsity + result.active_fraction == 1.0
    ranked = [given[i] for i in result.winners]
    assert all(a >= b - 1e-6 for a, b in pairwise(ranked))
    if scores:
        silenced = int(np.float32(sparsity) * np.float32(len(scores)))
        assert result.sparsity >= silenced / len(scores) - 1e-9


def test_the_redundant_lose_more_than_the_different() -> None:
    embeddings = np.array([[1, 0, 0], [1, 0.05, 0], [0, 0, 1]], dtype=np.float32)
    scores: dict[Id, float] = {"best": 0.9, "copy": 0.8, "other": 0.8}
    network = InhibitoryNetwork(sparsity_target=0.0)
    left = network.apply_inhibition(scores, embeddings).scores
    assert left["other"] == pytest.approx(0.8, abs=1e-6)
    assert left["copy"] < 0.6
    named = network.apply_inhibition(scores, dict(zip(scores, embeddings, strict=True)))
    assert named.scores == left
    opposite = network.apply_inhibition({"a": 0.9, "b": 0.8}, [[1.0, 0.0], [-1.0, 0.0]])
    assert opposite.scores["b"] == pytest.approx(0.8, abs=1e-6)


def test_bad_input_is_refused() -> None:
    network = InhibitoryNetwork()
    with pytest.raises(ValueError, match="scores"):
        network.apply_inhibition({"a": np.nan})
    with pytest.raises(ValueError, match="embeddings"):
        network.apply_inhibition({"a": 1.0}, [[1.0], [2.0]])
    with pytest.raises(ValueError, match="embeddings"):
        network.apply_inhibition({"a": 1.0}, [[np.inf, 1.0]])
    assert network.apply_inhibition({}).winners == ()
