from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from engrain import kernels
from engrain.base.arrays import F64Array, U8Array
from engrain.kernels import reference
from engrain.kernels.fsrs import FSRS_PARAMETERS, LOWER, UPPER
from engrain.kernels.simd import LEVELS, set_simd_level
from tests.strategies import EXTENTS, seeds

LETTERS = {"A": 1, "H": 2, "G": 3, "E": 4}


def cards(seed: int, n: int) -> tuple[F64Array, F64Array, F64Array, U8Array]:
    rng = np.random.default_rng(seed)
    stability = np.exp(rng.uniform(-6, 9, n)) * (rng.random(n) < 0.9)
    elapsed = np.floor(np.exp(rng.uniform(-1, 7, n)))
    rating = rng.integers(1, 5, n).astype(np.uint8)
    return stability, rng.uniform(1, 10, n), elapsed, rating


def some_parameters(seed: int) -> F64Array:
    mix = np.random.default_rng(seed).random(21)
    return np.asarray(LOWER + mix * (UPPER - LOWER))


@pytest.mark.parametrize("n", EXTENTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_fsrs_agrees_with_its_oracle(simd: str, n: int, seed: int) -> None:
    stability, difficulty, elapsed, rating = cards(seed, n)
    for w in (FSRS_PARAMETERS, some_parameters(seed)):
        s, d = stability.copy(), difficulty.copy()
        wanted = reference.review_cards(s, d, elapsed, rating, w)
        recall = kernels.retrieve_cards(s, elapsed, parameters=w)
        np.testing.assert_allclose(recall, reference.retrieve_cards(s, elapsed, w), rtol=1e-12)
        kernels.review_cards(s, d, elapsed, rating, parameters=w)
        np.testing.assert_allclose(s, wanted[0], rtol=1e-10)
        np.testing.assert_allclose(d, wanted[1], rtol=1e-12)
        days = kernels.fsrs_interval(s, retention=0.8, parameters=w)
        exact = np.clip(reference.fsrs_interval(s, 0.8, w), 1, 36500)
        assert np.abs(days - exact).max(initial=0) <= 0.5 + 1e-6


def intervals(letters: str, gaps: list[int] | None = None) -> tuple[list[int], float, float]:
    s, d, days = np.zeros(1), np.zeros(1), 0
    out = []
    for i, letter in enumerate(letters):
        gap = days if gaps is None else gaps[i]
        kernels.review_cards(s, d, np.array([float(gap)]), np.array([LETTERS[letter]], np.uint8))
        days = int(kernels.fsrs_interval(s)[0])
        out.append(days)
    return out, float(s[0]), float(d[0])


def test_published_sequences() -> None:
    assert intervals("GGGGGGG")[0] == [2, 11, 46, 163, 497, 1346, 3292]
    assert intervals("GGAGGG")[0] == [2, 11, 2, 5, 12, 28]
    assert intervals("EEEE")[0] == [8, 66, 397, 1875]
    assert intervals("HHHH")[0] == [1, 3, 7, 12]
    assert intervals("GGHEG")[0] == [2, 11, 32, 146, 421]
    _, stability, difficulty = intervals("AGGGGG", [0, 0, 1, 3, 8, 21])
    assert stability == pytest.approx(53.62691, abs=1e-4)
    assert difficulty == pytest.approx(6.3574867, abs=1e-4)
    assert intervals("EEEEEEEEEE")[2] == 1


def peer(fsrs: Any, letters: list[int], gaps: list[int]) -> tuple[float, float, float]:
    scheduler = fsrs.Scheduler(enable_fuzzing=False, learning_steps=(), relearning_steps=())
    card, now = fsrs.Card(), datetime(2026, 1, 1, tzinfo=UTC)
    for rating, gap in zip(letters, gaps, strict=True):
        now += timedelta(days=gap)
        card, _ = scheduler.review_card(card, fsrs.Rating(rating), now)
    recall = scheduler.get_card_retrievability(card, now + timedelta(days=9))
    return card.stability, card.difficulty, recall


def test_random_streams_equal_py_fsrs() -> None:
    fsrs = pytest.importorskip("fsrs")
    rng = np.random.default_rng(0)
    n, length = 500, 20
    ratings = rng.integers(1, 5, (length, n)).astype(np.uint8)
    gaps = np.floor(np.exp(rng.uniform(-1, 6, (length, n))))
    s, d = np.zeros(n), np.zeros(n)
    for rating, gap in zip(ratings, gaps, strict=True):
        kernels.review_cards(s, d, gap, rating)
    recall = kernels.retrieve_cards(s, np.full(n, 9.0))
    got = np.column_stack([s, d, recall])
    exact = [peer(fsrs, ratings[:, i].tolist(), gaps[:, i].tolist()) for i in range(n)]
    np.testing.assert_allclose(got, exact, rtol=1e-9)


def test_state_is_equal_at_every_level() -> None:
    states = set()
    for level in LEVELS:
        set_simd_level(level)
        s, d, elapsed, rating = cards(1, 1003)
        kernels.review_cards(s, d, elapsed, rating)
        states.add((s.tobytes(), d.tobytes(), kernels.retrieve_cards(s, elapsed).tobytes()))
    assert len(states) == 1


def test_fsrs_refuses_bad_input_before_any_change() -> None:
    s, d, elapsed, rating = cards(2, 9)
    before = s.tobytes(), d.tobytes()
    with pytest.raises(ValueError, match="rating"):
        kernels.review_cards(s, d, elapsed, rating + np.uint8(4))
    with pytest.raises(ValueError, match="elapsed"):
        kernels.review_cards(s, d, elapsed * np.nan, rating)
    with pytest.raises(ValueError, match="difficulty"):
        kernels.review_cards(s + 1, d + 20, elapsed, rating)
    with pytest.raises(TypeError):
        kernels.review_cards(s.astype(np.float32), d, elapsed, rating)
    with pytest.raises(TypeError):
        kernels.review_cards(s[::2], d[:5], elapsed[:5], rating[:5])
    with pytest.raises(ValueError, match="21"):
        kernels.retrieve_cards(s, elapsed, parameters=FSRS_PARAMETERS[:19])
    with pytest.raises(ValueError, match="retention"):
        kernels.fsrs_interval(s, retention=1.0)
    assert (s.tobytes(), d.tobytes()) == before
