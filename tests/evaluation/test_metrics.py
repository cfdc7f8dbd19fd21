from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from engrain.evaluation.metrics import (
    NAMES,
    expected_calibration_error,
    judge_ranking,
    mean_quality,
    measure,
)

flags = st.lists(st.booleans(), max_size=20)


def test_a_ranking_worked_out_by_hand() -> None:
    quality = judge_ranking(["x", "a", "y", "b"], {"a", "b", "c"})
    ideal = 1 + 1 / math.log2(3) + 0.5
    assert quality.ndcg10 == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert quality.recall10 == quality.recall5 == pytest.approx(2 / 3)
    assert quality.mrr == 0.5
    assert quality.r1 == 0.0


def test_what_lies_beyond_ten_does_not_count() -> None:
    hits = np.zeros(12, dtype=bool)
    hits[10:] = True
    quality = measure(hits, 2)
    assert [getattr(quality, name) for name in NAMES] == [0.0] * 5


@given(flags, st.integers(0, 15))
def test_every_measure_lies_between_0_and_1(hits: list[bool], unseen: int) -> None:
    relevant = sum(hits) + unseen
    if relevant:
        quality = measure(np.array(hits, dtype=bool), relevant)
        assert all(0 <= getattr(quality, name) <= 1 + 1e-12 for name in NAMES)


@given(st.integers(1, 20), st.integers(0, 20))
def test_the_ideal_ranking_has_ndcg_1(relevant: int, others: int) -> None:
    hits = np.array([True] * relevant + [False] * others)
    assert measure(hits, relevant).ndcg10 == pytest.approx(1.0)


@given(st.permutations(range(10)), st.integers(1, 10))
def test_ndcg_agrees_with_scikit_learn(order: list[int], relevant: int) -> None:
    hits = np.array([place < relevant for place in order])
    expected = ndcg_score([hits.astype(float)], [np.arange(10, 0, -1.0)], k=10)
    assert measure(hits, relevant).ndcg10 == pytest.approx(expected)


def test_means() -> None:
    good, bad = judge_ranking(["a"], {"a"}), judge_ranking(["b"], {"a"})
    assert mean_quality([good, bad]) == dict.fromkeys(NAMES, 0.5)
    assert mean_quality([]) == dict.fromkeys(NAMES, 0.0)


def test_calibration_error() -> None:
    confidence = np.array([0.05, 0.05, 0.95, 0.95])
    right = np.array([False, False, True, False])
    expected = (abs(0 - 0.1) + abs(1 - 1.9)) / 4
    assert expected_calibration_error(confidence, right) == pytest.approx(expected)
    assert expected_calibration_error(np.array([]), np.array([], dtype=bool)) == 0.0
    assert expected_calibration_error(np.array([1.0]), np.array([True])) == 0.0
