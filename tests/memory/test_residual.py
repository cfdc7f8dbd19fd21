from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array, F64Array
from engrain.base.errors import SnapshotError
from engrain.kernels.reference.evidence import _coded
from engrain.kernels.simd import LEVELS, set_simd_level
from engrain.memory.evidence import Evidence
from engrain.memory.index import unit_rows
from engrain.memory.residual import MOST, Residual, surprise
from tests.strategies import seeds

DIM = 20


def softmax(scores: F64Array) -> F64Array:
    e = np.exp(scores - scores.max())
    return np.asarray(e / e.sum())


@settings(max_examples=40, deadline=None)
@given(seed=seeds, n=st.integers(1, 40))
def test_surprise_is_what_was_told_less_what_was_expected(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores = (3 * rng.standard_normal(n)).astype(np.float32)
    outcomes = (rng.random(n) * (rng.random(n) < 0.4)).astype(np.float32)
    outcomes[0] = 0.5
    found = surprise(scores, outcomes)
    expected = outcomes / outcomes.sum(dtype=float) - softmax(scores.astype(float))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert abs(float(found.sum())) < 1e-5


def lesson(rng: np.random.Generator, n: int) -> tuple[F32Array, F32Array, F32Array, F32Array]:
    query = unit_rows(rng.standard_normal((1, DIM)).astype(np.float32))[0]
    centred = unit_rows(rng.standard_normal((n, DIM)).astype(np.float32))
    outcomes = np.zeros(n, np.float32)
    outcomes[rng.integers(n)] = 1
    return query, centred, rng.standard_normal(n).astype(np.float32), outcomes


def test_candidates_are_scored_by_the_residuals_of_similar_questions() -> None:
    rng, residual = np.random.default_rng(1), Residual(DIM)
    told = []
    for t in range(70):
        query, centred, scores, outcomes = lesson(rng, 9)
        residual.add(t % 2, query, np.arange(9), centred, scores, outcomes, number=t)
        told.append((t % 2, _coded(query), _coded(surprise(scores, outcomes) @ centred)))
    asked, candidates, _, _ = lesson(rng, 12)
    for exclude in (-1, 4):
        kept = [(q, r) for t, (scope, q, r) in enumerate(told) if scope == 0 and t != exclude]
        likeness = np.array([max(0.0, float(q @ _coded(asked))) for q, _ in kept])
        toward = likeness @ np.array([r for _, r in kept]) / (likeness.sum() + 0.1)
        found = residual.score(0, asked, candidates, exclude)
        assert found is not None
        np.testing.assert_allclose(found, candidates @ toward, atol=1e-5)
    again = Residual(DIM)
    again.load(residual.state())
    np.testing.assert_array_equal(
        again.score(1, asked, candidates), residual.score(1, asked, candidates)
    )
    with pytest.raises(SnapshotError, match="width"):
        Residual(DIM + 1).load(residual.state())


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n=st.integers(1, DIM))
def test_praise_is_never_held_against_the_praised(seed: int, n: int) -> None:
    """However much was expected of a memory among several that helped, its part is at least 0."""
    rng, residual = np.random.default_rng(seed), Residual(DIM)
    query = unit_rows(rng.standard_normal((1, DIM)).astype(np.float32))[0]
    scores = (4 * rng.standard_normal(n)).astype(np.float32)
    outcomes = (rng.random(n) * (rng.random(n) < 0.6)).astype(np.float32)
    outcomes[0] = 0.5
    centred = np.ascontiguousarray(np.eye(DIM, dtype=np.float32)[:n])
    residual.add(0, query, np.arange(n), centred, scores, outcomes)
    (toward,) = residual.state()["toward"]
    told = surprise(scores, outcomes)
    assert (toward[:n][outcomes > 0] >= 0).all()
    np.testing.assert_array_equal(toward[:n][outcomes == 0], told[outcomes == 0])
    found = residual.score(0, query, centred)
    assert found is not None
    assert (found[outcomes > 0] >= 0).all()


def test_what_says_nothing_leaves_nothing() -> None:
    rng, residual = np.random.default_rng(2), Residual(DIM)
    query, centred, scores, outcomes = lesson(rng, 9)
    handles = np.arange(9)
    residual.add(0, None, handles, centred, scores, outcomes)
    residual.add(0, query, handles, centred, scores, np.zeros_like(outcomes))
    residual.add(0, query, handles, centred, scores, outcomes, share=0.0)
    assert len(residual) == 0
    assert residual.score(0, query, centred) is None
    residual.add(0, query, handles, centred, scores, outcomes)
    assert residual.score(0, None, centred) is None


def test_scores_go_into_a_column_of_rows() -> None:
    rng, residual = np.random.default_rng(3), Residual(DIM)
    query, centred, scores, outcomes = lesson(rng, 9)
    rows = rng.standard_normal((9, 4)).astype(np.float32)
    before = rows.copy()
    assert not residual.write(0, query, centred, rows, 2)
    np.testing.assert_array_equal(rows, before)
    residual.add(0, query, np.arange(9), centred, scores, outcomes)
    assert residual.write(0, query, centred, rows, 2)
    np.testing.assert_array_equal(rows[:, 2], residual.score(0, query, centred))
    np.testing.assert_array_equal(np.delete(rows, 2, 1), np.delete(before, 2, 1))
    with pytest.raises(ValueError, match="column: expected one of 4, got 4"):
        residual.write(0, query, centred, rows, 4)


def test_what_evidence_knows_of_a_question_gives_the_same_scores() -> None:
    rng, residual, evidence = np.random.default_rng(6), Residual(DIM), Evidence(DIM, questions=8)
    terms, ones = np.arange(2, dtype=np.int32), np.ones(2, np.float32)
    numbers = []
    for t in range(12):
        query, centred, scores, outcomes = lesson(rng, 9)
        if t % 3:
            used = np.flatnonzero(outcomes)
            masses, vectors = np.ones(len(used), np.float32), centred[used]
            number = evidence.add(0, query, terms, ones, used, masses, vectors, ones)
            numbers.append(number)
        residual.add(0, query, np.arange(9), centred, scores, outcomes, evidence=evidence)
    evidence.remove(numbers[-2])
    asked, candidates, _, _ = lesson(rng, 12)
    similar = evidence.similarity(0, asked, terms, ones, ones)
    np.testing.assert_array_equal(
        residual.score(0, asked, candidates, similar=similar), residual.score(0, asked, candidates)
    )
    evidence.remove(numbers[-1])
    with pytest.raises(ValueError, match="changed"):
        residual.score(0, asked, candidates, similar=similar)


def test_a_forgotten_memory_takes_its_residuals_along() -> None:
    rng, residual = np.random.default_rng(3), Residual(DIM)
    query, centred, scores, outcomes = lesson(rng, 9)
    residual.add(0, query, np.arange(9), centred, scores, outcomes)
    residual.forget(20)
    found = residual.score(0, query, centred)
    assert found is not None
    assert found.any()
    residual.forget(3)
    found = residual.score(0, query, centred)
    assert found is not None
    assert not found.any()


def test_the_oldest_questions_give_way_and_long_lists_are_cut() -> None:
    rng, residual = np.random.default_rng(4), Residual(DIM, questions=3)
    for t in range(5):
        query, centred, scores, outcomes = lesson(rng, 60)
        residual.add(0, query, np.arange(60), centred, scores, outcomes, number=t)
    assert len(residual) == 3
    assert sorted(residual.state()["number"].tolist()) == [2, 3, 4]
    assert residual.state()["about"].shape == (3, MOST)


def test_the_state_is_equal_bit_for_bit_at_every_level() -> None:
    prints = set()
    for level in LEVELS:
        set_simd_level(level)
        rng, residual = np.random.default_rng(5), Residual(DIM)
        for _ in range(20):
            query, centred, scores, outcomes = lesson(rng, 30)
            residual.add(0, query, np.arange(30), centred, scores, outcomes)
        prints.add(residual.state()["toward"].tobytes())
    assert len(prints) == 1
