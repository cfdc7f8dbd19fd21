from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engrain.base.protocols import Record
from engrain.kernels.hits import Hit, list_beside, list_hits, take_best
from tests.strategies import normal, seeds


@given(n=st.integers(0, 40), k=st.integers(0, 50), seed=seeds)
def test_take_best_keeps_the_order_of_ties(n: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    handles = rng.permutation(n).astype(np.int64)
    rows, scores = normal(seed, n, 3), rng.integers(0, 4, n).astype(np.float32)
    order = np.argsort(-scores, kind="stable")[:k]
    found = take_best(handles, rows, scores, k)
    np.testing.assert_array_equal(found[0], handles[order])
    np.testing.assert_array_equal(found[1], rows[order])
    np.testing.assert_array_equal(found[2], scores[order])


def test_take_best_refuses_arrays_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="handles"):
        take_best(np.arange(2), normal(1, 3, 2), normal(1, 3), 2)


@given(
    n=st.integers(1, 60),
    k=st.integers(0, 12),
    most=st.integers(0, 30),
    next=st.integers(0, 8),
    seed=seeds,
)
def test_others_stand_below_the_shown_each_once(
    n: int, k: int, most: int, next: int, seed: int
) -> None:
    handles, scores = np.arange(n, dtype=np.int64) * 3, normal(seed, n)
    rows = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    shown, listed, _ = take_best(handles, rows, scores, k)
    kept, runners = list_beside(handles, rows, scores, shown, listed, most, next)
    assert runners == min(next, n - len(shown))
    best = take_best(handles, rows, scores, k + next)[1]
    np.testing.assert_array_equal(kept[len(kept) - runners :], best[len(shown) :])
    found = kept[: len(kept) - runners]
    np.testing.assert_array_equal(found[: len(shown)], listed)
    others = found[len(shown) :, 0].tolist()
    assert len(others) == len(set(others)) == min(most, n - len(shown))
    assert others == sorted(others)
    assert not set(others) & set(listed[:, 0].tolist())
    assert set(others) <= set(rows[:, 0].tolist())


def record(handle: int) -> Record:
    return Record(handle, f"text {handle}", None, {"n": handle}, None, None, 0.0)


def test_a_hit_can_be_taken_apart() -> None:
    addends = np.array([[1, 0.5], [0.25, 0.5]], np.float32)
    scores = addends.sum(1)
    hits = list_hits(
        ["a", "b", "c"],
        [record(i) for i in range(3)],
        np.array([2, 0]),
        scores,
        ("x", "y"),
        addends,
    )
    assert [(hit.id, hit.score, hit.text) for hit in hits] == [
        ("c", 1.5, "text 2"),
        ("a", 0.75, "text 0"),
    ]
    assert hits[0].components == {"x": 1.0, "y": 0.5}
    assert repr(hits[1]) == "Hit(id='a', score=0.7500)"
    hits[0].metadata["n"] = 7
    assert hits[0].metadata == {"n": 2}
    with pytest.raises(AttributeError):
        hits[0].score = 2.0


def test_hits_are_of_memories_that_are_held() -> None:
    none = np.zeros((1, 1), np.float32)
    for handle in (-1, 1, 2):
        with pytest.raises(ValueError, match=f"handle {handle}"):
            list_hits(["a", None], [record(0), None], np.array([handle]), none[0], ("x",), none)
    with pytest.raises(TypeError, match=r"Memory\.recall"):
        Hit()
