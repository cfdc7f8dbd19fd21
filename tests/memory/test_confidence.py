from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engrain.memory.confidence import recall_features, was_success


@given(st.lists(st.floats(0, 1, width=32), max_size=8), st.booleans())
def test_success_is_a_relevant_memory_among_the_shown(told: list[float], partial: bool) -> None:
    outcomes = np.array([*told, *([np.nan] if partial else [])], np.float32)
    expected = True if any(x > 0.5 for x in told) else None if partial or not told else False
    assert was_success(outcomes) is expected


def test_features_describe_what_was_shown() -> None:
    rows = np.array([[1, 5], [3, 2]], np.float32)
    found = recall_features(rows, np.array([2, 1], np.float32))
    np.testing.assert_allclose(found[:5], [2, 1, 1, np.log(1 + np.exp(-1)), 1.5], rtol=1e-6)
    assert found[5:].tolist() == [1, 5, 2, 3.5, 3, 5]
    assert recall_features(rows[:1], np.array([2], np.float32))[1] == 0
