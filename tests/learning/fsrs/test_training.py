from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from engrain.kernels import FSRS_PARAMETERS
from engrain.learning.fsrs import FSRS, Card, ReviewLog, fit_parameters, log_loss


def random_log(seed: int, parameters: np.ndarray | None = None, cards: int = 300) -> ReviewLog:
    """Return reviews of simulated learners whose memory follows the parameters."""
    rng, fsrs = np.random.default_rng(seed), FSRS(parameters, whole_days=False)
    rows = []
    for c in range(cards):
        card, now = Card(), 0.0
        for _ in range(8):
            recalled = rng.random() < fsrs.retrievability(card, now)
            rating = 3 if recalled or card.stability == 0 else 1
            card = fsrs.review(card, rating, now)
            rows.append((c, rating, now))
            now += 86_400 * float(rng.uniform(1, 2 + 2 * card.stability))
    return ReviewLog.of(*zip(*rng.permutation(np.array(rows)).tolist(), strict=True))


def test_layout_predicts_as_the_scheduler_does() -> None:
    rng = np.random.default_rng(0)
    cards = rng.integers(0, 20, 200)
    times = np.sort(rng.random(200)) * 86_400 * 100
    ratings = rng.integers(1, 5, 200)
    log = ReviewLog.of(cards, ratings, times)
    predicted = log.predict(FSRS_PARAMETERS)
    fsrs, held = FSRS(whole_days=False), dict.fromkeys(range(20), Card())
    for i in range(200):
        card = held[int(cards[i])]
        assert predicted[i] == pytest.approx(fsrs.retrievability(card, times[i]), abs=1e-12)
        held[int(cards[i])] = fsrs.review(card, int(ratings[i]), times[i])
    np.testing.assert_array_equal(log.recalled, ratings > 1)


def test_training_finds_a_learner_who_forgets_differently() -> None:
    true = FSRS_PARAMETERS.copy()
    true[2], true[8], true[20] = 9.0, 0.9, 0.4
    log = random_log(1, true)
    fitted = fit_parameters(log, ridge=0.001)
    seen = log.days >= 0.5
    fresh = random_log(2, true)
    losses = [
        log_loss(fresh.predict(p)[fresh.days >= 0.5], fresh.recalled[fresh.days >= 0.5])
        for p in (FSRS_PARAMETERS, fitted, true)
    ]
    assert losses[1] < losses[0]
    assert losses[1] - losses[2] < 0.5 * (losses[0] - losses[2])
    assert seen.any()


def test_trained_on_the_past_it_predicts_the_second_half_of_real_reviews(data: Path) -> None:
    with gzip.open(data / "srs_reviews_dev" / "reviews.csv.gz", "rt") as file:
        rows = [
            (
                int(row["card_id"]),
                int(row["review_rating"]),
                datetime.fromisoformat(row["review_time"]).timestamp(),
            )
            for row in csv.DictReader(file)
        ]
    cards, ratings, times = zip(*rows, strict=True)
    log = ReviewLog.of(cards, ratings, times)
    due = np.flatnonzero(log.days >= 0.5)
    due = due[np.argsort(np.array(times)[due], kind="stable")]
    past, future = due[: len(due) // 2], due[len(due) // 2 :]
    use = np.zeros(len(rows), dtype=np.bool_)
    use[past] = True
    fitted = fit_parameters(log, use)
    losses = {
        name: log_loss(log.predict(p)[future], log.recalled[future])
        for name, p in (("published", FSRS_PARAMETERS), ("trained", fitted))
    }
    rate = np.full(len(future), log.recalled[past].mean())
    losses["constant"] = log_loss(rate, log.recalled[future])
    print(f"log-loss of {len(future)} reviews: {losses}")
    assert losses["trained"] <= 0.442


def test_bad_logs_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        ReviewLog.of([1], [1, 2], [0.0])
    with pytest.raises(ValueError, match="ratings"):
        ReviewLog.of([1], [5], [0.0])
    with pytest.raises(ValueError, match="times"):
        ReviewLog.of([1], [3], [np.nan])
    with pytest.raises(ValueError, match="half a day"):
        fit_parameters(ReviewLog.of([1, 1], [3, 3], [0.0, 60.0]))
