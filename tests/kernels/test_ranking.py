from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engrain.base.arrays import F32Array, F64Array
from engrain.kernels import ranking, reference
from engrain.kernels.reference import ledger, rank
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, normal, seeds

quick = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def outcomes_of(seed: int, n: int) -> F32Array:
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(n) < 0.3, rng.random(n), 0).astype(np.float32)
    y[rng.integers(n)] = 1
    return y


class Problem:
    """A random state of the ranking model and one judged list."""

    def __init__(self, seed: int, n: int, columns: int) -> None:
        rng = np.random.default_rng(seed)
        self.rows, self.outcomes = normal(seed, n, columns), outcomes_of(seed, n)
        self.active = (rng.random(columns) < 0.8).astype(np.uint8)
        self.signs = rng.integers(-1, 2, columns).astype(np.int8)
        self.scales = rng.random(columns) + 0.1
        bounded = np.where(self.signs == 0, 1, np.maximum(0, self.signs * rng.normal(size=columns)))
        self.weights = bounded * self.signs + (self.signs == 0) * rng.normal(size=columns)
        root = rng.normal(size=(columns, columns))
        self.precision = 5 * np.eye(columns) + root @ root.T

    def step(self, information: float = 1.5, clip: float = 0.3) -> tuple[F64Array, F64Array]:
        weights, precision = self.weights.copy(), self.precision.copy()
        ranking.laplace_step(
            self.rows,
            self.outcomes,
            information,
            clip,
            self.active,
            self.signs,
            self.scales,
            weights,
            precision,
        )
        return weights, precision


@pytest.mark.parametrize("columns", [1, 2, 7, 16, 17, 45])
@quick
@given(n=st.sampled_from((1, 2, 7, 10, 16, 30)), seed=seeds)
def test_laplace_step_agrees_with_its_oracle(simd: str, columns: int, n: int, seed: int) -> None:
    problem = Problem(seed, n, columns)
    weights, precision = problem.step()
    expected = reference.laplace_step(
        problem.rows,
        problem.outcomes,
        1.5,
        0.3,
        problem.active.astype(bool),
        problem.signs,
        problem.scales,
        problem.weights,
        problem.precision,
    )
    np.testing.assert_allclose(precision, expected[1], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(weights, expected[0], rtol=1e-7, atol=1e-8)
    bounded = problem.active == 1
    assert (problem.signs * weights >= 0)[bounded & (problem.signs != 0)].all()
    assert weights[~bounded].tobytes() == problem.weights[~bounded].tobytes()


def test_laplace_step_moves_no_two_scores_further_than_the_clip_apart() -> None:
    problem = Problem(3, 10, 8)
    problem.signs[:] = 0
    weights, _ = problem.step(information=100, clip=0.3)
    change = problem.rows.astype(float) @ (weights - problem.weights)
    assert np.ptp(change) == pytest.approx(0.3)


def test_the_step_is_equal_bit_for_bit_at_every_level() -> None:
    problem = Problem(5, 30, 45)
    results = set()
    for level in LEVELS:
        set_simd_level(level)
        results.add(tuple(array.tobytes() for array in problem.step()))
    set_simd_level(LEVELS[-1])
    assert len(results) == 1


@pytest.mark.parametrize("columns", [0, 1, 16, 45])
@quick
@given(n=st.sampled_from(EXTENTS), seed=seeds)
def test_weigh_rows_agrees_with_its_oracle(simd: str, columns: int, n: int, seed: int) -> None:
    rows, weights = normal(seed, n, columns), normal(seed + 1, columns).astype(np.float64)
    scale = np.abs(rows).astype(float) @ np.abs(weights)
    got = ranking.weigh_rows(rows, weights)
    assert np.all(np.abs(got - reference.weigh_rows(rows, weights)) <= 1e-7 * scale + 1e-30)


@pytest.mark.parametrize("columns", [1, 7, 16, 17])
@quick
@given(count=st.integers(1, 6), seed=seeds)
def test_list_derivatives_agree_with_their_oracle(
    simd: str, columns: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(1, 17, count))])
    rows = normal(seed, int(offsets[-1]), columns)
    targets = np.concatenate([outcomes_of(seed, int(n)) for n in np.diff(offsets)])
    weight, w = rng.random(count), rng.normal(size=columns)
    gradient, curvature = np.empty(columns), np.empty((columns, columns))
    loss = ranking.list_derivatives(rows, targets, offsets, weight, w, gradient, curvature)
    expected = reference.list_derivatives(rows, targets, offsets, weight, w)
    assert loss == pytest.approx(expected[0], rel=1e-9)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(curvature, expected[2], rtol=1e-9, atol=1e-9)
    assert ranking.list_derivatives(rows, targets, offsets, weight, w, None, None) == loss


def test_list_derivatives_refuse_offsets_that_leave_the_rows() -> None:
    rows, targets = normal(0, 4, 2), np.ones(4, dtype=np.float32)
    for offsets in ([0, 2, 5], [1, 2, 4], [0, 2, 2], [0, 3, 2]):
        with pytest.raises(ValueError, match="offsets"):
            ranking.list_derivatives(
                rows, targets, np.array(offsets), np.ones(2), np.zeros(2), None, None
            )


@quick
@given(
    n=st.sampled_from((1, 2, 10, 15, 30)),
    m=st.sampled_from((0, 1, 5)),
    columns=st.integers(1, 12),
    seed=seeds,
)
def test_ledger_update_agrees_with_its_oracle(n: int, m: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sequences, lifts = ranking.ledger_sequences(columns), []
    evidence = (rng.random(columns) < 0.5).astype(np.uint8)
    for i in range(3):
        rows, outcomes = normal(seed + i, n, columns), outcomes_of(seed + i, n)
        weights, static = rng.normal(size=(2, columns))
        others = normal(seed + i + 9, m, columns)
        ranking.ledger_update(rows, outcomes, weights, static, evidence, 2, 0.05, sequences, others)
        lifts.append(reference.ledger_update(rows, outcomes, weights, static, evidence, others))
    observed = 0.5 + 0.5 * np.array(lifts) / np.array([2, 1, 1])
    np.testing.assert_allclose(sequences[0, :, 1, : columns + 2], observed.sum(0).T, atol=1e-9)
    assert sequences[0].tobytes() == sequences[2].tobytes()
    assert not sequences[1].any()
    for c in range(columns + 2):
        for m in range(3):
            got = ranking.sequence_bounds(np.ascontiguousarray(sequences[0, m, :, c]), 0.05)
            expected = reference.sequence_bounds(observed[:, c, m], 0.05)
            np.testing.assert_allclose(got, expected, atol=1e-9)


def test_the_oracle_measures_a_list_as_by_hand() -> None:
    scores, gains = [0.3, 0.9, 0.3, 0.1], [0, 0, 1, 0]  # a tie: the earlier one comes first
    assert ledger.reciprocal_rank(scores, gains) == pytest.approx(1 / 3)
    assert ledger.ndcg10(scores, gains) == pytest.approx(1 / np.log2(4))
    assert rank.log_loss(np.log([1, 2, 3, 2]), gains) == pytest.approx(-np.log(3 / 8))


def test_ledger_update_is_the_same_at_every_level() -> None:
    found = set()
    rows, outcomes, runners = normal(3, 10, 13), outcomes_of(3, 10), normal(4, 5, 13)
    weights, static = np.random.default_rng(3).normal(size=(2, 13))
    evidence = (np.arange(13) > 6).astype(np.uint8)
    for level in LEVELS:
        set_simd_level(level)
        sequences = ranking.ledger_sequences(13)
        for part in (1, 2, 1):
            ranking.ledger_update(
                rows, outcomes, weights, static, evidence, part, 0.05, sequences, runners
            )
        found.add(sequences.tobytes())
    assert len(found) == 1


def miss_rate(draw: F64Array, mean: float, alpha: float) -> float:
    """Share of runs whose bounds exclude the mean at some time; draw: (runs, steps) in [0, 1]."""
    missed = 0
    for run in draw:
        sequence = np.zeros(6)
        for x in run:
            ranking.observe(sequence, float(x), alpha)
            lower, upper = ranking.sequence_bounds(sequence, alpha)
            if not lower <= mean <= upper:
                missed += 1
                break
    return missed / len(draw)


@pytest.mark.parametrize("mean", [0.02, 0.5, 0.9])
def test_the_bounds_hold_at_all_times_together(mean: float) -> None:
    rng = np.random.default_rng(int(mean * 100))
    assert miss_rate((rng.random((150, 600)) < mean).astype(np.float64), mean, 0.1) <= 0.1


def test_the_bounds_shrink_with_the_deviation() -> None:
    widths = []
    for spread in (0.5, 0.05):
        sequence = np.zeros(6)
        for x in 0.5 + spread * np.random.default_rng(0).uniform(-1, 1, 2000):
            ranking.observe(sequence, float(x), 0.05)
        lower, upper = ranking.sequence_bounds(sequence, 0.05)
        widths.append(upper - lower)
    assert widths[1] < 0.5 * widths[0] < 0.1


def test_wrong_arrays_are_refused_before_anything_changes() -> None:
    problem = Problem(0, 4, 3)
    before = problem.precision.copy()
    arguments = (
        problem.rows,
        problem.outcomes,
        1.0,
        0.3,
        problem.active,
        problem.signs,
        problem.scales,
        problem.weights,
        problem.precision,
    )
    with pytest.raises(TypeError, match="rows"):
        ranking.laplace_step(problem.rows.astype(np.float64), *arguments[1:])
    with pytest.raises(ValueError, match="precision"):
        ranking.laplace_step(*arguments[:8], problem.precision[:2])
    for bad in (0.0, 2.0, np.nan, -1.0):
        outcomes = np.full(4, bad, dtype=np.float32)
        with pytest.raises(ValueError, match="outcomes"):
            ranking.laplace_step(problem.rows, outcomes, *arguments[2:])
    assert problem.precision.tobytes() == before.tobytes()
    told = problem.rows, problem.outcomes, problem.weights, problem.weights, problem.active
    sequences = ranking.ledger_sequences(3)
    with pytest.raises(ValueError, match="part"):
        ranking.ledger_update(*told, 0, 0.05, sequences)
    with pytest.raises(ValueError, match="runners"):
        ranking.ledger_update(*told, 1, 0.05, sequences, normal(0, 5, 2))
    with pytest.raises(ValueError, match="x"):
        ranking.observe(np.zeros(6), 1.5, 0.05)


def test_what_was_not_told_counts_0() -> None:
    told = np.array([1, np.nan, 0.25, 0, np.nan], np.float32)
    np.testing.assert_array_equal(ranking.zero_untold(told), [1, 0, 0.25, 0, 0])
    assert ranking.zero_untold(told[:0]).shape == (0,)
    with pytest.raises(TypeError, match="told"):
        ranking.zero_untold(told.astype(float))


def test_a_column_is_raised_to_the_eighth() -> None:
    rows = normal(4, 9, 5)
    before = rows.copy()
    ranking.raise_to_eighth(rows, 1, 3)
    np.testing.assert_allclose(rows[:, 3], before[:, 1].astype(float) ** 8, rtol=1e-6)
    rows[:, 3] = before[:, 3]
    np.testing.assert_array_equal(rows, before)
    with pytest.raises(ValueError, match="columns of 5, got 1, 5"):
        ranking.raise_to_eighth(rows, 1, 5)
