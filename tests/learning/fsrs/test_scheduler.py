from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from engrain.learning.fsrs import FSRS, Card, Phase, Rating

START = datetime(2022, 11, 29, 12, 30, tzinfo=UTC)


def published(fsrs: FSRS, ratings: str) -> tuple[list[int], Card]:
    """Return whole-day intervals of a card that is always seen when due."""
    names, card, now, days = "AHGE", Card(), START.timestamp(), []
    for letter in ratings:
        card = fsrs.review(card, names.index(letter) + 1, now)
        days.append(int((card.due - now) // 86_400))
        now = card.due
    return days, card


def test_intervals_of_the_published_sequence() -> None:
    days, _ = published(FSRS(), "GGGGGGAAGGGGG")
    assert days == [0, 2, 11, 46, 163, 498, 0, 0, 2, 4, 7, 12, 21]


def test_memory_state_of_the_published_sequence() -> None:
    fsrs, card, now = FSRS(), Card(), START.timestamp()
    gaps = (0, 0, 1, 3, 8, 21)
    for rating, gap in zip((1, 3, 3, 3, 3, 3), gaps, strict=True):
        now += gap * 86_400
        card = fsrs.review(card, rating, now)
    assert card.stability == pytest.approx(53.62691, abs=1e-4)
    assert card.difficulty == pytest.approx(6.3574867, abs=1e-4)


def test_always_easy_is_the_least_difficulty() -> None:
    _, card = published(FSRS(), "E" * 10)
    assert card.difficulty == 1.0


def test_intervals_without_steps() -> None:
    plain = FSRS(learning_steps=(), relearning_steps=())
    for ratings, expected in (
        ("GGGGGGG", [2, 11, 46, 163, 497, 1346, 3292]),
        ("GGAGGG", [2, 11, 2, 5, 12, 28]),
        ("EEEE", [8, 66, 397, 1875]),
        ("HHHH", [1, 3, 7, 12]),
        ("GGHEG", [2, 11, 32, 146, 421]),
    ):
        assert published(plain, ratings)[0] == expected


def test_ten_thousand_streams_are_those_of_py_fsrs() -> None:
    peer: Any = pytest.importorskip("fsrs")
    scheduler, fsrs = peer.Scheduler(enable_fuzzing=False), FSRS()
    rng = np.random.default_rng(0)
    phases = {1: Phase.LEARNING, 2: Phase.REVIEW, 3: Phase.RELEARNING}
    worst = 0.0
    for _ in range(10_000):
        theirs, ours, now = peer.Card(card_id=1), Card(), START
        for rating, gap in zip(rng.integers(1, 5, 4), rng.exponential(10.0, 4), strict=True):
            now += timedelta(days=float(gap) if rng.random() < 0.8 else 0.01)
            theirs, _ = scheduler.review_card(theirs, peer.Rating(int(rating)), now)
            ours = fsrs.review(ours, int(rating), now.timestamp())
            worst = max(
                worst,
                abs(ours.stability - theirs.stability) / theirs.stability,
                abs(ours.difficulty - theirs.difficulty),
            )
            assert ours.phase == phases[int(theirs.state)]
            assert ours.due == pytest.approx(theirs.due.timestamp(), abs=1e-3)
    assert worst < 1e-9
    later = now + timedelta(days=30)
    assert fsrs.retrievability(ours, later.timestamp()) == pytest.approx(
        scheduler.get_card_retrievability(theirs, later), abs=1e-9
    )


def test_intervals_grow_with_success_and_fall_on_a_lapse() -> None:
    fsrs = FSRS(learning_steps=(), relearning_steps=())
    days, _ = published(fsrs, "GGGGA")
    assert days[:4] == sorted(days[:4])
    assert days[4] < days[3] / 4
    assert FSRS(desired_retention=0.8).interval(10.0) > FSRS().interval(10.0) == 10
    assert fsrs.retrievability(Card(), START.timestamp()) == 0.0


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="5"):
        FSRS().review(Card(), 5, 0.0)
    with pytest.raises(ValueError, match="desired_retention"):
        FSRS(desired_retention=1.0)
    with pytest.raises(ValueError, match="parameters"):
        FSRS(parameters=np.zeros(21))
    assert [int(rating) for rating in Rating] == [1, 2, 3, 4]
